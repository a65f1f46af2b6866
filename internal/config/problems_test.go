package config

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
)

func render(t *testing.T, src string, color bool, width int) string {
	t.Helper()
	_, err := Load(write(t, src, nil))
	p, ok := err.(*Problems)
	if !ok {
		t.Fatalf("no problems: %v", err)
	}
	var out bytes.Buffer
	if err := p.Render(&out, color, width); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The caret stands under what is meant, whatever comes before it.
func TestCaret(t *testing.T) {
	for src, caret := range map[string]string{
		"\tdata_dir = [\"x\"]":                  "            ^^^^^",
		"data_dir = /* 日本語 */ [\"x\"]":          "                        ^^^^^",
		"data_dir = /* \x1b[31m */ [\"x\"]\r\n": "                       ^^^^^",
		"data_dir = [\n\"x\"\n]":                "           ^",
	} {
		lines := strings.Split(render(t, src, false, 0), "\n")
		if len(lines) < 3 || strings.TrimPrefix(lines[2], "      | ") != caret {
			t.Errorf("%q:\n%s", src, strings.Join(lines, "\n"))
		}
		if strings.ContainsAny(strings.Join(lines, ""), "\x1b\t\r") {
			t.Errorf("%q: control characters reach the terminal", src)
		}
	}
}

func TestWidth(t *testing.T) {
	src := "data_dir = \"" + strings.Repeat("日", 200) + "\"\nrunner {\n concurrency = " + strings.Repeat("1 + ",
		60) + "nosuch(\"" + strings.Repeat("x", 90) + "\")\n}"
	out := render(t, src, false, 60)
	for line := range strings.SplitSeq(out, "\n") {
		if strings.Contains(line, "tfops.hcl:") {
			continue // a place is one word, and stays whole
		}
		if w := runewidth.StringWidth(line); w > 60 {
			t.Errorf("%d columns: %s", w, line)
		}
	}
	if !strings.Contains(out, "nosuch") || !strings.Contains(out, "^^^^^^") {
		t.Errorf("the mistake is cut off:\n%s", out)
	}
}

func TestColor(t *testing.T) {
	const src = "data_dir = 1 + \"x\""
	plain, color := render(t, src, false, 0), render(t, src, true, 0)
	if strings.Contains(plain, "\x1b") || !strings.Contains(color, "\x1b[1;31merror:") {
		t.Errorf("plain %q\ncolor %q", plain, color)
	}
}

// Error may go into a log: it repeats no line of the file.
func TestErrorHasNoSource(t *testing.T) {
	_, err := Load(write(t, "repository \"r\" {\n url = \"https://git.example.com/x.git\"\n"+
		" auth { password = [\"hunter2\"] }\n}", nil))
	if err == nil || strings.Contains(err.Error(), "hunter2") ||
		!strings.Contains(err.Error(), "tfops.hcl:3:20: wrong type: password must be a string") {
		t.Errorf("%v", err)
	}
}
