package codify_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/drift/codify"
	"github.com/tfops/tfops/internal/drift/codify/hclsource"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/testrig"
)

const provider = testrig.RequiredProviders + `variable "world" {}
provider "lab" {
  world = var.world
}
`

// realCases are configurations with a thing called "a" that somebody changes.
var realCases = []struct {
	name    string
	repo    string
	source  hclsource.Source
	address string
	drift   func(map[string]any)
}{
	{name: "plain text", address: "lab_thing.a", drift: set("value", `by "hand" ${x}`),
		repo: "-- live/main.tf --\nresource \"lab_thing\" \"a\" {\n  name  = \"a\"\n  value = \"one\" # why\n}\n"},
	{name: "text of several lines in the world", address: "lab_thing.a", drift: set("value", "x\n%{ y }\n"),
		repo: "-- live/main.tf --\nresource \"lab_thing\" \"a\" {\n  name  = \"a\"\n  value = \"one\"\n}\n"},
	{name: "not written", address: "lab_thing.a", drift: set("note", "noted"),
		repo: "-- live/main.tf --\nresource \"lab_thing\" \"a\" {\n  name = \"a\"\n\n  lifecycle {\n    " +
			"create_before_destroy = false\n  }\n}\n"},
	{name: "not written, in a block of one line", address: "lab_thing.a", drift: set("note", "noted"),
		repo: "-- live/main.tf --\nresource \"lab_thing\" \"a\" { name = \"a\" }\n"},
	{name: "keys of a map", address: "lab_thing.a",
		drift: set("tags", map[string]any{"team": "ops", "a b": "new", "tier": "prod"}),
		repo: "-- live/main.tf --\nresource \"lab_thing\" \"a\" {\n  name = \"a\"\n  tags = {\n    team = \"net\" # " +
			"who\n    # on its way out\n    old  = \"yes\"\n    tier = \"prod\"\n  }\n}\n"},
	{name: "a map on one line", address: "lab_thing.a", drift: set("tags", map[string]any{"team": "ops", "x": "y"}),
		repo: "-- live/main.tf --\nresource \"lab_thing\" \"a\" {\n  name = \"a\"\n  tags = { team = \"net\", old = " +
			"\"yes\" }\n}\n"},
	{name: "a map that is new", address: "lab_thing.a", drift: set("tags", map[string]any{"team": "ops", "for": "y"}),
		repo: "-- live/main.tf --\nresource \"lab_thing\" \"a\" {\n  name = \"a\"\n}\n"},
	{name: "a map that is gone", address: "lab_thing.a", drift: set("tags", nil),
		repo: "-- live/main.tf --\nresource \"lab_thing\" \"a\" {\n  name = \"a\"\n  tags = {\n    team = \"net\"\n " +
			" }\n  value = \"one\"\n}\n"},
	{name: "a local", address: "lab_thing.a", drift: set("value", "two"),
		repo: "-- live/main.tf --\nlocals {\n  sizes = { a = \"one\", b = \"one\" }\n}\nresource \"lab_thing\" " +
			"\"a\" {\n  name  = \"a\"\n  value = local.sizes.a\n}\n"},
	{name: "a default", address: "lab_thing.a", drift: set("value", "two"),
		repo: "-- live/main.tf --\nvariable \"v\" {\n  default = \"one\"\n}\nresource \"lab_thing\" \"a\" {\n  name " +
			" = \"a\"\n  value = var.v\n}\n"},
	{name: "terraform.tfvars", address: "lab_thing.a", drift: set("value", "two"),
		repo: "-- live/terraform.tfvars --\nv = \"one\"\n-- live/main.tf --\nvariable \"v\" {\n  default = " +
			"\"zero\"\n}\nresource \"lab_thing\" \"a\" {\n  name  = \"a\"\n  value = var.v\n}\n"},
	{name: "auto.tfvars over terraform.tfvars", address: "lab_thing.a", drift: set("value", "two"),
		repo: "-- live/terraform.tfvars --\nv = \"zero\"\n-- live/a.auto.tfvars --\nv = \"zero\"\n-- " +
			"live/b.auto.tfvars --\nv = \"one\"\n-- live/main.tf --\nvariable \"v\" {}\nresource \"lab_thing\" " +
			"\"a\" {\n  name  = \"a\"\n  value = var.v\n}\n"},
	{name: "a file of values that is given", address: "lab_thing.a", drift: set("value", "two"),
		source: hclsource.Source{VarFiles: []string{"../vars/a.tfvars", "../vars/b.tfvars"}},
		repo: "-- live/a.auto.tfvars --\nv = { x = \"zero\" }\n-- vars/a.tfvars --\nv = { x = \"zero\" }\n-- " +
			"vars/b.tfvars --\nv = { x = \"one\" }\n-- live/main.tf --\nvariable \"v\" {}\nresource \"lab_thing\" " +
			"\"a\" {\n  name  = \"a\"\n  value = var.v.x\n}\n"},
	{name: "a module's own text", address: "module.m.lab_thing.a", drift: set("value", "two"),
		repo: "-- live/main.tf --\nmodule \"m\" {\n  source = \"../mods/m\"\n}\n-- mods/m/main.tf --\n" +
			testrig.RequiredProviders + "resource \"lab_thing\" \"a\" {\n  name  = \"a\"\n  value = \"one\"\n}\n"},
	{name: "an argument of a module", address: "module.m.lab_thing.a", drift: set("value", "two"),
		repo: "-- live/main.tf --\nmodule \"m\" {\n  source = \"../mods/m\"\n  size   = \"one\"\n}\nmodule \"n\" " +
			"{\n  source = \"../mods/m\"\n  name   = \"b\"\n  size   = \"one\"\n}\n-- mods/m/main.tf --\n" +
			testrig.RequiredProviders +
			"variable \"name\" { default = \"a\" }\nvariable \"size\" {}\nresource \"lab_thing\" \"a\" {\n  name  = " +
			"var.name\n  value = var.size\n}\n"},
	{name: "through two modules to a file of values", address: "module.m.module.n.lab_thing.a",
		drift: set("value", "two"),
		repo: "-- live/terraform.tfvars --\nsizes = {\n  net = \"one\"\n}\n-- live/main.tf --\nvariable \"sizes\" " +
			"{}\nmodule \"m\" {\n  source = \"./m\"\n  size   = var.sizes.net\n}\n-- live/m/main.tf --\nvariable " +
			"\"size\" {}\nmodule \"n\" {\n  source = \"../../mods/n\"\n  size   = var.size\n}\n-- mods/n/main.tf --\n" +
			testrig.RequiredProviders + "variable \"size\" {}\nresource \"lab_thing\" \"a\" {\n  name  = \"a\"\n  " +
			"value = var.size\n}\n"},
	{name: "an instance of for_each", address: `lab_thing.all["a"]`, drift: set("value", "two"),
		repo: "-- live/main.tf --\nresource \"lab_thing\" \"all\" {\n  for_each = {\n    a = { size = \"one\" }\n   " +
			" b = { size = \"one\" }\n  }\n  name  = each.key\n  value = each.value.size\n}\n"},
	{name: "an instance whose value is plain", address: `lab_thing.all["a"]`, drift: set("value", "two"),
		repo: "-- live/main.tf --\nlocals {\n  all = {\n    a = \"one\"\n    b = \"one\"\n  }\n}\nresource " +
			"\"lab_thing\" \"all\" {\n  for_each = local.all\n  name     = each.key\n  value    = each.value\n}\n"},
	{name: "an instance of a module", address: `module.m["a"].lab_thing.a`, drift: set("value", "two"),
		repo: "-- live/main.tf --\nmodule \"m\" {\n  source   = \"./m\"\n  for_each = { a = \"one\", b = \"one\" " +
			"}\n  name     = each.key\n  size     = each.value\n}\n-- live/m/main.tf --\n" + testrig.RequiredProviders +
			"variable \"name\" {}\nvariable \"size\" {}\nresource \"lab_thing\" \"a\" {\n  name  = var.name\n  " +
			"value = var.size\n}\n"},
	{name: "looked up by the key of the instance", address: `lab_thing.all["a"]`, drift: set("value", "two"),
		repo: "-- live/main.tf --\nlocals {\n  size = { a = \"one\", b = \"one\" }\n}\nresource \"lab_thing\" " +
			"\"all\" {\n  for_each = toset([\"a\", \"b\"])\n  name     = each.key\n  value    = " +
			"local.size[each.key]\n}\n"},
	{name: "looked up by the number of the instance", address: `lab_thing.all[1]`, drift: set("value", "two"),
		repo: "-- live/main.tf --\nlocals {\n  size = [\"one\", \"one\"]\n}\nresource \"lab_thing\" \"all\" {\n  " +
			"count = 2\n  name  = [\"b\", \"a\"][count.index]\n  value = local.size[count.index]\n}\n"},
	{name: "the only instance", address: `lab_thing.a[0]`, drift: set("value", "two"),
		repo: "-- live/main.tf --\nvariable \"on\" { default = true }\nresource \"lab_thing\" \"a\" {\n  count = " +
			"var.on ? 1 : 0\n  name  = \"a\"\n  value = \"one\"\n}\n"},
	{name: "an override", address: "lab_thing.a", drift: set("value", "two"),
		repo: "-- live/main.tf --\nresource \"lab_thing\" \"a\" {\n  name  = \"a\"\n  value = \"zero\"\n}\n-- " +
			"live/x_override.tf --\nresource \"lab_thing\" \"a\" {\n  value = \"one\"\n}\n"},
}

