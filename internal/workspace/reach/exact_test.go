package reach

import (
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/workspace"
)

// What the text tells is not widened: loops over what is written out, prose
// with dots in it, and files of variables that cannot be read.
func TestReachIsNoWiderThanTheText(t *testing.T) {
	list := "locals {\n  list = [{ name = \"a\", path = \"keys/a\" }, { name = \"b\", path = \"keys/b\" }]\n}\n"
	use := func(over, path string) string {
		return list + "resource \"terraform_data\" \"x\" {\n  for_each = " + over + "\n  input = templatefile(" + path +
			", {})\n}\n"
	}
	many := "locals {\n  list = [\n"
	for i := range 1000 {
		many += "    \"keys/" + strings.Repeat("x", 1+i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26) +
			"\",\n"
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
		"nothing, of null": {"variable \"o\" {\n  type = object({ f = string })\n  default = null\n}\n" +
			input(`try(file(var.o.f), var.o[*].f, file("keys/a"))`), "live/other/x", "live/app/keys/a"},
		"a command, in part": {"variable \"v\" {}\n" + input(`"${path.module}/keys/a ${var.v} and more"`), "live/app/keys/b", "live/app/keys/a"},
		"a label":            {"variable \"v\" {}\n" + input(`"${path.module}: ${var.v}"`), "live/app/keys/a", ""},
		"null, or a value": {"variable \"c\" {}\nlocals {\n  o = var.c ? null : { f = \"keys/a\" }\n}\n" +
			input(`file(local.o.f)`), "live/other/x", "live/app/keys/a"},
	} {
		tree := files(map[string]string{"live/app/main.tf": c.text, "live/app/keys/a": "", "live/app/keys/b": "",
			"live/other/x": "", "live/app/x": ""})
		r := NewIndex().Graph(tree, []workspace.Workspace{{Name: "app", Dir: "live/app"}}).reaches[0]
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
	text := "variable \"a\" {\n  default = \"one\"\n}\nvariable \"b\" {\n  default = \"x\"\n}\nresource " +
		"\"terraform_data\" \"x\" {\n  input = file(\"f/${var.b}\")\n}\n"
	tree := files(map[string]string{"app/main.tf": text, "app/secret.tfvars": "\x00GITCRYPT\x00\xff\xfe",
		"app/last.tfvars": "b = \"z\"\n"})
	touches := func(p string, vars ...string) bool {
		g := NewIndex().Graph(tree, []workspace.Workspace{{Name: "app", Dir: "app", VarFiles: vars}})
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
		"of a registry": {call("vpc", "terraform-aws-modules/vpc/aws") +
			call("sub", "./.terraform/modules/vpc/modules/endpoints"), 0},
		"nested": {call("vpc", "git::https://example.com/vpc.git") +
			call("sub", "./.terraform/modules/vpc.inner/x"), 0},
		"sub module of a git source with a ref": {call("a", "git@example.com:x/y.git?ref=v1") +
			call("b", "./.terraform/modules/a/b/c"), 0},
		"climbing into it": {call("vpc", "x/vpc/aws") +
			call("sub", "../app/.terraform/modules/vpc/x"), 0},
		"out of it again": {call("vpc", "x/vpc/aws") +
			call("sub", "./.terraform/modules/vpc/../../../there"), 0},
		"from a module that is called": {call("vpc", "x/vpc/aws") + call("inner", "./inner"), 0},
		"a name that only begins alike": {call("vpc", "x/vpc/aws") + call("sub", "./.terraform/modules/vpc2/x"),
			1},
		"of nobody": {call("sub", "./.terraform/modules/vpc/modules/endpoints"), 1},
		"of a local": {call("vpc", "./there") + call("sub", "./.terraform/modules/vpc/x"),
			1},
	} {
		g := NewIndex().Graph(files(map[string]string{"app/main.tf": c.text,
			"app/there/main.tf": "output \"a\" {\n  value = 1\n}\n",
			"app/inner/main.tf": call("x", "../.terraform/modules/vpc/y")}),
			[]workspace.Workspace{{Name: "app", Dir: "app"}})
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
		g := NewIndex().Graph(files(map[string]string{"app/main.tf": code, "x/y.txt": "", "x/z.txt": ""}),
			[]workspace.Workspace{{Name: "app", Dir: "app"}})
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
		tree := files(map[string]string{"app/main.tf": code, "net/terraform.tfstate": "{}", "net/main.tf": "",
			"states.yml": "net: ../net/terraform.tfstate\n"})
		if got := names(Affected(tree, []workspace.Workspace{{Name: "app", Dir: "app"}},
			[]string{"net/terraform.tfstate"})); got != "app" {
			t.Errorf("%s: %q", name, got)
		}
		if got := names(Affected(tree, []workspace.Workspace{{Name: "app", Dir: "app"}},
			[]string{"net/main.tf"})); got != "" {
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
	g := NewIndex().Graph(tree, []workspace.Workspace{{Name: "app", Dir: "app"}})
	for p, want := range map[string]string{"app/lib/x/a.tpl": "app", "app/lib/y/new.tpl": "app", "app/lib/x/a.txt": "",
		"app/app/one.txt": "app", "app/two.txt": "app",
		"app/app/none.txt": "", "app/new.tmpl": "app", "app/three.txt": "app", "there.txt": "app",
		"app/app/x/a.txt": "app", "app/app/x/c.txt": "", "x": ""} {
		if got := names(g.Affected([]string{p})); got != want {
			t.Errorf("%s: %q, want %q", p, got, want)
		}
	}
}

// Where the analysis itself fails, everything counts, and it is said.
func TestAFailureOfTheAnalysisWidens(t *testing.T) {
	g := NewIndex().Graph(files(fleet), nil)
	g.root = nil // nothing works any more
	r := reachOf(g, g.scan, workspace.Workspace{Name: "w", Dir: "live/dev/app"}, "k")
	if r.touch("anything") == nil || len(r.widened) != 1 || r.widened[0].To != "." ||
		!strings.Contains(r.widened[0].Why, "fault of tfops") {
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
		g := NewIndex().Graph(tree, []workspace.Workspace{{Name: "app", Dir: "app", Engine: engine}})
		for p, touched := range map[string]string{"app/x/y.txt": want, "x/other.txt": want, "app/x/z.txt": "app"} {
			if got := names(g.Affected([]string{p})); got != touched {
				t.Errorf("%s: %s touches %q, want %q", engine, p, got, touched)
			}
		}
	}
}

// What providers and programs make of a text that code does not read itself: patterns that
// they expand, a directory that is ".", commands that are put together elsewhere, names with
// something before or after them.
func TestPathsThatOthersMakeOfTexts(t *testing.T) {
	resource := func(attr, value string) string {
		return "resource \"terraform_data\" \"x\" {\n  " + attr + " = " + value + "\n}\n"
	}
	command := func(local, value string) string { return "locals {\n  " + local + "\n}\n" + resource("command", value) }
	for name, c := range map[string]struct{ text, path string }{
		"a pattern":                   {resource("pattern", `"./k/*.yaml"`), "app/m/k/a.yaml"},
		"a pattern of names":          {resource("pattern", `"*.yaml"`), "app/m/a.yaml"},
		"a pattern below a directory": {resource("pattern", `"k/*"`), "app/m/k/a"},
		"a pattern of the module":     {resource("pattern", `"${path.module}/k/spark-*.yaml"`), "app/m/k/spark-a.yaml"},
		"a pattern over directories":  {resource("pattern", `"${path.module}/k/**/*.yaml"`), "app/m/k/b/c/a.yaml"},
		"a pattern by format":         {resource("pattern", `format("%s/k/*.yaml", path.module)`), "app/m/k/a.yaml"},
		"a pattern in a local":        {command(`c = "${path.module}/k/*.yaml"`, "local.c"), "app/m/k/a.yaml"},
		"a pattern in a command":      {resource("command", `"kubectl apply -f ${path.module}/k/*.yaml"`), "app/m/k/a.yaml"},
		"a pattern with a known part": {"variable \"n\" {\n  default = \"spark\"\n}\n" +
			resource("pattern", `"${path.module}/k/${var.n}-*.yaml"`), "app/m/k/spark-a.yaml"},
		"a pattern of one letter":   {resource("pattern", `"k/a?.yaml"`), "app/m/k/ab.yaml"},
		"a pattern of some letters": {resource("pattern", `"${path.module}/k/[ab].yaml"`), "app/m/k/a.yaml"},
		"a name in brackets":        {resource("content", `"${path.module}/k/[id]/a.js"`), "app/m/k/[id]/a.js"},
		"a pattern with a choice":   {resource("pattern", `"./k/*.{yml,yaml}"`), "app/m/k/a.yaml"},
		"a pattern of directories":  {resource("pattern", `"*/a.yaml"`), "app/m/k/a.yaml"},
		"a dot in an object":        {resource("build", `{ context = "." }`), "app/m/thing"},
		"a command of a list":       {command(`l = ["${path.module}/x.py"]`, `join(" ", concat(["python3"], [for f in local.l : f]))`), "app/m/x.py"},
		"an indented command": {resource("command", "indent(2, \"python3 ${path.module}/x.py\")"),
			"app/m/x.py"},
		"the second of two": {resource("paths", `"${path.module}/a:${path.module}/b"`), "app/m/b"},
		"as a URL of bytes": {resource("command", `"aws x --payload fileb://${path.module}/x.zip"`), "app/m/x.zip"},
		"a dot":             {resource("source_dir", `"."`), "app/m/any/thing"},
		"a dot and a slash": {resource("path", `"./"`), "app/m/any/thing"},
		"a dot in a list":   {resource("source_path", `["."]`), "app/m/thing"},
		"a dot in a block": {"resource \"docker_image\" \"x\" {\n  build {\n    context = \".\"\n  }\n}\n",
			"app/m/thing"},
		"a dot in a local": {command(`d = "."`, `"x"`) +
			"resource \"terraform_data\" \"y\" {\n  working_dir = local.d\n}\n", "app/m/thing"},
		"a directory by one word":    {resource("context", `"src"`), "app/m/src/x"},
		"a command in a local":       {command(`c = "python3 ${path.module}/x.py"`, "local.c"), "app/m/x.py"},
		"a plain command in a local": {command(`c = "python3 scripts/x.py --all"`, "local.c"), "app/m/scripts/x.py"},
		"a command by format":        {resource("command", `format("python3 %s/x.py", path.module)`), "app/m/x.py"},
		"a command by join":          {resource("command", `join(" ", ["python3", "${path.module}/x.py"])`), "app/m/x.py"},
		"a command, trimmed":         {command(`c = " python3 ${path.module}/x.py "`, "trimspace(local.c)"), "app/m/x.py"},
		"a command, its end taken away": {resource("command", "chomp(\"python3 ${path.module}/x.py\\n\")"),
			"app/m/x.py"},
		"a command with something else": {command(`c = "python ${path.module}/x.py"`, `replace(local.c, "python ", "python3 ")`), "app/m/x.py"},
		"a path with something else":    {resource("filename", `replace("${path.module}/x.txt", ".txt", ".py")`), "app/m/x.py"},
		"a command that is split":       {command(`c = "python3 ${path.module}/x.py"`, `split(" ", local.c)`), "app/m/x.py"},
		"a command in an argument": {"locals {\n  c = \"python3 ${path.module}/x.py\"\n}\n" +
			"data \"external\" \"x\" {\n  program = [\"bash\", \"-c\", local.c]\n}\n", "app/m/x.py"},
		"as a URL":                {resource("command", `"aws x --json file://${path.module}/x.json"`), "app/m/x.json"},
		"as a URL, written out":   {resource("command", `"aws x --json file://conf/x.json"`), "app/m/conf/x.json"},
		"after an @":              {resource("command", `"curl -d @${path.module}/x.json h"`), "app/m/x.json"},
		"after an @, written out": {resource("command", `"curl -d @payload.json h"`), "app/m/payload.json"},
		"mounted":                 {resource("command", `"docker run -v ${path.module}/conf:/conf x"`), "app/m/conf/a"},
		"mounted, alone":          {resource("volume", `"${path.module}/conf:/conf"`), "app/m/conf/a"},
		"mounted, written out":    {resource("command", `"docker run -v ./conf:/conf x"`), "app/m/conf/a"},
		"after many words":        {command(`c = "echo `+strings.Repeat("a ", 1900)+`scripts/x.py"`, "local.c"), "app/m/scripts/x.py"},
		"with blanks":             {resource("content", `"${path.module}/my file, (1) & more.txt"`), "app/m/my file, (1) & more.txt"},
	} {
		tree := files(map[string]string{"app/main.tf": "module \"m\" {\n  source = \"./m\"\n}\n",
			"app/m/main.tf": c.text, "other/main.tf": "", c.path: "", "app/m/k/x.txt": "", "app/z": ""})
		r := NewIndex().Graph(tree, []workspace.Workspace{{Name: "app", Dir: "app"}}).reaches[0]
		if r.touch(c.path) == nil {
			t.Errorf("%s: %s is not touched\n%s", name, c.path, c.text)
		}
		if p := "other/x"; r.touch(p) != nil || len(r.widened) > 0 {
			t.Errorf("%s: %s is touched: %v; widened %v", name, p, r.touch(p), r.widened)
		}
		if strings.Contains(c.text, "*") && r.touch("app/m/k/x.txt") != nil && c.path != "app/m/k/a" {
			t.Errorf("%s: what does not match is touched: %v", name, r.touch("app/m/k/x.txt"))
		}
	}
	// The same marks stand for other things far more often.
	for name, text := range map[string]string{
		"everything": `"*"`, "actions": `"s3:*"`, "a resource": `"arn:aws:s3:::bucket/*"`, "a URL": `"/static/*"`, "a domain": `"*.example.com"`, "times": `"*/5 * * * *"`, "kinds": `"*/*"`, "a log group": `"logs-*"`,
		"a dot": `"."`, "what is replaced": `replace("a.b", ".", "-")`, "a separator": `split(".", "a.b")`, "an image": `"registry.example.com:5000/x"`, "a host": `"db:5432"`, "a mail": `"ana@example.com"`,
	} {
		tree := files(map[string]string{"app/main.tf": resource("input", text), "app/x": "", "app/x.json": "",
			"app/logs-x": "", "app/static/x": ""})
		r := NewIndex().Graph(tree, []workspace.Workspace{{Name: "app", Dir: "app"}}).reaches[0]
		for _, p := range []string{"app/x", "app/x.json", "app/static/x", "app/logs-x"} {
			if r.touch(p) != nil {
				t.Errorf("%s: %s touches %s: %v", name, text, p, r.touch(p))
			}
		}
	}
}

// A file that no engine can parse widens nothing: as long as it is there every plan fails.
func TestAFileThatNobodyParses(t *testing.T) {
	for name, text := range map[string]string{"cut": "locals { a = file(",
		"twice":  "resource \"a\" \"b\" {\n  x = 1\n  x = 2\n}\n",
		"a name": "resource \"a\" \"b\" {\n  \"x\" = 1\n}\n"} {
		tree := files(map[string]string{"app/main.tf": "module \"m\" {\n  source = \"../m\"\n}\n", "m/a.tf": text,
			"other/x": ""})
		r := NewIndex().Graph(tree, []workspace.Workspace{{Name: "app", Dir: "app"}}).reaches[0]
		if r.touch("m/a.tf") == nil || r.touch("other/x") != nil || len(r.widened) > 0 {
			t.Errorf("%s: %v, %v, %v", name, r.touch("m/a.tf"), r.touch("other/x"), r.widened)
		}
	}
}
