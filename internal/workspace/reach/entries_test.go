package reach

import (
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/workspace"
)

// The workspace is in live/w; what is at hand beside its code is the same for all.
func toldTree(code string) map[string]string {
	return map[string]string{
		"live/w/main.tf": code, "live/w/keys/a.pem": "a", "live/w/keys/deep/b.pem": "b", "live/w/other.txt": "x",
		"keys/c.pem": "c", "shared/d.pem": "d", "mods/one/main.tf": "resource \"terraform_data\" \"x\" {\n input = " +
			"file(\"${path.module}/../../shared/d.pem\")\n}\n",
		"mods/child/main.tf": "variable \"name\" {}\nlocals { t = templatefile(\"${path.module}/${var.name}\", " +
			"{}) }\n",
		"mods/child/tpl/a.tpl": "${file(\"shared/x\")}", "unrelated/x.txt": "",
	}
}

const varPick = "variable \"pick\" {}\n"

// What a workspace says that an expression reads counts in the place of the
// whole repository, and nothing that the code does tell is lost.
func TestReachSaysWhatAnExpressionReads(t *testing.T) {
	res := func(expr string) string {
		return varPick + "resource \"terraform_data\" \"x\" {\n  for_each = var.pick\n  input    = " + expr + "\n}\n"
	}
	for _, c := range []struct {
		name, code string
		reach      map[string][]string
		touched    string // paths that touch it
		left       string // paths that do not
	}{
		{"relative to the directory", res(`file(each.value.path)`), map[string][]string{"each.value.path": {"keys/**"}},
			"live/w/keys/a.pem live/w/keys/deep/b.pem keys/c.pem live/w/keys/new.pem",
			"unrelated/x.txt live/w/other.txt shared/d.pem"},
		{"from the directory alone", res(`file(each.value.path)`), map[string][]string{"each.value.path": {"./keys/*"}},
			"live/w/keys/a.pem live/w/main.tf", "keys/c.pem live/w/keys/deep/b.pem unrelated/x.txt"},
		{"a list", res(`file(each.value.path)`), map[string][]string{"each.value.path": {"../../shared/*", "keys/c.pem"}},
			"shared/d.pem keys/c.pem", "unrelated/x.txt live/w/keys/a.pem"},
		{"a directory", res(`file(each.value["path"])`), map[string][]string{`each.value["path"]`: {"keys"}},
			"live/w/keys/deep/b.pem keys/c.pem", "shared/d.pem"},
		{"nothing of the repository", res(`file(each.value.path)`), map[string][]string{"each.value.path": {}},
			"live/w/main.tf", "live/w/keys/a.pem keys/c.pem unrelated/x.txt"},
		{"blanks and comments", res("file(lookup( each.value ,\n\"path\" /* x */))"),
			map[string][]string{`lookup(each.value, "path")`: {"shared/*"}}, "shared/d.pem", "unrelated/x.txt"},
		{"within a text", res(`file("${path.module}/${each.value.path}.${var.pick.x}")`),
			map[string][]string{"each.value.path": {"keys/*"}}, "live/w/keys/a.pem", "live/w/other.txt"},
		{"a path that nothing reads", res(`"bash ${path.module}/run.sh ./keys/${each.value.path}"`),
			map[string][]string{"each.value.path": {"keys/*"}}, "live/w/keys/a.pem live/w/run.sh",
			"live/w/keys/deep/b.pem live/w/other.txt"},
		{"a fileset", res(`fileset(each.value.path, "*.pem")`), map[string][]string{"each.value.path": {"keys/*"}}, "keys/c.pem", "unrelated/x.txt"},
		{"another call in the same attribute stays wide", res(`[file(each.value.path), file(var.pick.other)]`), map[string][]string{"each.value.path": {"keys/*"}},
			"keys/c.pem unrelated/x.txt", ""},
		{"what is known beside it", res(`file(var.pick == 1 ? "../../shared/d.pem" : each.value.path)`), map[string][]string{"each.value.path": {"keys/*"}},
			"shared/d.pem keys/c.pem", "unrelated/x.txt"},
		{"a longer reference is another one", res(`file(each.value.path)`),
			map[string][]string{"each.value": {"keys/*"}}, "unrelated/x.txt", ""},
		{"a pattern that matches nothing says nothing", res(`file(each.value.path)`),
			map[string][]string{"each.value.path": {"keyz/**"}}, "unrelated/x.txt", ""},
		{"in a module that it calls", "module \"c\" {\n  source = \"../../mods/child\"\n  name   = data.x.y.z\n}\n",
			map[string][]string{"var.name": {"tpl/*"}},
			"mods/child/tpl/a.tpl live/w/shared/x mods/child/tpl/b.tpl", "unrelated/x.txt live/w/other.txt"},
		{"the source of a module", varPick + "module \"c\" {\n  source = \"../../mods/${var.pick}\"\n}\n",
			map[string][]string{"var.pick": {"mods/*"}},
			"mods/one/main.tf mods/one/new.tf shared/d.pem", "unrelated/x.txt live/w/other.txt"},
		{"in the JSON syntax", `x`, map[string][]string{"each.value.path": {"keys/*"}}, "keys/c.pem live/w/keys/a.pem",
			"unrelated/x.txt"},
	} {
		tree := toldTree(c.code)
		if c.code == "x" {
			delete(tree, "live/w/main.tf")
			tree["live/w/main.tf.json"] = `{"variable": {"pick": {}}, "resource": {"terraform_data": {"x": {"for_each": "${var.pick}", "input": {"é": ["${1 + 1}", "${file(each.value.path)}"]}}}}}`
		}
		g := NewIndex().Graph(files(tree), []workspace.Workspace{{Name: "w", Dir: "live/w", Engine: "tofu",
			Reach: c.reach}})
		for _, p := range strings.Fields(c.touched) {
			if names(g.Affected([]string{p})) != "w" {
				t.Errorf("%s: %s does not touch it; %+v", c.name, p, g.reaches[0].widened)
			}
		}
		for _, p := range strings.Fields(c.left) {
			if got := g.Affected([]string{p}); len(got) > 0 {
				t.Errorf("%s: %v; %+v", c.name, got, g.reaches[0].widened)
			}
		}
	}
}

