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
)

const reference = "../../docs/configuration.md"

func readReference(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(reference)
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
	var check func(k *kind)
	check = func(k *kind) {
		heading := k.typ
		if heading == "" {
			heading = "The file"
		}
		text := section(t, doc, heading)
		own := k.attrs
		if k == generatorKind { // the others are those of a workspace
			own = slices.DeleteFunc(slices.Clone(k.attrs), func(a string) bool { return a != "var_files" && slices.Contains(workspaceAttrs, a) })
		}
		for _, a := range own {
			if k != defaultsKind && !strings.Contains(text, "| `"+a+"` |") {
				t.Errorf("section %q has no row for %s", heading, a)
			}
		}
		rows := strings.Count(text, "\n| `") - strings.Count(text, "\n| `plan.") - strings.Count(text, "\n| `workspace.") - strings.Count(text, "\n| `commit.")
		if k != defaultsKind && rows != len(own) {
			t.Errorf("section %q has %d rows for %d attributes", heading, rows, len(own))
		}
		for name := range k.later {
			if !strings.Contains(later, "`"+name+"`") {
				t.Errorf("%s is not named among what is not available yet", name)
			}
		}
		for _, b := range k.blocks {
			check(b)
		}
	}
	check(fileKind)
	functions := section(t, doc, "Functions")
	for _, name := range slices.Sorted(maps.Keys(newReader("x").eval.Functions)) {
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
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	doc := readReference(t)
	blocks := loadable.FindAllStringSubmatch(doc, -1)
	if len(blocks) < 4 || strings.Count(doc, "```hcl") != len(blocks) {
		t.Fatalf("%d of %d examples are marked to be loaded", len(blocks), strings.Count(doc, "```hcl"))
	}
	for _, b := range blocks {
		c := load(t, b[1], map[string]string{"deploy_key": string(pem.EncodeToMemory(key)), "known_hosts": "# none\n"})
		for _, w := range c.Warnings {
			if w.Summary != "no workspace" {
				t.Errorf("%s: %v", b[1], w)
			}
		}
		if !filepath.IsAbs(c.DataDir) {
			t.Errorf("data_dir is %q", c.DataDir)
		}
	}
}
