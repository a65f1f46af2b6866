package decide

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/fleet/fleettest"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/workspace"
)

// TestSandboxWait has every kind of workspace and of run at every level, with everything that can be
// asked for: what is held back is exactly what the rules say.
func TestSandboxWait(t *testing.T) {
	generator := func(branch string) fleet.Generator {
		return fleet.Generator{Generator: workspace.Generator{Name: branch, Repository: "infra",
			Branches: []string{branch}, Dirs: []string{"*"}}}
	}
	made := func(by string) func(*fleet.Definition) {
		return func(d *fleet.Definition) {
			d.Origin = &workspace.Origin{Generator: by, Branch: "main", Dir: d.Name}
		}
	}
	ruled := func(d *fleet.Definition) { d.Rules = []approvals.Rule{{Name: "two", AllowAuthor: true}} }
	for _, c := range []struct {
		name    string
		change  func(*fleet.Definition)
		ref     string
		exposed string // part of the reason; empty: it is not
	}{
		{"a workspace block", nil, "", ""},
		{"a plan of a ref", nil, "feature", "somebody named its ref"},
		{"a workspace with a rule", ruled, "", "approval rules"},
		{"a generator that names its branch", made("main"), "", ""},
		{"a generator with a pattern", made("ma*"), "", "a pattern found its branch"},
	} {
		change := c.change
		if change == nil {
			change = func(*fleet.Definition) {}
		}
		def := fleettest.Define("a", change)
		s := (&settings.Settings{Config: fleet.Config{Workspaces: []fleet.Definition{def},
			Generators: []fleet.Generator{generator("main"), generator("ma*")}}, Concurrency: 1}).Prepare()
		for _, status := range []run.Status{run.Pending, run.ApplyQueued} {
			r := someRun("r1", "a", run.Sync, status)
			r.Fingerprint, r.Ref = s.Workspaces[0].Fingerprint, c.ref
			if c.ref != "" {
				if r.Kind = run.Plan; status != run.Pending {
					continue // it never applies
				}
			}
			q := queueOf(r)
			vote(&q, &q.Active[0])
			for _, level := range append(sandbox.Levels(), "") {
				for _, wanted := range sandbox.AllWanted() {
					for _, root := range []bool{false, true} {
						s.Sandbox = sandbox.Terms{Wanted: wanted, Root: root, State: sandbox.State{Level: level}}
						action, w := About(q.queue(), s, &q.Active[0])
						what := fmt.Sprintf("%s, %s, %+v", c.name, status, s.Sandbox)
						refusal := s.Sandbox.Refuses(c.exposed != "")
						if held := w.Kind == WaitsForSandbox; held != (refusal != "") || held != (action == Nothing) {
							t.Errorf("%s: action %d, waits for %q", what, action, w.Sentence())
						}
						if refusal == "" {
							continue
						}
						says := c.exposed
						if refusal == sandbox.TooWeak {
							says = "asks for " + string(wanted)
						}
						if !strings.Contains(w.Sentence(), says) || w.Command != "tfops doctor" || !w.Person {
							t.Errorf("%s: %+v, %q", what, w, w.Sentence())
						}
					}
				}
			}
		}
	}
}

// What the machine lacks is said where a better level is asked for, and what to write where that is a way.
func TestSandboxSentences(t *testing.T) {
	lacks := []sandbox.Lack{{Kind: sandbox.LacksUserNamespaces, Detail: "user.max_user_namespaces = 0"}}
	terms := sandbox.Terms{Wanted: "namespaces", State: sandbox.State{Level: sandbox.Filters, Lacks: lacks}}
	for f, want := range map[string]string{
		unsheltered{terms: terms, refusal: sandbox.TooWeak}.String(): "a better sandbox: tfops.hcl asks for " +
			"namespaces, and this machine gives filters (users may not make user namespaces: " +
			"user.max_user_namespaces = 0)",
		unsheltered{refusal: sandbox.Exposed, why: byRules}.String(): "a sandbox, since it has approval rules, which " +
			`code that is planned could get round; to go without one: runner { sandbox = "none" } in tfops.hcl`,
		unsheltered{refusal: sandbox.AsRoot, why: byRef}.String(): "a sandbox, since somebody named its ref, which " +
			`nobody has reviewed: sandbox = "none" does not count where tfops serve runs as root`,
	} {
		if f != want {
			t.Errorf("%q, want %q", f, want)
		}
	}
}
