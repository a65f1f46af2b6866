package workspace

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/zclconf/go-cty/cty"
)

// files makes a tree; a content that begins with "-> " is a symbolic link.
func files(m map[string]string) fstest.MapFS {
	t := fstest.MapFS{}
	for name, content := range m {
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			t[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
			continue
		}
		t[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
	}
	return t
}

func calls(sources ...string) string {
	s := "resource \"terraform_data\" \"x\" {}\n"
	for i, src := range sources {
		s += fmt.Sprintf("module \"m%d\" {\n  source = %q\n}\n", i, src)
	}
	return s
}

var fleet = map[string]string{
	"README.md":                      "# x",
	"live/prod/network/main.tf":      calls("../../../modules/net", "git::https://example.com/x.git//modules/dns"),
	"live/prod/network/files/a.json": "{}",
	"live/prod/app/main.tf":          calls("../../../modules/app"),
	"live/dev/app/main.tf":           calls("../../../modules/app"),
	"modules/app/main.tf":            calls("./inner", "../net"),
	"modules/app/inner/main.tf":      calls(),
	"modules/net/main.tf":            calls(),
	"modules/dns/main.tf":            calls(),
	"shared/template.tpl":            "x",
	"vars/prod.tfvars":               "a = 1",
	"vars/dev.tfvars":                "a = 1",
}

var fleetSpaces = []Workspace{
	{Name: "network", Dir: "live/prod/network"},
	{Name: "app", Dir: "live/prod/app", VarFiles: []string{"../../../vars/prod.tfvars"}},
	{Name: "app-dev", Dir: "live/dev/app", VarFiles: []string{"../../../vars/dev.tfvars"}},
}

func names(ts []Touched) string {
	var out []string
	for _, t := range ts {
		out = append(out, t.Workspace)
	}
	return strings.Join(out, " ")
}

func TestAffectedFleet(t *testing.T) {
	for _, c := range []struct {
		name, want string
		paths      []string
	}{
		{"nothing changed", "", []string{}},
		{"everything may have", "network app app-dev", nil},
		{"own file", "network", []string{"live/prod/network/main.tf"}},
		{"own sub-directory", "network", []string{"live/prod/network/files/a.json"}},
		{"own documentation: it may be read by file()", "network", []string{"live/prod/network/README.md"}},
		{"a deleted file of its own", "app", []string{"live/prod/app/gone.tf"}},
		{"a module called directly and through another", "network app app-dev", []string{"modules/net/main.tf"}},
		{"a module called by two", "app app-dev", []string{"modules/app/outputs.tf"}},
		{"a module within a module", "app app-dev", []string{"modules/app/inner/x.tf"}},
		{"its var file", "app", []string{"vars/prod.tfvars"}},
		{"shared template", "network app app-dev", []string{"shared/template.tpl"}},
		{"a module that nobody calls", "network app app-dev", []string{"modules/dns/main.tf"}},
		{"a directory whose name only begins alike", "network app app-dev", []string{"live/prod/network2/main.tf"}},
		{"no input", "", []string{"README.md", "docs/x.MD", "LICENSE", "LICENSE.txt", ".gitignore", "modules/.gitignore", "CODEOWNERS", ".github/workflows/x.yml", "tfops.hcl"}},
		{"no input, and one", "app-dev", []string{"README.md", "live/dev/app/main.tf"}},
		{"two", "network app-dev", []string{"live/dev/app/main.tf", "live/prod/network/main.tf"}},
	} {
		got := names(Affected(files(fleet), fleetSpaces, c.paths))
		if got != c.want {
			t.Errorf("%s: %v touches %q, want %q", c.name, c.paths, got, c.want)
		}
	}
}

func TestAffectedSaysWhy(t *testing.T) {
	for path, want := range map[string]string{
		"live/prod/app/main.tf": "live/prod/app/main.tf changed, in its directory",
		"vars/prod.tfvars":      "vars/prod.tfvars changed, one of its var files",
		"modules/net/main.tf":   "modules/net/main.tf changed, in its module modules/net",
		"shared/template.tpl":   "shared/template.tpl changed, which belongs to no known module",
	} {
		var why string
		for _, touched := range Affected(files(fleet), fleetSpaces, []string{path}) {
			if touched.Workspace == "app" {
				why = touched.Reason
			}
		}
		if why != want {
			t.Errorf("%s: %q, want %q", path, why, want)
		}
	}
}

// Each case is a workspace "w" in live/w beside a workspace "other" in
// live/other that accounts for its own directory and for modules/m.
func TestAffectedThroughText(t *testing.T) {
	for _, c := range []struct {
		name, code string // of live/w/main.tf
		path       string // that changed
		touched    bool
	}{
		{"unrelated", calls(), "live/other/x.json", false},
		{"unrelated module of the other", calls(), "modules/m/main.tf", false},
		{"json module", "", "modules/m/main.tf", true},
		{"file of another workspace", `locals { a = file("../other/x.json") }`, "live/other/x.json", true},
		{"another file of it", `locals { a = file("../other/x.json") }`, "live/other/y.json", false},
		{"path.module", `locals { a = file("${path.module}/../other/x.json") }`, "live/other/x.json", true},
		{"detour", `locals { a = file("files/../../other/x.json") }`, "live/other/x.json", true},
		{"inserted name", `locals { a = file("${path.module}/../other/${var.n}.json") }`, "live/other/x.json", true},
		{"inserted part of a name", `locals { a = file("../other/x-${var.n}.json") }`, "live/other/x-1.json", true},
		{"inserted directory", `locals { a = file("../${var.n}/x.json") }`, "live/other/x.json", true},
		{"format", `locals { a = file(format("%s/../other/%s.json", path.module, var.n)) }`, "live/other/x.json", true},
		{"fileset", `locals { a = fileset(path.module, "../other/*.json") }`, "live/other/x.json", true},
		{"join", `locals { a = file(join("/", [path.module, "..", "other", "x.json"])) }`, "live/other/x.json", true},
		{"conditional template", `locals { a = file("%{if true}../other/x.json%{endif}") }`, "live/other/x.json", true},
		{"prose with dots", `locals { a = "Loading... 1..2" }`, "live/other/x.json", false},
		{"script", "locals {\n a = <<EOT\ncd ../other\nEOT\n}", "live/other/x.json", false},
		{"dirname", `locals { a = file("${dirname(path.module)}/other/x.json") }`, "live/other/x.json", true},
		{"computed source", "variable \"v\" {}\nmodule \"m\" { source = \"./${var.v}\" }", "live/other/x.json", true},
		{"source that is no string", "module \"m\" { source = [\"./x\"] }", "live/other/x.json", true},
		{"source out of the repository", "module \"m\" { source = \"../../../x\" }", "live/other/x.json", false},
		{"does not parse", `resource "x" {{{ module`, "live/other/x.json", true},
		{"nested too deep", "locals { module = " + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + " }", "live/other/x.json", true},
		{"source with a backslash", "module \"m\" { source = \"..\\\\..\\\\modules\\\\m\" }", "modules/m/main.tf", true},
		{"escaped dots", `locals { a = file("\u002e\u002e/other/x.json") }`, "live/other/x.json", true},
	} {
		tree := map[string]string{
			"live/w/main.tf": c.code, "live/other/main.tf": calls("../../modules/m"),
			"live/other/x.json": "{}", "modules/m/main.tf": calls(),
		}
		if c.name == "json module" {
			tree["live/w/x.tf.json"] = `{"module": {"a": {"source": "../../modules/m"}}}`
		}
		ws := []Workspace{{Name: "w", Dir: "live/w"}, {Name: "other", Dir: "live/other"}}
		got := slices.ContainsFunc(Affected(files(tree), ws, []string{c.path}), func(t Touched) bool { return t.Workspace == "w" })
		if got != c.touched {
			t.Errorf("%s: touched %v, want %v", c.name, got, c.touched)
		}
	}
}

func TestAffectedThroughValues(t *testing.T) {
	tree := files(map[string]string{
		"w/main.tf": `locals { a = file(var.p) }`, "w/auto.auto.tfvars": `q = "../other/auto.json"`,
		"other/main.tf": calls(), "vars/w.tfvars": `p = "../other/file.json"`, "vars/w.tfvars.json": `{"p": ["../other/json.json"]}`,
		"w/x.tf.json": `{"locals": {"r": "${path.module}/../other/tfjson.json"}}`,
	})
	w := Workspace{
		Name: "w", Dir: "w", VarFiles: []string{"../vars/w.tfvars", "../vars/w.tfvars.json"},
		Variables: map[string]cty.Value{
			"a": cty.ObjectVal(map[string]cty.Value{"b": cty.TupleVal([]cty.Value{cty.StringVal("../other/value.json").WithMarks(Secret)})}),
		},
	}
	ws := []Workspace{w, {Name: "other", Dir: "other"}}
	for _, f := range []string{"auto", "file", "json", "value", "tfjson"} {
		if got := names(Affected(tree, ws, []string{"other/" + f + ".json"})); got != "w other" {
			t.Errorf("other/%s.json touches %q", f, got)
		}
	}
	if got := names(Affected(tree, ws, []string{"other/none.json"})); got != "other" {
		t.Errorf("a file that nobody names touches %q", got)
	}
}

func TestAffectedThroughLinks(t *testing.T) {
	tree := files(map[string]string{
		"live/w":             "-> ../real/w",
		"real/w/main.tf":     calls("../../modules/m"),
		"real/w/common.tf":   "-> ../../other/common.tf",
		"real/w/sub/tpl":     "-> ../../../other/tpl",
		"modules/m":          "-> v2",
		"modules/v2/main.tf": calls(),
		"other/main.tf":      calls(),
		"other/common.tf":    calls("./inner"),
		"other/inner/x.tf":   "",
		"other/tpl/far":      "-> ../deep/x",
		"loop/main.tf":       "",
		"loop/a":             "-> b",
		"loop/b":             "-> a",
		"out/main.tf":        "",
		"out/a":              "-> ../../etc/passwd",
	})
	ws := []Workspace{{Name: "w", Dir: "live/w"}, {Name: "other", Dir: "other"}, {Name: "loop", Dir: "loop"}, {Name: "out", Dir: "out"}}
	for path, want := range map[string]bool{
		"live/w":             true, // the link itself
		"real/w/main.tf":     true,
		"modules/m":          true,
		"modules/v2/main.tf": true,
		"other/common.tf":    true,
		"other/tpl/x":        true,
		"other/deep/x":       true,
		"other/main.tf":      false,
	} {
		got := Affected(tree, ws, []string{path})
		if slices.ContainsFunc(got, func(t Touched) bool { return t.Workspace == "w" }) != want {
			t.Errorf("%s: touches %q", path, names(got))
		}
	}
	if got := names(Affected(tree, ws, []string{"other/main.tf"})); got != "other loop out" {
		t.Errorf("links that cannot be followed: %q", got)
	}
}

// noLinks is a file system that shows links and cannot read them.
type noLinks struct{ fs.FS }

func TestAffectedUnreadableLink(t *testing.T) {
	tree := noLinks{files(map[string]string{"w/main.tf": "", "w/a": "-> ../other/x", "other/main.tf": "", "other/x": ""})}
	ws := []Workspace{{Name: "w", Dir: "w"}, {Name: "other", Dir: "other"}}
	if got := names(Affected(tree, ws, []string{"other/x"})); got != "w other" {
		t.Errorf("touches %q", got)
	}
}

// A workspace in the root of the repository is touched by everything, and does
// not hide what may be shared by those below it.
func TestAffectedRoot(t *testing.T) {
	tree := files(map[string]string{"main.tf": calls(), "a/main.tf": calls(), "b/main.tf": calls(), "shared/x.tpl": ""})
	ws := []Workspace{{Name: "root", Dir: "."}, {Name: "a", Dir: "a"}, {Name: "b", Dir: "./b/"}}
	for path, want := range map[string]string{
		"main.tf":          "root",
		"shared/x.tpl":     "root a b",
		"x.json":           "root a b",
		"a/x.json":         "root a",
		"b/main.tf":        "root b",
		"terraform.tfvars": "root",
	} {
		if got := names(Affected(tree, ws, []string{path})); got != want {
			t.Errorf("%s touches %q, want %q", path, got, want)
		}
	}
}

func TestAffectedDirectoryNotThere(t *testing.T) {
	tree := files(map[string]string{"a/main.tf": calls()})
	ws := []Workspace{{Name: "gone", Dir: "gone"}, {Name: "climbs", Dir: "../x"}, {Name: "a", Dir: "a"}, {Name: "file", Dir: "a/main.tf"}}
	if got := names(Affected(tree, ws, []string{"gone/main.tf"})); got != "gone climbs file" {
		t.Errorf("touches %q", got)
	}
	if got := names(Affected(tree, ws, []string{"a/main.tf"})); got != "climbs a file" {
		t.Errorf("touches %q", got)
	}
}

func FuzzModule(f *testing.F) {
	f.Add("main.tf", calls("./x", "../y"))
	f.Add("main.tf.json", `{"module": {"a": {"source": "../x"}}, "terraform": {"backend": {"s3": {}}}}`)
	f.Add("main.tf", "locals {\n a = <<EOT\n${file(\"../x\")}\nEOT\n}")
	f.Add("a.auto.tfvars", `a = "../x"`)
	f.Add("main.tofu", `module "a" { source = "${path.module}/../x/%s" }`)
	f.Add("main.tf.json", `{"module": [{"a": [{"source": 1}]}, null]}`)
	f.Fuzz(func(t *testing.T, name, src string) {
		if !isCode(name) && !isVars(name) || strings.ContainsAny(name, "/\x00") || !fs.ValidPath(name) {
			return
		}
		tree := files(map[string]string{"other/main.tf": calls()})
		tree["w/"+name] = &fstest.MapFile{Data: []byte(src)}
		ws := []Workspace{{Name: "w", Dir: "w", VarFiles: []string{name}}, {Name: "other", Dir: "other"}}
		if got := names(Affected(tree, ws, []string{"w/" + name})); !strings.HasPrefix(got, "w") {
			t.Errorf("its own file touches %q", got)
		}
		Affected(tree, ws, []string{"other/x.json"})
		for _, d := range Discover(tree) {
			if d != "w" && d != "other" {
				t.Errorf("discovered %q", d)
			}
		}
	})
}

func BenchmarkAffected(b *testing.B) {
	m := map[string]string{"modules/net/main.tf": calls()}
	var ws []Workspace
	for i := range 200 {
		dir := fmt.Sprintf("live/w%03d", i)
		m[dir+"/main.tf"] = calls("../../modules/net")
		m[dir+"/variables.tf"] = strings.Repeat("variable \"v\" {\n  type = string\n}\n", 30)
		ws = append(ws, Workspace{Name: dir, Dir: dir})
	}
	tree := files(m)
	for b.Loop() {
		if got := Affected(tree, ws, []string{"live/w007/main.tf"}); len(got) != 1 {
			b.Fatal(got)
		}
	}
}