func set(key string, value any) func(map[string]any) {
	return func(o map[string]any) {
		if o[key] = value; value == nil {
			delete(o, key)
		}
	}
}

// The finding of a real plan is codified, and a plan over the edited source
// does not find it any more.
func TestThePlanIsCleanAfterwards(t *testing.T) {
	for _, c := range realCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.source.Dir = "live"
			repo := tree(c.repo)
			repo["live/provider.tf"] = tree("-- p --\n" + provider)["p"]
			w := build(t, repo, c.source)
			w.drift("a", c.drift)
			found := w.changes()
			if len(found) != 1 || found[0].Address != c.address {
				t.Fatalf("the plan finds %v, want %s", found, c.address)
			}
			c.source.Tree = os.DirFS(w.repo).(fs.ReadDirFS)
			p, err := codify.Propose(c.source, c.address, found[0].found())
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Refused) > 0 || len(p.Done) == 0 {
				t.Fatalf("done %v, refused %+v", p.Done, p.Refused)
			}
			checkPatch(t, repo, p)
			if err := p.WriteTo(w.repo, w.repo); err != nil {
				t.Fatal(err)
			}
			if left := w.changes(); len(left) > 0 {
				t.Errorf("the plan still finds %+v after\n%s", left, p.Diff)
			}
			w.run("fmt", "-check", "-diff", filepath.Join(w.repo, "live"))
			again, err := codify.Propose(c.source, c.address, found[0].found())
			if err != nil || len(again.Files) > 0 || len(again.Done) > 0 {
				t.Errorf("proposed again: %v, %v\n%s", err, again.Done, again.Diff)
			}
		})
	}
}

