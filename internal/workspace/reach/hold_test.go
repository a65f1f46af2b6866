package reach

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
)

// Each case is a sentence of what is gone, and of what only cannot be found.
func TestHeld(t *testing.T) {
	code := &fstest.MapFile{Data: []byte(`resource "terraform_data" "x" {}`)}
	text := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	link := func(to string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink | 0o777}
	}
	whole := workspace.Generator{Name: "live", Source: "tfops.hcl:7", Repository: "infra", Branches: []string{"main"},
		Dirs: []string{"live/*"}}
	files := whole
	files.VarFiles = []string{"*.tfvars", "../../shared/*.tfvars"}
	for _, c := range []struct {
		name    string
		g       workspace.Generator
		varFile string
		tree    fstest.MapFS
		want    string // "" is gone
	}{
		{"no directory", whole, "", fstest.MapFS{"live/y/main.tf": code}, ""},
		{"a directory without code", whole, "", fstest.MapFS{"live/x/notes.md": text("")}, ""},
		{"values alone are no code", whole, "", fstest.MapFS{"live/x/a.tfvars": text("")}, ""},
		{"code further down is another directory's", whole, "", fstest.MapFS{"live/x/sub/main.tf": code}, ""},
		{"a tree with nothing in it", whole, "", fstest.MapFS{}, ""},
		{"an unfinished block", whole, "", fstest.MapFS{"live/x/main.tf": text("}")},
			"live/x/main.tf cannot be read, line 1"},
		{"code for OpenTofu alone, broken", whole, "", fstest.MapFS{"live/x/main.tofu": text("{")},
			"live/x/main.tofu cannot be read"},
		{"something that is no text", whole, "", fstest.MapFS{"live/x/main.tf": text("\x00GITCRYPT\x00\xff")},
			"live/x/main.tf cannot be read"},
		{"a module that another calls", whole, "", fstest.MapFS{"live/x/main.tf": code,
			"b/main.tf": text("module \"x\" {\n  source = \"../live/x\"\n}")}, "b calls it, b/main.tf:1"},
		{"a link above it", whole, "", fstest.MapFS{"other/x/main.tf": code, "live": link("other")},
			"symbolic link live"},
		{"a link in a circle", whole, "", fstest.MapFS{"live/x": link("x")}, "too many symbolic links"},
		{"a link out of the repository", whole, "", fstest.MapFS{"live/x": link("../../etc")},
			"leads out of the repository"},
		{"a file above it", whole, "", fstest.MapFS{"live": text("")}, "live is a file now"},
		{"a var file that is gone", files, "a.tfvars", fstest.MapFS{"live/x/main.tf": code}, ""},
		{"a var file elsewhere that is gone", files, "../../shared/a.tfvars", fstest.MapFS{"live/x/main.tf": code}, ""},
		{"a var file whose directory is gone", files, "a.tfvars", fstest.MapFS{"live/y/main.tf": code}, ""},
		{"a directory where a var file was", files, "a.tfvars",
			fstest.MapFS{"live/x/main.tf": code, "live/x/a.tfvars/b": code}, "live/x/a.tfvars is a directory now"},
		{"a submodule where var files were", files, "../../shared/a.tfvars",
			fstest.MapFS{"live/x/main.tf": code, "shared": {Mode: fs.ModeDir | 0o500}}, "shared is a submodule now"},
		{"a link to nothing where a var file was", files, "a.tfvars",
			fstest.MapFS{"live/x/main.tf": code, "live/x/a.tfvars": link("b.tfvars")}, "leads to nothing"},
		{"a var file that is there, of code that is broken", files, "a.tfvars",
			fstest.MapFS{"live/x/main.tf": text("}"), "live/x/a.tfvars": code}, "live/x/main.tf cannot be read"},
		{"a var file that the patterns do not name any more", whole, "a.tfvars",
			fstest.MapFS{"live/x/main.tf": code, "live/x/a.tfvars": code},
			"does not match var file a.tfvars of directory live/x"},
		{"a directory that the patterns do not name any more", workspace.Generator{Name: "live",
			Branches: []string{"main"}, Dirs: []string{"prod/*"}}, "", fstest.MapFS{"live/x/main.tf": code},
			"does not match directory live/x"},
	} {
		o := workspace.Origin{Generator: "live", Branch: "main", Dir: "live/x", VarFile: c.varFile}
		hold, held := Held(c.g, o, c.tree, NewIndex().Graph(c.tree, nil))
		if held != (c.want != "") {
			t.Errorf("%s: held is %t: %v", c.name, held, hold.Why)
			continue
		}
		if held && (!strings.Contains(hold.Why.Error(), c.want) || fault.Next(hold.Why) == "") {
			t.Errorf("%s: %v (%s), want %q", c.name, hold.Why, fault.Next(hold.Why), c.want)
		}
	}
}

// torn is a tree one of whose directories cannot be read.
type torn struct {
	fstest.MapFS
	dir string
}

func (f torn) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == f.dir {
		return nil, errors.New("object not found")
	}
	return f.MapFS.ReadDir(name)
}

// A directory that cannot be read looks as if nothing were in it.
func TestHeldInATornTree(t *testing.T) {
	g := workspace.Generator{Name: "live", Branches: []string{"main"}, Dirs: []string{"live/*"}}
	for _, dir := range []string{".", "live", "live/x", "elsewhere"} {
		tree := torn{fstest.MapFS{"live/x/main.tf": {}, "elsewhere/README.md": {}}, dir}
		hold, held := Held(g, workspace.Origin{Generator: "live", Branch: "main", Dir: "live/x"}, tree,
			NewIndex().Graph(tree, nil))
		if !held || !hold.Unread || !strings.Contains(hold.Why.Error(), "cannot be read") {
			t.Errorf("%s: %t, %+v", dir, held, hold)
		}
	}
}

// A directory that matches and cannot be read is named: it may be a root module.
func TestABrokenDirectoryIsNamed(t *testing.T) {
	good := "resource \"terraform_data\" \"x\" {}\n"
	tree := files(map[string]string{
		"live/a/main.tf": good, "live/conflict/main.tf": "<<<<<<< HEAD\n" + good, "live/json/main.tf.json": "{",
		"live/tofu/main.tofu": "x x {",
		"live/tofu/vars.tf":   "variable \"x\" {}\n", "live/partly/main.tf": good + "resource {",
		"live/caller/main.tf": calls("../called"), "live/called/x.tf": "}",
		"live/values/outputs.tf": "output \"x\" {\n  value = 1\n}\n", "other/broken/main.tf": "}}",
		"live/.hidden/main.tf": "}}", "live/link/main.tf": "-> ../../../out.tf",
	})
	graph := NewIndex().Graph(tree, nil)
	names := func(g workspace.Generator) (out []string) {
		for _, p := range Broken(g, "main", graph, graph.Roots()) {
			if p.Where != "tfops.hcl:4" || p.Next == "" || !strings.Contains(p.Message, "cannot be read, line 1") {
				t.Error(p)
			}
			out = append(out, strings.Fields(p.Message)[7])
		}
		return out
	}
	g := workspace.Generator{Name: "live", Dirs: []string{"live/*"}, Branches: []string{"main"}, Source: "tfops.hcl:4"}
	if got := strings.Join(names(g), " "); got != "live/conflict live/json live/tofu" {
		t.Error(got)
	}
	g.Dirs = []string{"**"}
	if got := strings.Join(names(g), " "); got != "live/conflict live/json live/tofu other/broken" {
		t.Error(got)
	}
	if g.All = true; len(names(g)) > 0 {
		t.Error("with all every directory makes a workspace")
	}
}
