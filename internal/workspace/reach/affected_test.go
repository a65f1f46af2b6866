package reach

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/workspace"
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

var fleetSpaces = []workspace.Workspace{
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
		{"own sub-directory that nothing names", "", []string{"live/prod/network/files/a.json"}},
		{"own documentation", "", []string{"live/prod/network/README.md"}},
		{"a deleted file of its own", "app", []string{"live/prod/app/gone.tf"}},
		{"a module called directly and through another", "network app app-dev", []string{"modules/net/main.tf"}},
		{"a module called by two", "app app-dev", []string{"modules/app/outputs.tf"}},
		{"a module within a module", "app app-dev", []string{"modules/app/inner/x.tf"}},
		{"its var file", "app", []string{"vars/prod.tfvars"}},
		{"a template that nobody reads", "", []string{"shared/template.tpl"}},
		{"a module that nobody calls", "", []string{"modules/dns/main.tf"}},
		{"a directory whose name only begins alike", "", []string{"live/prod/network2/main.tf"}},
		{"a path that is not clean", "network", []string{"live//prod/./network/main.tf"}},
		{"two", "network app-dev", []string{"live/dev/app/main.tf", "live/prod/network/main.tf"}},
	} {
		if got := names(Affected(files(fleet), fleetSpaces, c.paths)); got != c.want {
			t.Errorf("%s: %v touches %q, want %q", c.name, c.paths, got, c.want)
		}
	}
}

// Every workspace that is touched has a way that says why.
func TestAffectedSaysWhy(t *testing.T) {
	for path, want := range map[string]string{
		"live/prod/app/main.tf": "live/prod/app/main.tf → root module live/prod/app",
		"vars/prod.tfvars":      "vars/prod.tfvars → var_files of app",
		"modules/net/main.tf":   `modules/net/main.tf → module "m1" in modules/app/main.tf → module "m0" in live/prod/app/main.tf`,
	} {
		var why string
		for _, touched := range Affected(files(fleet), fleetSpaces, []string{path}) {
			if len(touched.Chain) == 0 || touched.Path != path {
				t.Errorf("%s: %+v", path, touched)
			}
			if touched.Workspace == "app" {
				why = touched.String()
			}
		}
		if why != want {
			t.Errorf("%s: %q, want %q", path, why, want)
		}
	}
	for _, touched := range Affected(files(fleet), fleetSpaces, nil) {
		if touched.String() != "what changed is not known" {
			t.Errorf("%q", touched)
		}
	}
	chain := Affected(files(fleet), fleetSpaces, []string{"modules/net/main.tf"})[1].Chain
	if chain[0].Line != 5 || chain[1].Line != 2 {
		t.Errorf("lines of %+v", chain)
	}
}