// What is gone from the world is taken out of the source, and a plan makes
// nothing again.
func TestThePlanIsCleanAfterARemoval(t *testing.T) {
	for name, c := range map[string]struct{ repo, address string }{
		"a resource": {"-- live/main.tf --\n# what it is\nresource \"lab_thing\" \"a\" {\n  name = " +
			"\"a\"\n}\n\nresource \"lab_thing\" \"b\" {\n  name = \"b\"\n}\n", "lab_thing.a"},
		"an instance": {"-- live/main.tf --\nresource \"lab_thing\" \"all\" {\n  for_each = {\n    a = " +
			"\"one\"\n    b = \"two\"\n  }\n  name  = each.key\n  value = each.value\n}\n", `lab_thing.all["a"]`},
		"an instance of a set": {"-- live/main.tf --\nlocals {\n  all = [\"b\", \"a\"]\n}\nresource \"lab_thing\" " +
			"\"all\" {\n  for_each = toset(local.all)\n  name     = each.key\n}\n", `lab_thing.all["a"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo := tree(c.repo)
			maps.Copy(repo, tree("-- live/provider.tf --\n"+provider))
			w := build(t, repo, hclsource.Source{Dir: "live"})
			if err := os.Remove(filepath.Join(w.place, "a.json")); err != nil {
				t.Fatal(err)
			}
			if found := w.changes(); len(found) != 1 || found[0].Address != c.address ||
				found[0].Change.Actions[0] != "create" {
				t.Fatalf("the plan finds %+v", found)
			}
			p, err := codify.ProposeRemoval(hclsource.Source{Tree: os.DirFS(w.repo), Dir: "live"}, c.address)
			if err != nil || len(p.Refused) > 0 || len(p.Done) != 1 {
				t.Fatalf("%v, %+v", err, p)
			}
			checkPatch(t, repo, p)
			if err := p.WriteTo(w.repo, w.repo); err != nil {
				t.Fatal(err)
			}
			if left := w.changes(); len(left) > 0 {
				t.Errorf("the plan still finds %+v after\n%s", left, p.Diff)
			}
		})
	}
}

// wholeCases are boxes of which somebody changes rules and ranges.
var wholeCases = []struct {
	name, body string
	rules      []any
	ranges     []any
}{
	{"front", rulesOf("80", "443"), []any{port(22), port(80), port(443)}, nil},
	{"middle", rulesOf("80", "443"), []any{port(80), port(22), port(443)}, nil},
	{"end", rulesOf("80", "443"), []any{port(80), port(443), port(22)}, nil},
	{"first", "", []any{port(22)}, nil},
	{"goes", rulesOf("80", "443"), []any{port(443)}, nil},
	{"all", rulesOf("80", "443"), []any{}, nil},
	{"moves", "  # the one\n" + rulesOf("var.port", "443"), []any{port(443), port(80)}, nil},
	{"twins", rulesOf("80", "80"), []any{port(80), port(81)}, nil},
	{"changes", rulesOf("80", "443"), []any{port(443), port(8080)}, nil},
	{"set", "  ranges = [\"z\", \"a\"]\n", nil, []any{"b", "z", "m"}},
	{"argument", "  ranges = [\n    \"a\", # why\n  ]\n", nil, []any{}},
	{"typed", "  label = var.typed.label\n", nil, nil},
}

func rulesOf(ports ...string) string {
	text := ""
	for _, p := range ports {
		text += "\n  rule {\n    port   = " + p + "\n    action = \"allow\"\n  }\n"
	}
	return text
}

func port(n int) any { return map[string]any{"port": n, "action": "allow"} }

// Blocks and elements that came, went and moved are codified as wholes, and a plan over the edited source
// finds none of them any more.
func TestThePlanIsCleanOfWholes(t *testing.T) {
	t.Parallel()
	code := "variable \"port\" {\n  default = 80\n}\n" +
		"variable \"typed\" {\n  type = object({ label = string, n = number })\n" +
		"  default = {\n    label = \"a\"\n    n     = 1\n  }\n}\n"
	for _, c := range wholeCases {
		code += "\nresource \"lab_box\" \"" + c.name + "\" {\n  name = \"" + c.name + "\"\n" + c.body + "}\n"
	}
	repo := tree("-- live/provider.tf --\n" + provider)
	repo["live/main.tf"] = &fstest.MapFile{Data: hclwrite.Format([]byte(code)), Mode: 0o644}
	w := build(t, repo, hclsource.Source{Dir: "live"})
	for _, c := range wholeCases {
		w.drift(c.name+".box", func(o map[string]any) {
			if c.rules != nil {
				o["rules"] = c.rules
			}
			if c.ranges != nil {
				o["ranges"] = c.ranges
			}
			if c.name == "typed" {
				delete(o, "label")
			}
		})
	}
	w.changes()
	p, _, err := plan.Read([]byte(w.run("show", "-json", "plan.tfplan")), "", plan.Known{})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, d := range classify.Differences(classify.Evidence{Applied: p}) {
		if d.Class != drift.Changed {
			continue
		}
		found++
		made, err := codify.ForDifference(hclsource.Source{Tree: os.DirFS(w.repo), Dir: "live"}, d, p)
		if err != nil || len(made.Refused) > 0 || len(made.Done) == 0 {
			t.Errorf("%s: %v, %+v", d.Address, err, made)
			continue
		}
		if err := made.WriteTo(w.repo, w.repo); err != nil {
			t.Fatal(err)
		}
	}
	if found != len(wholeCases) {
		t.Errorf("%d were found, want %d", found, len(wholeCases))
	}
	text, err := os.ReadFile(filepath.Join(w.dir, "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range w.changes() {
		t.Errorf("the plan still changes %s from %s to %s", c.Address, c.Change.RawBefore, c.Change.RawAfter)
	}
	for _, want := range []string{"# the one", "var.port", "label = null"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("there is no %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", text)
	}
	w.run("fmt", "-check", "-diff", filepath.Join(w.repo, "live"))
}
