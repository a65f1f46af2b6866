package reach

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/workspace"
)

func origins(os []workspace.Origin) string {
	var out []string
	for _, o := range os {
		text := o.Dir
		if o.VarFile != "" {
			text += "+" + o.VarFile
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

var generated = map[string]string{
	"live/prod/net/main.tf":      calls("../../../modules/net"),
	"live/prod/app/main.tf":      `provider "x" {}`,
	"live/dev/net/main.tf":       "terraform {\n  backend \"s3\" {}\n}",
	"live/dev/notes/README.md":   "no code",
	"live/dev/vars/variables.tf": `variable "x" {}`,
	"live/dev/net/vars/a.tfvars": "x = 1",
	"live/dev/net/vars/b.tfvars": "x = 2",
	"modules/net/main.tf":        calls(),
	"shared/prod.tfvars":         "x = 3",
	"live/.terraform/x/main.tf":  calls(),
	"top/main.tf.json":           `{"resource": {"terraform_data": {"x": {}}}}`,
	"deep/a/b/c/d/main.tf":       calls(),
}

// Each case is a sentence of what a generator matches.
func TestMatches(t *testing.T) {
	tree := files(generated)
	roots := Discover(tree)
	for _, c := range []struct {
		name, want, problem string
		g                   workspace.Generator
	}{
		{"directories two levels down, only root modules", "live/dev/net live/prod/app live/prod/net", "",
			workspace.Generator{Dirs: []string{"live/*/*"}}},
		{"any number of directories", "deep/a/b/c/d live/dev/net live/prod/app live/prod/net top", "",
			workspace.Generator{Dirs: []string{"**"}}},
		{"all directories", "live/dev/net live/dev/notes live/dev/vars", "",
			workspace.Generator{Dirs: []string{"live/dev/*"}, All: true}},
		{"a name without a pattern", "top", "", workspace.Generator{Dirs: []string{"top"}}},
		{"several patterns, each match once", "live/prod/app live/prod/net", "",
			workspace.Generator{Dirs: []string{"live/prod/*", "live/*/app", "live/prod/net"}}},
		{"either of two", "live/dev/net live/prod/net", "", workspace.Generator{Dirs: []string{"live/{dev,prod}/net"}}},
		{"a workspace for each var file", "live/dev/net+vars/a.tfvars live/dev/net+vars/b.tfvars", "",
			workspace.Generator{Dirs: []string{"live/dev/net"}, VarFiles: []string{"vars/*.tfvars"}}},
		{"var files outside of the directory", "live/prod/app+../../../shared/prod.tfvars", "",
			workspace.Generator{Dirs: []string{"live/prod/app"}, VarFiles: []string{"../../../shared/*.tfvars"}}},
		{"a pattern that matches nothing", "", `dirs = "live/*/dns" matches no directory on branch main`, workspace.Generator{Dirs: []string{"live/*/dns"}}},
		{"a pattern that matches no root module", "", "is a root module; there are modules/net",
			workspace.Generator{Dirs: []string{"modules/*"}}},
		{"a name that is nearly right", "", `no directory on branch main`, workspace.Generator{Dirs: []string{"tops"}}},
		{"var files that match nothing", "", `var_files = "env/*.tfvars" matches no file from directory top`,
			workspace.Generator{Dirs: []string{"top"}, VarFiles: []string{"env/*.tfvars"}}},
		{"one pattern of two matches nothing: the other goes on", "top", `"nothing/*" matches no directory`,
			workspace.Generator{Dirs: []string{"nothing/*", "top"}}},
	} {
		c.g.Name, c.g.Source = "live", "tfops.hcl:7"
		got, problems := Matches(c.g, "main", tree, roots)
		if origins(got) != c.want {
			t.Errorf("%s: %s, want %s", c.name, origins(got), c.want)
		}
		text := ""
		for _, p := range problems {
			text += p.Message + "\n"
			if p.Where != "tfops.hcl:7" || p.Next == "" {
				t.Errorf("%s: %+v", c.name, p)
			}
		}
		if (c.problem == "") != (text == "") || !strings.Contains(text, c.problem) {
			t.Errorf("%s: problems %q, want %q", c.name, text, c.problem)
		}
	}
}

// A slug is safe in a URL, and no two branches have the same.
func TestSlug(t *testing.T) {
	for branch, want := range map[string]string{"main": "main", "env/prod": "env-prod", "env_1": "env_1"} {
		if got := Slug(branch); got != want {
			t.Errorf("%s: %s, want %s", branch, got, want)
		}
	}
	seen := map[string]string{}
	for _, branch := range []string{"env/a-b", "env-a-b", "env-a/b", "Env/a/b", "ENV/A/B", "env.a.b", "ümlaut", "mlaut",
		"-", "--", "...", strings.Repeat("x", 100), strings.Repeat("x", 101), "a--b", "a/-b", "日本", "日本語"} {
		s := Slug(branch)
		if other, taken := seen[s]; taken {
			t.Errorf("%q and %q are both %s", other, branch, s)
		}
		seen[s] = branch
		if s == "" || len(s) > maxSlug || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			t.Errorf("%q becomes %q", branch, s)
		}
	}
}

func TestUnique(t *testing.T) {
	made := func(name, dir string) workspace.Workspace {
		return workspace.Workspace{Name: name, Dir: dir, Origin: &workspace.Origin{Generator: "live", Branch: "main",
			Dir: dir}}
	}
	where := func(w workspace.Workspace) string {
		if w.Origin == nil {
			return "tfops.hcl:3"
		}
		return w.Origin.String()
	}
	nobody := func(workspace.Workspace) bool { return false }
	kept, problems := Unique([]workspace.Workspace{{Name: "own"}},
		[]workspace.Workspace{made("own", "a"), made("twice", "b"), made("twice", "c"), made("fine", "d")},
		where, nobody)
	if len(kept) != 1 || kept[0].Name != "fine" || len(problems) != 3 {
		t.Fatalf("%v\n%v", kept, problems)
	}
	for _, branch := range []string{"env/a", "env-a"} {
		w := made("x-"+strings.ReplaceAll(branch, "/", "."), "x")
		w.Branch, w.Origin.Branch, w.TerraformWorkspace = branch, branch, Slug(branch)
		if got, _ := Unique(nil, []workspace.Workspace{w}, where, nobody); len(got) != 1 {
			t.Error("one branch alone:", got)
		}
		other := w
		other.Name, other.Branch, other.Origin = "y", "env/a", &workspace.Origin{Generator: "live", Branch: "env/a",
			Dir: "x"}
		if got, problems := Unique(nil, []workspace.Workspace{w, other}, where, nobody); branch == "env-a" &&
			(len(got) != 0 || len(problems) != 2 || !strings.Contains(problems[0].Message, `Terraform workspace "env-a"`)) {
			t.Errorf("two branches with one Terraform workspace: %v, %v", got, problems)
		}
	}
	old, pushed := made("p", "x"), made("p", "x")
	old.Branch, old.Origin.Branch, old.TerraformWorkspace = "env/a", "env/a", "env-a"
	pushed.Branch, pushed.Origin.Branch, pushed.TerraformWorkspace = "env-a", "env-a", "env-a"
	named := pushed
	named.Name = "q"
	wasThere := func(w workspace.Workspace) bool { return w.Branch == "env/a" }
	for _, list := range [][]workspace.Workspace{{old, pushed}, {pushed, old}, {old, named}, {named, old}} {
		got, problems := Unique(nil, list, where, wasThere)
		if len(got) != 1 || got[0].Branch != "env/a" || len(problems) != 1 ||
			!strings.Contains(problems[0].Where, "env-a") {
			t.Errorf("of %s and %s: %v, %v", list[0].Branch, list[1].Branch, got, problems)
		}
	}
	for i, want := range []string{"tfops.hcl:3, and by workspaces \"live\": a on branch main",
		"c on branch main, and by workspaces \"live\": b on", "b on branch main, and by workspaces \"live\": c on"} {
		if !strings.Contains(problems[i].Message, want) {
			t.Errorf("%s does not name %s", problems[i].Message, want)
		}
	}
}

func FuzzMatches(f *testing.F) {
	f.Add("live/*/*", "vars/*.tfvars", "env/*")
	f.Add("**", "../../**", "[")
	f.Add("{a,b}/**/c", "..", "\\")
	tree := files(generated)
	roots := Discover(tree)
	f.Fuzz(func(t *testing.T, dir, file, branch string) {
		g := workspace.Generator{Dirs: []string{dir}, VarFiles: []string{file}, Branches: []string{branch}}
		got, _ := Matches(g, "main", tree, roots)
		for _, o := range got {
			if p, ok := join(o.Dir, o.VarFile); !ok || !fs.ValidPath(p) {
				t.Errorf("%+v is not in the tree", o)
			}
		}
		_ = g.MatchesBranch("env/prod")
		_ = Slug(branch)
	})
}

func TestOrder(t *testing.T) {
	ref := func(name string) map[string]workspace.Input {
		return map[string]workspace.Input{"v": {Source: "x",
			Refs: []workspace.OutputRef{{Workspace: name, Output: "id"}}}}
	}
	for _, c := range []struct {
		name     string
		ws       []workspace.Workspace
		inferred []Dependency
		levels   string
		problem  string
		held     string
	}{
		{"no order", []workspace.Workspace{{Name: "a"}, {Name: "b"}}, nil, "[[a b]]", "", ""},
		{"depends_on", []workspace.Workspace{{Name: "a", DependsOn: []string{"b"}}, {Name: "b"}}, nil, "[[b] [a]]", "",
			""},
		{"inputs", []workspace.Workspace{{Name: "a", Inputs: ref("b")}, {Name: "b"}}, nil, "[[b] [a]]", "", ""},
		{"inferred", []workspace.Workspace{{Name: "a", InferDependencies: true}, {Name: "b"}},
			[]Dependency{{Downstream: "a", Upstream: "b"}}, "[[b] [a]]", "", ""},
		{"not inferred", []workspace.Workspace{{Name: "a"}, {Name: "b"}},
			[]Dependency{{Downstream: "a", Upstream: "b"}}, "[[a b]]", "", ""},
		{"a chain", []workspace.Workspace{{Name: "a", DependsOn: []string{"b"}}, {Name: "b", DependsOn: []string{"c"}},
			{Name: "c"}}, nil, "[[c] [b] [a]]", "", ""},
		{"unknown", []workspace.Workspace{{Name: "a", DependsOn: []string{"network-prd"}}, {Name: "network-prod"}}, nil,
			"[[a network-prod]]", `needs workspace "network-prd", which does not exist`, "[a]"},
		{"itself", []workspace.Workspace{{Name: "a", DependsOn: []string{"a"}}}, nil, "[[a]]", "a → a", "[a]"},
		{"a cycle", []workspace.Workspace{{Name: "a", DependsOn: []string{"b"}}, {Name: "b", DependsOn: []string{"c"}},
			{Name: "c", DependsOn: []string{"a"}}, {Name: "d", DependsOn: []string{"a"}}}, nil, "", "a → b → c → a",
			"[a b c]"},
		{"an inferred edge that closes a cycle", []workspace.Workspace{{Name: "a", DependsOn: []string{"b"}},
			{Name: "b", InferDependencies: true}}, []Dependency{{Downstream: "b", Upstream: "a", Why: "data"}},
			"[[b] [a]]", "would close a cycle and is not waited for: a → b → a", ""},
	} {
		o, problems := NewOrder(c.ws, c.inferred)
		if got := fmt.Sprint(o.Levels()); c.levels != "" && got != c.levels {
			t.Errorf("%s: %s, want %s", c.name, got, c.levels)
		}
		text, held := "", []string{}
		for _, p := range problems {
			text += p.Message + "\n"
			if p.Next == "" {
				t.Errorf("%s: nothing to do about %s", c.name, p)
			}
		}
		for _, w := range c.ws {
			if _, ok := o.Held(w.Name); ok {
				held = append(held, w.Name)
			}
		}
		if (c.problem == "") != (text == "") || !strings.Contains(text, c.problem) || strings.Count(text, "\n") > 1 {
			t.Errorf("%s: problems %q, want %q", c.name, text, c.problem)
		}
		if got := fmt.Sprint(held); c.held != "" && got != c.held || c.held == "" && len(held) > 0 {
			t.Errorf("%s: held %s, want %s", c.name, got, c.held)
		}
	}
}

func TestOrderIsTransitive(t *testing.T) {
	o, _ := NewOrder([]workspace.Workspace{{Name: "a"}, {Name: "b", DependsOn: []string{"a"}},
		{Name: "c", DependsOn: []string{"b", "a"}}, {Name: "d"}}, nil)
	if up, down := o.AllUpstream("c"), o.AllDownstream("a"); !slices.Equal(up, []string{"a", "b"}) ||
		!slices.Equal(down, []string{"b", "c"}) {
		t.Errorf("before c: %v; after a: %v", up, down)
	}
	if len(o.Upstream("c")) != 2 || len(o.Downstream("a")) != 2 || !o.Any() || len(o.AllUpstream("d")) != 0 {
		t.Error("direct ones")
	}
}