// Each case is a workspace "w" in live/w beside another one.
func TestAffectedThroughText(t *testing.T) {
	for _, c := range []struct {
		name, code string // of live/w/main.tf
		path       string // that changed
		touched    bool
	}{
		{"unrelated", calls(), "live/other/x.json", false},
		{"file of another workspace", `locals { a = file("../other/x.json") }`, "live/other/x.json", true},
		{"another file of it", `locals { a = file("../other/x.json") }`, "live/other/y.json", false},
		{"path.module", `locals { a = file("${path.module}/../other/x.json") }`, "live/other/x.json", true},
		{"detour", `locals { a = file("files/../../other/x.json") }`, "live/other/x.json", true},
		{"inserted name", `locals { a = file("${path.module}/../other/${var.n}.json") }`, "live/other/x.json", true},
		{"inserted part of a name", `locals { a = file("../other/x-${var.n}.json") }`, "live/other/x-1.json", true},
		{"inserted directory", `locals { a = file("../${var.n}/x.json") }`, "live/other/x.json", true},
		{"climbing after what is inserted", `locals { a = file("${path.module}/a/${var.n}/../../../other/x.json") }`, "live/other/x.json", true},
		{"format", `locals { a = file(format("%s/../other/%s.json", path.module, var.n)) }`, "live/other/x.json", true},
		{"format with a width", `locals { a = file(format("%s/../other/%03d.json", path.module, var.n)) }`, "live/other/001.json", true},
		{"fileset", `locals { a = fileset(path.module, "../other/*.json") }`, "live/other/x.json", true},
		{"fileset with braces", `locals { a = fileset("..", "{other,third}/*.json") }`, "live/other/x.json", true},
		{"fileset of another end", `locals { a = fileset(path.module, "../other/*.yaml") }`, "live/other/x.json", false},
		{"join", `locals { a = file(join("/", [path.module, "..", "other", "x.json"])) }`, "live/other/x.json", true},
		{"conditional template", `locals { a = file("%{if true}../other/x.json%{endif}") }`, "live/other/x.json", true},
		{"prose with dots", `locals { a = "Loading... 1..2" }`, "live/other/x.json", false},
		{"text that a resource gets", `resource "x" "y" { source = "../other/x.json" }`, "live/other/x.json", true},
		{"script", "resource \"x\" \"y\" {\n command = <<EOT\nset -e\n./run.sh ../other/x.json\nEOT\n}",
			"live/other/x.json", true},
		{"address", `resource "x" "y" { url = "https://example.com/x.json" }`, "live/w/example.com/x.json", false},
		{"dirname", `locals { a = file("${dirname(path.module)}/other/x.json") }`, "live/other/x.json", true},
		{"path.module in another text", `locals { a = replace(path.module, "/", "-") }`, "live/w/x.json", false},
		{"computed source", "variable \"v\" {}\nmodule \"m\" { source = \"./${var.v}\" }", "live/other/x.json", true},
		{"source out of the repository", "module \"m\" { source = \"../../../x\" }", "live/other/x.json", false},
		{"does not parse", `resource "x" {{{ module`, "live/other/x.json", false},
		{"nested too deep", "locals { module = " + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + " }",
			"live/other/x.json", true},
		{"source with a backslash", "module \"m\" { source = \"..\\\\..\\\\modules\\\\m\" }", "modules/m/main.tf",
			true},
		{"escaped dots", `locals { a = file("\u002e\u002e/other/x.json") }`, "live/other/x.json", true},
		{"pattern in a name", `locals { a = file("../other/[x].json") }`, "live/other/[x].json", true},
		{"local that is itself", `locals { a = file(local.b), b = "${local.b}x" }`, "live/w/main.tf", true},
		{"local that grows", "locals {\n a = \"${local.b}${local.b}\"\n b = \"${local.a}${local.a}\"\n c = " +
			"file(local.a)\n}", "live/other/x.json", true},
		{"argument of a module from elsewhere", "module \"m\" {\n source = \"x/y/z\"\n file = \"../other/x.json\"\n}",
			"live/other/x.json", true},
		{"output", `output "x" { value = "${path.module}/../other/x.json" }`, "live/other/x.json", true},
	} {
		tree := files(map[string]string{
			"live/w/main.tf": c.code, "live/other/main.tf": calls("../../modules/m"),
			"live/other/x.json": "{}", "modules/m/main.tf": calls(),
		})
		ws := []workspace.Workspace{{Name: "w", Dir: "live/w"}, {Name: "other", Dir: "live/other"}}
		got := slices.ContainsFunc(Affected(tree, ws, []string{c.path}),
			func(t Touched) bool { return t.Workspace == "w" })
		if got != c.touched {
			t.Errorf("%s: touched %v, want %v", c.name, got, c.touched)
		}
	}
}

