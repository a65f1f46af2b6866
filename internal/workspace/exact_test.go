package workspace

import (
	"strings"
	"testing"
)

// What the text tells is not widened: loops over what is written out, prose
// with dots in it, and files of variables that cannot be read.
func TestReachIsNoWiderThanTheText(t *testing.T) {
	list := "locals {\n  list = [{ name = \"a\", path = \"keys/a\" }, { name = \"b\", path = \"keys/b\" }]\n}\n"
	use := func(over, path string) string {
		return list + "resource \"terraform_data\" \"x\" {\n  for_each = " + over + "\n  input = templatefile(" + path + ", {})\n}\n"
	}
	many := "locals {\n  list = [\n"
	for i := range 1000 {
		many += "    \"keys/" + strings.Repeat("x", 1+i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + "\",\n"
	}
	many += "  ]\n}\nresource \"terraform_data\" \"x\" {\n  input = [for f in local.list : file(f)]\n}\n"
	input := func(text string) string { return "resource \"terraform_data\" \"x\" {\n  input = " + text + "\n}\n" }
	for name, c := range map[string]struct{ text, not, seen string }{
		"a map by name":    {use(`{ for w in local.list : w.name => w }`, `each.value.path`), "live/other/x", "live/app/keys/a"},
		"a computed key":   {use(`{ for w in local.list : "${w.name}-1" => w.path }`, `each.value`), "live/app/x", "live/app/keys/b"},
		"the key is used":  {use(`{ for w in local.list : w.path => w if w.name != "" }`, `each.key`), "live/app/x", "live/app/keys/a"},
		"a set":            {use(`toset([for w in local.list : w.path])`, `each.key`), "live/app/x", "live/app/keys/b"},
		"a product":        {use(`{ for p in setproduct(local.list[*].name, ["keys"]) : p[0] => p }`, `"${each.value[1]}/${each.value[0]}"`), "live/app/x", "live/app/keys/a"},
		"flattened":        {use(`{ for v in flatten([for w in local.list : [for s in ["1"] : { w = w }]]) : v.w.name => v }`, `each.value.w.path`), "live/app/x", "live/app/keys/b"},
		"two hundred more": {many, "live/app/x", "live/app/keys/xa"},
		"dots in prose":    {input("<<EOT\nsee .. for more, or ../.. \nEOT\n"), "live/other/x", ""},
		"dots on a line":   {input(`"go up with .. and then ${path.module} .."`), "live/other/x", ""},
		"a way of a shell": {input("<<EOT\ncd ..\nmake\nEOT\n"), "live/x", ""},
		"a directory":      {input(`".."`), "", "live/other/x"},
	} {
		tree := files(map[string]string{"live/app/main.tf": c.text, "live/app/keys/a": "", "live/app/keys/b": "", "live/other/x": "", "live/app/x": ""})
		r := NewIndex().Graph(tree, []Workspace{{Name: "app", Dir: "live/app"}}).reaches[0]
		if c.not != "" && r.touch(c.not) != nil {
			t.Errorf("%s: %s is touched: %v", name, c.not, r.touch(c.not))
		}
		if c.seen != "" && r.touch(c.seen) == nil {
			t.Errorf("%s: %s is not touched", name, c.seen)
		}
	}
}

// A file of variables that cannot be read makes unknown what uses its values,
// and nothing else.
func TestUnreadableVariables(t *testing.T) {
	text := "variable \"a\" {\n  default = \"one\"\n}\nvariable \"b\" {\n  default = \"x\"\n}\nresource \"terraform_data\" \"x\" {\n  input = file(\"f/${var.b}\")\n}\n"
	tree := files(map[string]string{"app/main.tf": text, "app/secret.tfvars": "\x00GITCRYPT\x00\xff\xfe", "app/last.tfvars": "b = \"z\"\n"})
	touches := func(p string, vars ...string) bool {
		g := NewIndex().Graph(tree, []Workspace{{Name: "app", Dir: "app", VarFiles: vars}})
		return g.reaches[0].touch(p) != nil
	}
	for _, c := range []struct {
		path string
		vars []string
		want bool
	}{
		{"other/x", []string{"secret.tfvars"}, false},
		{"app/f/any", []string{"secret.tfvars"}, true},
		{"app/f/any", nil, false},
		{"app/f/any", []string{"secret.tfvars", "last.tfvars"}, false},
		{"app/f/z", []string{"secret.tfvars", "last.tfvars"}, true},
		{"app/f/any", []string{"last.tfvars", "secret.tfvars"}, true},
		{"app/secret.tfvars", []string{"secret.tfvars"}, true},
	} {
		if got := touches(c.path, c.vars...); got != c.want {
			t.Errorf("%s with %v: %v", c.path, c.vars, got)
		}
	}
}

// What the engine installs for a call is not in the repository, and not missed
// there.
func TestModuleOfAnotherCall(t *testing.T) {
	call := func(name, source string) string {
		return "module \"" + name + "\" {\n  source = \"" + source + "\"\n}\n"
	}
	for name, c := range map[string]struct {
		text     string
		problems int
	}{
		"of a registry":                         {call("vpc", "terraform-aws-modules/vpc/aws") + call("sub", "./.terraform/modules/vpc/modules/endpoints"), 0},
		"nested":                                {call("vpc", "git::https://example.com/vpc.git") + call("sub", "./.terraform/modules/vpc.inner/x"), 0},
		"sub module of a git source with a ref": {call("a", "git@example.com:x/y.git?ref=v1") + call("b", "./.terraform/modules/a/b/c"), 0},
		"climbing into it":                      {call("vpc", "x/vpc/aws") + call("sub", "../app/.terraform/modules/vpc/x"), 0},
		"out of it again":                       {call("vpc", "x/vpc/aws") + call("sub", "./.terraform/modules/vpc/../../../there"), 0},
		"from a module that is called":          {call("vpc", "x/vpc/aws") + call("inner", "./inner"), 0},
		"a name that only begins alike":         {call("vpc", "x/vpc/aws") + call("sub", "./.terraform/modules/vpc2/x"), 1},
		"of nobody":                             {call("sub", "./.terraform/modules/vpc/modules/endpoints"), 1},
		"of a local":                            {call("vpc", "./there") + call("sub", "./.terraform/modules/vpc/x"), 1},
	} {
		g := NewIndex().Graph(files(map[string]string{"app/main.tf": c.text, "app/there/main.tf": "output \"a\" {\n  value = 1\n}\n",
			"app/inner/main.tf": call("x", "../.terraform/modules/vpc/y")}),
			[]Workspace{{Name: "app", Dir: "app"}})
		if got := g.Problems("app"); len(got) != c.problems {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Texts in which dots are words name no directory, and what they do name counts.
func TestDotsInTexts(t *testing.T) {
	for text, c := range map[string]struct{ touched, left string }{
		"cd .. && make":                                 {"", "x/y.txt app/z.txt"},
		"for d in . .. ../..; do echo; done":            {"", "x/y.txt"},
		"see ../x/y.txt, or ...":                        {"x/y.txt", "x/z.txt"},
		"cp ../x/y.txt ./":                              {"x/y.txt", "app/z.txt x/z.txt"},
		"sh ../x/run.sh <../x/in>../x/out":              {"x/run.sh x/in", "x/y.txt"},
		"a..b c/../d ..":                                {"app/d", "x/y.txt"},
		"range 1..10, 0.0.0.0/0 and ../":                {"", "x/y.txt app/z.txt"},
		"ls $HOME/.. ${path.module}/../x/y.txt":         {"x/y.txt", "x/z.txt"},
		"[..] (../) {\"..\"} '..' `..` =.. ;../. ;/../": {"", "x/y.txt app/z.txt"},
	} {
		code := "resource \"terraform_data\" \"x\" {\n  input = <<-EOT\n    " + text + "\n    ..\n  EOT\n}\n"
		g := NewIndex().Graph(files(map[string]string{"app/main.tf": code, "x/y.txt": "", "x/z.txt": ""}), []Workspace{{Name: "app", Dir: "app"}})
		for _, p := range strings.Fields(c.touched) {
			if len(g.Affected([]string{p})) == 0 {
				t.Errorf("%q: %s does not touch it", text, p)
			}
		}
		for _, p := range strings.Fields(c.left) {
			if got := g.Affected([]string{p}); len(got) > 0 {
				t.Errorf("%q: %v", text, got)
			}
		}
	}
}

// The state of another root module that is read by a path in the repository is
// a file that is read, however it is written.
func TestRemoteStateInTheRepository(t *testing.T) {
	for name, code := range map[string]string{
		"plain": `data "terraform_remote_state" "n" { 
 backend = "local"
 config = { path = "../net/terraform.tfstate" }
}`,
		"path.module": `data "terraform_remote_state" "n" {
 backend = "local"
 config = { path = "${path.module}/../net/terraform.tfstate" }
}`,
		"in a loop": `data "terraform_remote_state" "n" {
 for_each = toset(["net"])
 backend = "local"
 config = { path = "../${each.key}/terraform.tfstate" }
}`,
		"workspace_dir": `data "terraform_remote_state" "n" {
 backend = "local"
 workspace = "default"
 config = { path = "${abspath("../net")}/terraform.tfstate" }
}`,
		"of a file that is decoded": `data "terraform_remote_state" "n" {
 backend = "local"
 config = { path = yamldecode(file("../states.yml")).net }
}`,
	} {
		tree := files(map[string]string{"app/main.tf": code, "net/terraform.tfstate": "{}", "net/main.tf": "", "states.yml": "net: ../net/terraform.tfstate\n"})
		if got := names(Affected(tree, []Workspace{{Name: "app", Dir: "app"}}, []string{"net/terraform.tfstate"})); got != "app" {
			t.Errorf("%s: %q", name, got)
		}
		if got := names(Affected(tree, []Workspace{{Name: "app", Dir: "app"}}, []string{"net/main.tf"})); got != "" {
			t.Errorf("%s: the code beside it: %q", name, got)
		}
	}
}

// Templates that fileset gives are templates, too: what they read counts, and
// nothing beside them.
func TestTemplatesOfAPattern(t *testing.T) {
	tree := files(map[string]string{
		"app/main.tf": `locals {
  a = [for f in fileset("${path.module}/lib", "**/*.tpl") : templatefile("${path.module}/lib/${f}", {})]
  b = [for f in fileset(path.module, "*.tmpl") : templatefile(f, {})]
  c = { for f in fileset("app/x", "{a,b}.[ct]xt") : f => yamldecode(templatefile("app/x/${f}", {})) }
}
`,
		"app/lib/x/a.tpl": `${file("app/one.txt")}`, "app/lib/x/a.txt": `${file("app/none.txt")}`, "app/b.tmpl": `${file("two.txt")}`,
		"app/lib/x/app/one.txt": "", "app/linked.tmpl": "-> ../there.txt", "there.txt": `${file("three.txt")}`,
	})
	g := NewIndex().Graph(tree, []Workspace{{Name: "app", Dir: "app"}})
	for p, want := range map[string]string{"app/lib/x/a.tpl": "app", "app/lib/y/new.tpl": "app", "app/lib/x/a.txt": "", "app/app/one.txt": "app", "app/two.txt": "app",
		"app/app/none.txt": "", "app/new.tmpl": "app", "app/three.txt": "app", "there.txt": "app", "app/app/x/a.txt": "app", "app/app/x/c.txt": "", "x": ""} {
		if got := names(g.Affected([]string{p})); got != want {
			t.Errorf("%s: %q, want %q", p, got, want)
		}
	}
}

// Where the analysis itself fails, everything counts, and it is said.
func TestAFailureOfTheAnalysisWidens(t *testing.T) {
	g := NewIndex().Graph(files(fleet), nil)
	g.root = nil // nothing works any more
	r := reachOf(g, g.scan, Workspace{Name: "w", Dir: "live/dev/app"}, "k")
	if r.touch("anything") == nil || len(r.widened) != 1 || r.widened[0].To != "." || !strings.Contains(r.widened[0].Why, "fault of tfops") {
		t.Errorf("%+v", r)
	}
}

// A text that is a template reads files with OpenTofu only: Terraform refuses it.
func TestTemplatesThatAreTexts(t *testing.T) {
	code := "locals { t = { a = \"$${file(\\\"x/y.txt\\\")}\" } }\n" +
		"output \"a\" {\n  value = [for k in data.x.y.keys : templatestring(local.t[k], {})]\n}\n" +
		"output \"b\" {\n  value = templatestring(data.x.y.text, { z = file(\"x/z.txt\") })\n}\n"
	tree := files(map[string]string{"app/main.tf": code, "x/other.txt": "", "app/x/y.txt": "", "app/x/z.txt": ""})
	for engine, want := range map[string]string{"terraform": "", "tofu": "app"} {
		g := NewIndex().Graph(tree, []Workspace{{Name: "app", Dir: "app", Engine: engine}})
		for p, touched := range map[string]string{"app/x/y.txt": want, "x/other.txt": want, "app/x/z.txt": "app"} {
			if got := names(g.Affected([]string{p})); got != touched {
				t.Errorf("%s: %s touches %q, want %q", engine, p, got, touched)
			}
		}
	}
}
