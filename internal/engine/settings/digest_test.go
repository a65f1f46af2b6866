package settings

import (
	"testing"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/workspace"
)

// The digest is the same for the same rules, and another one for whatever lets others approve.
func TestRulesDigest(t *testing.T) {
	make := func(change func(*Settings)) string {
		d := fleet.Definition{Workspace: workspace.Workspace{Name: "net", Repository: "infra", Branch: "main"}}
		d.Apply, d.Rules = workspace.Manual, []approvals.Rule{{Name: "four", Require: 1, From: []string{"group:ops"}}}
		s := &Settings{People: approvals.People{Emails: map[string][]string{"ana": {"ana@example.com"}, "li": nil},
			Groups: map[string][]string{"ops": {"ana", "li"}}}, Config: fleet.Config{Workspaces: []fleet.Definition{d}}}
		change(s)
		return s.RulesDigest()
	}
	same := make(func(*Settings) {})
	for range 20 { // maps have no order
		if again := make(func(s *Settings) { s.Concurrency = 7 }); again != same {
			t.Fatalf("%s, and then %s", same, again)
		}
	}
	generator := fleet.Generator{Make: func(workspace.Origin) (fleet.Definition, error) {
		return fleet.Definition{}, nil
	}}
	seen := map[string]string{same: "the first"}
	for name, change := range map[string]func(*Settings){
		"another email":  func(s *Settings) { s.People.Emails["li"] = []string{"li@example.com"} },
		"another member": func(s *Settings) { s.People.Groups["ops"] = []string{"ana"} },
		"apply":          func(s *Settings) { s.Config.Workspaces[0].Apply = workspace.Auto },
		"no rule":        func(s *Settings) { s.Config.Workspaces[0].Rules = nil },
		"fewer people":   func(s *Settings) { s.Config.Workspaces[0].Rules[0].Require = 0 },
		"anybody":        func(s *Settings) { s.Config.Workspaces[0].Rules[0].From = nil },
		"the author":     func(s *Settings) { s.Config.Workspaces[0].Rules[0].AllowAuthor = true },
		"another branch": func(s *Settings) { s.Config.Workspaces[0].Branch = "dev" },
		"a generator":    func(s *Settings) { s.Config.Generators = []fleet.Generator{generator} },
	} {
		got := make(change)
		if other, ok := seen[got]; ok {
			t.Errorf("%s: the digest is that of %s", name, other)
		}
		seen[got] = name
	}
}