func TestAffectedThroughValues(t *testing.T) {
	tree := files(map[string]string{
		"w/main.tf": "variable \"a\" {}\nvariable \"p\" {}\nvariable \"q\" {}\nvariable \"e\" {}\nlocals { " +
			"x = [file(var.a.b[0]), file(var.p), file(var.q), file(var.e)] }",
		"w/auto.auto.tfvars": `q = "../other/auto.json"`, "w/terraform.tfvars": `p = "../other/less.json"`,
		"other/main.tf": calls(), "vars/w.tfvars": `p = "../other/file.json"`,
	})
	w := workspace.Workspace{
		Name: "w", Dir: "w", VarFiles: []string{"../vars/w.tfvars"},
		Env: map[string]workspace.EnvVar{"TF_VAR_e": {Value: "../other/env.json", Secret: true}},
		Variables: map[string]cty.Value{
			"a": cty.ObjectVal(
				map[string]cty.Value{"b": cty.TupleVal([]cty.Value{
					cty.StringVal("../other/value.json").WithMarks(workspace.Secret)})}),
		},
	}
	ws := []workspace.Workspace{w, {Name: "other", Dir: "other"}}
	for f, want := range map[string]string{"auto": "w", "file": "w", "value": "w", "env": "w", "less": "", "none": ""} {
		if got := names(Affected(tree, ws, []string{"other/" + f + ".json"})); got != want {
			t.Errorf("other/%s.json touches %q", f, got)
		}
	}
}

// noLinks is a file system that shows links and cannot read them.
type noLinks struct{ fs.FS }

func TestAffectedUnreadableLink(t *testing.T) {
	tree := noLinks{files(map[string]string{"w/main.tf": calls("./a"), "w/a": "-> ../other", "other/main.tf": "",
		"other/x": ""})}
	ws := []workspace.Workspace{{Name: "w", Dir: "w"}, {Name: "other", Dir: "other"}}
	if got := names(Affected(tree, ws, []string{"other/x"})); got != "w" {
		t.Errorf("touches %q", got)
	}
}

// unreadable is a file system that fails for one file.
type unreadable struct{ hashes }

func (u unreadable) ReadFile(name string) ([]byte, error) {
	if name == "w/main.tf" {
		return nil, fs.ErrPermission
	}
	return u.hashes.ReadFile(name)
}

// What cannot be read touches everybody, and is read again the next time.
func TestUnreadableTree(t *testing.T) {
	tree := newHashes(files(map[string]string{"w/main.tf": calls("../m"), "m/main.tf": calls(),
		"other/main.tf": calls()}))
	ws := []workspace.Workspace{{Name: "w", Dir: "w"}, {Name: "other", Dir: "other"}}
	x := NewIndex()
	g := x.Graph(unreadable{tree}, ws)
	if got := names(g.Affected([]string{"x"})); got != "w other" || g.Err() == nil {
		t.Errorf("touches %q, %v", got, g.Err())
	}
	g = x.Graph(tree, ws)
	if got := names(g.Affected([]string{"m/main.tf"})); got != "w" || g.Err() != nil {
		t.Errorf("read again: touches %q, %v", got, g.Err())
	}
}

func BenchmarkAffected(b *testing.B) {
	m := map[string]string{"modules/net/main.tf": calls()}
	var ws []workspace.Workspace
	for i := range 200 {
		dir := fmt.Sprintf("live/w%03d", i)
		m[dir+"/main.tf"] = calls("../../modules/net")
		m[dir+"/variables.tf"] = strings.Repeat("variable \"v\" {\n  type = string\n}\n", 30)
		ws = append(ws, workspace.Workspace{Name: dir, Dir: dir})
	}
	tree := files(m)
	for b.Loop() {
		if got := Affected(tree, ws, []string{"live/w007/main.tf"}); len(got) != 1 {
			b.Fatal(got)
		}
	}
}

// Affected is Graph.Affected of a graph that is made for this one question.
func Affected(tree fs.FS, ws []workspace.Workspace, paths []string) []Touched {
	return NewIndex().Graph(tree, ws).Affected(paths)
}

// touch is the way on which a path touches the workspace; nil when it does not.
func (r *reach) touch(p string) []Link {
	chain, _ := r.touches(p)
	return chain
}
