package config

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"golang.org/x/crypto/ssh"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/reporting"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report/formats"
	"github.com/tfops/tfops/internal/run"
)

func readReference(t *testing.T) string { return readDoc(t, "configuration.md") }

func readDoc(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// section is the text under a heading, down to the next of any level.
func section(t *testing.T, doc, heading string) string {
	t.Helper()
	_, after, ok := strings.Cut(doc, "# "+heading+"\n")
	if !ok {
		t.Errorf("the reference has no section %q", heading)
	}
	text, _, _ := strings.Cut(after, "\n#")
	return text
}

// Each attribute has a row in the table of its block, each block a section,
// and each name that is not available yet is named.
func TestReferenceIsComplete(t *testing.T) {
	doc := readReference(t)
	later := section(t, doc, "Not available yet")
	var check func(k *schema.Kind)
	check = func(k *schema.Kind) {
		heading := k.Type
		if heading == "" {
			heading = "The file"
		}
		text := section(t, doc, heading)
		own := k.Attrs
		if k == schema.Workspaces { // the others are those of a workspace
			own = slices.DeleteFunc(slices.Clone(k.Attrs),
				func(a string) bool { return a != "var_files" && schema.Defaults.HasAttr(a) })
		}
		for _, a := range own {
			if k != schema.Defaults && !strings.Contains(text, "| `"+a+"` |") {
				t.Errorf("section %q has no row for %s", heading, a)
			}
		}
		rows := strings.Count(text, "\n| `") - strings.Count(text, "\n| `plan.") - strings.Count(text,
			"\n| `workspace.") - strings.Count(text, "\n| `commit.")
		if k != schema.Defaults && rows != len(own) {
			t.Errorf("section %q has %d rows for %d attributes", heading, rows, len(own))
		}
		for name := range k.Later {
			if !strings.Contains(later, "`"+name+"`") {
				t.Errorf("%s is not named among what is not available yet", name)
			}
		}
		for _, b := range k.Blocks {
			check(b)
		}
	}
	check(schema.File)
	functions := section(t, doc, "Functions")
	for _, name := range slices.Sorted(maps.Keys(decode.NewReader("x").Context().Functions)) {
		if !strings.Contains(functions, "`"+name) {
			t.Errorf("function %s is not in the reference", name)
		}
	}
}

// What the reference says a condition has, it has.
func TestReferenceOfConditions(t *testing.T) {
	names := regexp.MustCompile("`((?:plan|workspace|commit)\\.[a-z_]+)`").FindAllStringSubmatch(readReference(t), -1)
	if len(names) < 20 {
		t.Fatalf("only %d names", len(names))
	}
	for _, n := range names {
		src := n[1] + " == null"
		e, diags := hclsyntax.ParseExpression([]byte(src), "x", hcl.InitialPos)
		if !diags.HasErrors() {
			_, diags = approvals.ParseCondition(e, []byte(src))
		}
		if diags.HasErrors() {
			t.Errorf("%s: %v", n[1], diags)
		}
	}
}

var loadable = regexp.MustCompile("(?s)```hcl load\n(.*?)```")

func TestReferenceLoads(t *testing.T) {
	t.Setenv("GIT_TOKEN", "x")
	t.Setenv("SLACK_URL", "slack://hook:AAAAAAAAA-BBBBBBBBB-123456789123456789123456@webhook")
	t.Setenv("MAIL_URL", "smtps://tfops:x@mail.example.com/?from=tfops@example.com&to=ops@example.com")
	t.Setenv("HOOK_SECRET", "x")
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	var blocks [][]string
	for name, least := range map[string]int{"configuration.md": 10, "notifications.md": 2, "private-modules.md": 4} {
		doc := readDoc(t, name)
		found := loadable.FindAllStringSubmatch(doc, -1)
		if len(found) < least || strings.Count(doc, "```hcl") != len(found) {
			t.Fatalf("%s: %d of %d examples are marked to be loaded", name, len(found), strings.Count(doc, "```hcl"))
		}
		blocks = append(blocks, found...)
	}
	for _, b := range blocks {
		files := certFiles(t, "client")
		files["ca.pem"], files["known_hosts"] = files["client.pem"], "# none\n"
		files["deploy_key"] = string(pem.EncodeToMemory(key))
		c := load(t, b[1], files)
		for _, w := range c.Warnings {
			if w.Summary != "no workspace" && w.Summary != "no CLI configuration there" {
				t.Errorf("%s: %v", b[1], w)
			}
		}
		if !filepath.IsAbs(c.DataDir) {
			t.Errorf("data_dir is %q", c.DataDir)
		}
	}
}

// What the documents list of classes, kinds, formats and actions is what there is.
func TestReferenceOfWords(t *testing.T) {
	doc := readReference(t)
	inDrift := section(t, readDoc(t, "drift.md"), "Classes")
	rows := regexp.MustCompile("\\n\\| `([a-z_]+)` \\|").FindAllStringSubmatch(inDrift, -1)
	var got []string
	for _, r := range rows {
		got = append(got, r[1])
	}
	if want := decode.Strings(drift.Classes()); !slices.Equal(got, want) {
		t.Errorf("classes are %q, want %q", got, want)
	}
	said := section(t, doc, "notify")
	said = said[strings.Index(said, "`on` has some of"):]
	var kinds, without []string
	for i, sentence := range strings.SplitN(said, "Without it", 2) {
		sentence, _, _ = strings.Cut(sentence, "\n\n")
		for _, k := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(sentence, -1) {
			switch {
			case i == 1:
				without = append(without, k[1])
			case k[1] != "on":
				kinds = append(kinds, k[1])
			}
		}
	}
	var want, other []string
	for _, k := range run.NoticeKinds() {
		if k != run.NoticeTest {
			want = append(want, string(k))
			if !slices.Contains(reporting.DefaultKinds, k) {
				other = append(other, string(k))
			}
		}
	}
	if !slices.Equal(kinds, want) || !slices.Equal(without, other) {
		t.Errorf("kinds are %q without %q,\nwant      %q without %q", kinds, without, want, other)
	}
	row := func(heading, attr string) string {
		_, after, _ := strings.Cut(section(t, doc, heading), "| `"+attr+"` |")
		cell, _, _ := strings.Cut(after, "|")
		return cell
	}
	quotes := func(cell string) (all []string) {
		for _, q := range regexp.MustCompile("`\"([a-z]+)\"`").FindAllStringSubmatch(cell, -1) {
			all = append(all, q[1])
		}
		return all
	}
	for _, c := range []struct {
		got  string
		want []string
	}{
		{row("report", "formats"), reporting.Formats},
		{row("severity", "action"), decode.Strings(reporting.Actions)},
		{row("severity", "level"), decode.Strings(drift.Severities())},
		{row("filter", "severity"), decode.Strings(drift.Severities())},
	} {
		if got := quotes(c.got); !slices.Equal(got, c.want) {
			t.Errorf("the reference has %q, want %q", got, c.want)
		}
	}
	var made []string
	for _, f := range formats.All() {
		made = append(made, f.Name)
	}
	if slices.Sort(made); !slices.Equal(made, slices.Sorted(slices.Values(reporting.Formats))) {
		t.Errorf("reports are made as %q, want %q", made, reporting.Formats)
	}
}
