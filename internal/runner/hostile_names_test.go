package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/testrig"
)

// The name of a module call is text of the repository until the engine has read it: it
// leads to no directory, also where the package that it calls is known already.
func TestHostileModuleNames(t *testing.T) {
	if !testrig.Long(t, "names of modules that mean something elsewhere") {
		return
	}
	m := newGitModule(t, "one")
	call := func(name string) string {
		return "module \"" + name + "\" {\n  source = \"git::file://" + m.dir + "?ref=main\"\n}\n"
	}
	eachView(t, map[string]string{"main.tf": call("good"), "sub/main.tf": "locals {}\n"}, func(t *testing.T, r *rig) {
		r.planned() // the package is known now
		before := listing(t, r.base, "runs", "cache", "checkouts", "tree", "workspaces/w/tree")
		for _, name := range []string{"..", "../../../../../workspaces", "../../../../../../victim", "a/../../..", ""} {
			for place, files := range map[string]map[string]string{
				"root":  {"main.tf": call(name)},
				"local": {"main.tf": "module \"s\" {\n  source = \"./sub\"\n}\n", "sub/main.tf": call(name)},
				"above": {"main.tf": "module \"" + name + "\" {\n  source = \"./sub\"\n}\n",
					"sub/main.tf": call("good")},
				"json": {"main.tf": "", "main.tf.json": `{"module": {"` + name + `": {"source": "git::file://` + m.dir + `?ref=main"}}}`},
			} {
				for path, text := range files {
					r.write(path, text)
				}
				f, result := r.plan()
				must(t, result, job.Failed, job.CauseEngine, "")
				if events := f.read(job.EventsFile); !strings.Contains(events, "Invalid module instance name") {
					t.Errorf("%s %q: the engine was not asked:\n%s", place, name, events)
				}
				if after := listing(t, r.base, "runs", "cache", "checkouts", "tree",
					"workspaces/w/tree"); after != before {
					t.Fatalf("%s %q: there was\n%s\nand is\n%s", place, name, before, after)
				}
				r.write("main.tf", "")
				if err := os.RemoveAll(filepath.Join(r.tree, "main.tf.json")); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// listing names all that lies below dir, but for what is below some directories there.
func listing(t *testing.T, dir string, but ...string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path) // both are absolute
		for _, b := range but {
			if rel == b {
				return filepath.SkipDir
			}
		}
		all = append(all, rel)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}