// What is said follows the tree: also by an index that knows the tree before.
func TestReachThatIsSaidFollowsTheTree(t *testing.T) {
	tree := toldTree(varPick + "locals { k = file(var.pick) }\n")
	w := []workspace.Workspace{{Name: "w", Dir: "live/w", Reach: map[string][]string{"var.pick": {"new/*.pem"}}}}
	x := NewIndex()
	if got := names(x.Graph(files(tree), w).Affected([]string{"unrelated/x.txt"})); got != "w" {
		t.Errorf("a pattern that matches nothing narrows: %q", got)
	}
	tree["new/a.pem"] = "x"
	g := x.Graph(files(tree), w)
	if names(g.Affected([]string{"new/a.pem"})) != "w" || len(g.Affected([]string{"unrelated/x.txt"})) > 0 {
		t.Errorf("%+v", g.reaches[0].widened)
	}
	delete(tree, "new/a.pem")
	if got := names(x.Graph(files(tree), w).Affected([]string{"unrelated/x.txt"})); got != "w" {
		t.Errorf("the last file that matched is gone: %q", got)
	}
}

// An entry that matches no expression is named, with the one that was meant.
func TestReachOfNoExpression(t *testing.T) {
	code := varPick + "locals {\n  a = file(local.keys.path)\n  b = file(\"${path.module}/other.txt\")\n  c = " +
		"file(lookup(var.pick, \"x\"))\n}\n"
	g := NewIndex().Graph(files(toldTree(code)),
		[]workspace.Workspace{{Name: "w", Dir: "live/w", Reach: map[string][]string{
			"local.keys.path": {"keys/*"}, "local.keys.pth": {"keys/*"}, "local.key": {"keys/*"},
			`lookup(var.pick, "y")`: {"keys/*"}, "module.far.away.from.all": {"keys/*"}}}})
	want := []UnusedEntry{{"local.key", "local.keys.path"}, {"local.keys.pth", "local.keys.path"},
		{`lookup(var.pick, "y")`, `lookup(var.pick, "x")`}, {"module.far.away.from.all", ""}}
	got := g.UnusedEntries("w")
	got[0].Near = cmpOr(got[0].Near, want[0].Near) // it is far, and may be found or not
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if p := got[1].Problem("tfops.hcl:3"); !strings.Contains(p.String(), `did you mean "local.keys.path"?`) ||
		!strings.HasPrefix(p.String(), "tfops.hcl:3: ") {
		t.Error(p)
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Widening names its cause: the part that is not told, as reach takes it.
func TestWideningNamesItsCause(t *testing.T) {
	for _, c := range []struct{ code, part, why string }{
		{"locals { a = file(var.none) }\nvariable \"none\" {}", "var.none",
			"nothing in the repository or in tfops.hcl says what var.none is"},
		{"locals { a = file(data.x.y.path) }", "data.x.y.path", "data.x.y.path is known only when the engine runs"},
		{"locals { a = file(\"${data.x.y.path}/${path.module}\") }", "data.x.y.path",
			"known only when the engine runs"},
		{"locals { a = file(md5(data.x.y.path)) }", "md5(data.x.y.path)", "what md5(…) gives is not worked out"},
		{"resource \"a\" \"b\" {\n for_each = data.x.y.list\n p = templatefile(each.value.path, {})\n}",
			"each.value.path", "the code does not say what each.value.path can be"},
		{"locals { a = fileset(path.module, data.x.y.pattern) }", "data.x.y.pattern", "known only"},
		{"locals { a = [for k in data.x.y.list : file(k)] }", "k", "the code does not say what k can be"},
		{"module \"m\" { source = \"../${data.x.y.z}\" }", `"../${data.x.y.z}"`, "the source is computed"},
	} {
		g := NewIndex().Graph(files(map[string]string{"live/w/main.tf": c.code, "x/y": ""}),
			[]workspace.Workspace{{Name: "w", Dir: "live/w", Engine: "tofu"}})
		reach, _ := g.Reach("w")
		if len(reach.Widened) != 1 || reach.Widened[0].Part != c.part || !strings.Contains(reach.Widened[0].Why,
			c.why) || reach.Widened[0].File != "live/w/main.tf" {
			t.Errorf("%s\n%+v", c.code, reach.Widened)
		}
	}
}

// Whether a path only may be read is told, and a path that is read comes first.
func TestWidenedIsTold(t *testing.T) {
	g := NewIndex().Graph(files(toldTree(varPick+"locals { k = file(var.pick) }\n")),
		[]workspace.Workspace{{Name: "w", Dir: "live/w", Watch: []string{"shared/*"}}})
	for p, want := range map[string]bool{"unrelated/x.txt": true, "live/w/main.tf": false, "shared/d.pem": false} {
		if got := g.Affected([]string{p}); len(got) != 1 || got[0].Widened != want {
			t.Errorf("%s: %+v", p, got)
		}
	}
	if got := g.Affected([]string{"keys/c.pem", "live/w/main.tf"}); got[0].Path != "live/w/main.tf" || got[0].Widened {
		t.Errorf("%+v", got)
	}
}

// Patterns of ignore follow a .gitignore: the last one that matches counts.
func TestIgnoreTakesNegation(t *testing.T) {
	for _, c := range []struct{ patterns, ignored, counts string }{
		{"**/*.md", "a.md x/b.md", "a.tf"},
		{"config/** !config/prod.yml", "config/dev.yml config/a/b", "config/prod.yml a.tf"},
		{"config/** !config/prod/** config/prod/x", "config/a config/prod/x", "config/prod/y"},
		{"!config/prod.yml config/**", "config/prod.yml", "x"},
		{"** !**/*.tf", "a.txt x/y.md", "a.tf x/y/z.tf"},
		{`** !\!a !b*`, "c", "!a bee"},
		{`\!a`, "!a", "a"},
		{"!a", "", "a b"},
		{"", "", "a"},
	} {
		patterns := strings.Fields(c.patterns)
		for _, p := range strings.Fields(c.ignored) {
			if !Ignored(patterns, p) {
				t.Errorf("%q does not ignore %s", c.patterns, p)
			}
		}
		for _, p := range strings.Fields(c.counts) {
			if Ignored(patterns, p) {
				t.Errorf("%q ignores %s", c.patterns, p)
			}
		}
	}
	w := []workspace.Workspace{{Name: "w", Dir: "live/w", Watch: []string{"config/**"},
		Ignore: []string{"config/**", "!config/prod.yml"}}}
	if got := names(Affected(files(fleet), w, []string{"config/dev.yml"})) + "," +
		names(Affected(files(fleet), w, []string{"config/prod.yml"})); got != ",w" {
		t.Error(got)
	}
}
