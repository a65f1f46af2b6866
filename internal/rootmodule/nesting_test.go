package rootmodule

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// What is refused must be all that can exhaust the stack of HCL's parser, which would
// end the process; what people write must pass.
func TestTooDeep(t *testing.T) {
	for _, s := range []string{
		"(", "[", "{a=", "!", "-", "! ", "1==1?1:", "f(", "\"${", "x[", "[0]", "[*].a",
		"(/*)*/", "(#)\n", "!/**/", "[0]/**/",
		"a {\n", "a \"b\" {\n", "[\"]\",", "(\"${\")\"}\"+",

		"+1", "*a", "&&a", "==a", "\"%{if a}", "+f(1,2)", "+[\n1,\n2]", "\"${<<A\n",
	} {
		if !TooDeep([]byte("a = 1" + strings.Repeat(s, 11*maxNesting))) {
			t.Errorf("many of %q pass", s)
		}
	}
	for _, s := range []string{
		"# ---------- (see a) :( ? --\nx = [for a in b : {c = !d}]\n",
		"b {\n  x = a == 1 && b > 2 ? c + 1 : d[0][1].e\n  y = {a = 1 + 2, b = \"%{if a}x%{else}y%{endif}\"}\n}\n",
	} {
		if src := strings.Repeat(s, 3000); Check([]byte(src), Config, MaxHCL) != nil {
			t.Errorf("an ordinary file is refused: %q", s)
		}
		if src := "locals {\n" + strings.Repeat(s, 3000) + "}\n"; Check([]byte(src), Config, MaxHCL) != nil {
			t.Errorf("an ordinary block is refused: %q", s)
		}
	}
}

// A comment of a file is text in a template, and what follows it counts there.
func TestTooDeepInTemplates(t *testing.T) {
	for _, before := range []string{"", "# ", "// ", "/* ", "\"", "<<A\n", "}"} {
		for _, s := range []string{"${\"", "${[", "%{if a}", "${!", "${1==1?1:"} {
			src := []byte(before + strings.Repeat(s, 11*maxNesting))
			if _, err := ParseTemplate(src, hcl.InitialPos); !errors.Is(err, ErrTooDeep) {
				t.Errorf("a template of %q and many %q: %v", before, s, err)
			}
			json := fmt.Sprintf(`{"a": %q}`, src)
			if body, err := Parse("a.tf.json", []byte(json)); err != nil || body == nil { // it is only text there
				t.Errorf("JSON of %q and many %q: %v", before, s, err)
			}
		}
	}
	plain := []byte(strings.Repeat("# a ${b} %{if c}d%{endif}\n", 3000))
	if _, err := ParseTemplate(plain, hcl.InitialPos); err != nil {
		t.Errorf("an ordinary template: %v", err)
	}
}

// bombs are texts of which a few kilobytes keep HCL's parser busy, or may.
var bombs = []struct{ name, before, again, after string }{
	{"a.tf", "", "a = <<A\n", ""},
	{"a.tf", "a = <<A\n", "b\n", "A\n"},
	{"a.tf", "a = <<-A\n", " $b\n", "A\n"},
	{"a.tf", "a = \"", "$", "\"\n"},
	{"a.tf", "a = \"", "%", "\"\n"},
	{"a.tf", "a = \"", "$${", "\"\n"},
	{"a.tf", "a = \"", "%%{", "\"\n"},
	{"a.tf", "a = \"", "\\n$", "\"\n"},
	{"a.tf", "a = <<A\n", "echo $b 100% ${c}\n", "A\n"},
	{"a.tf", "a = \"", "$b${c}", "\"\n"},
	{"a.tf", "a = \"", "${\"$$$$$\"}", "\"\n"},
	{"a.tf", "a = \"", "%{if a}", "\"\n"},
	{"a.tf", "a = \"", "%{for a in b}", "\"\n"},
	{"a.tf", "a = \"", "\n", "\"\n"},
	{"a.tf", "a = \"", "\xff", "\"\n"},
	{"a.tf", "a = a", "::a", "()\n"},
	{"a.tf", "a = 1", "+1", "\n"},
	{"a.tf", "a = [", "1,", "]\n"},
	{"a.tf", "", "a = 1e1000000000\n", ""},
	{"a.tf", "a = 1e", "9", "\n"},
	{"a.tf", "a = 1", ".", "\n"},
	{"a.tf", "", "/*", ""},
	{"a.tf", "", "}", ""},
	{"a.tf", "", "\"\n", ""},
	{"a.tf", "a = a", "[*]", "\n"},
	{"a.tf", "a = a", ".*", "\n"},
	{"a.tf.json", "{\"a\": [", "1e1000000000,", "1]}"},
	{"a.tf.json", "{\"a\": ", "[", ""},
	{"a.tf.json", "{\"a\": ", "{\"a\":", ""},
	{"a.tf.json", "{\"a\": \"", "${\\\"", "\"}"},
	{"a.tf.json", "{\"a\": [", "\"${\",", "1]}"},
	{"a.tf.json", "", "\"${", ""},
	{"a.tf.json", "{", "\"a\":1,", "\"a\":1}"},
}

// TestBombs: whatever a file says, it is read or refused soon.
func TestBombs(t *testing.T) {
	for _, b := range bombs {
		for _, size := range []int{480 << 10, MaxHCL - 100} {
			src := b.before + strings.Repeat(b.again, (size-len(b.before)-len(b.after))/len(b.again)) + b.after
			started := time.Now()
			_, err := Parse(b.name, []byte(src))
			if d := time.Since(started); d > 30*time.Second { // without a bound it is minutes
				t.Errorf("%d bytes of %q and many %q take %s: %v", len(src), b.before, b.again, d, err)
			}
			if testing.Short() {
				break
			}
		}
	}
}

// Long texts that people write pass.
func TestLongTexts(t *testing.T) {
	for _, c := range []struct {
		line  string
		lines int
	}{{strings.Repeat("x", 60), 4000},
		{"echo $HOME 100% \"${a}\"", 2000}, {"", 10_000}, {strings.Repeat("y", 250), 2000}} {
		src := "a = <<EOT\n" + strings.Repeat(c.line+"\n", c.lines) + "EOT\n"
		body, err := Parse("a.tf", []byte(src))
		if err != nil {
			t.Errorf("%d lines of %q: %v", c.lines, c.line, err)
			continue
		}
		if n := len(body.(*hclsyntax.Body).Attributes); n != 1 {
			t.Errorf("%d attributes", n)
		}
	}
}
