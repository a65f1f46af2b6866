package validation

import (
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/workspace"
)

func TestRulesOfNoWorkspace(t *testing.T) {
	named := func(name, team string) fleet.Definition {
		return fleet.Definition{Workspace: workspace.Workspace{Name: name, Labels: map[string]string{"team": team}}}
	}
	own := named("shop", "web")
	cfg := &config.Config{Workspaces: []config.Workspace{{Workspace: own.Workspace}},
		Ignore: []drift.Ignore{{Name: "all", Address: "a.b"}, {Name: "made", Workspace: "net-*"},
			{Name: "nobody", Workspace: "prod-*"},
			{Name: "team", Labels: map[string]string{"team": "network"}},
			{Name: "typo", Labels: map[string]string{"team": "netwrok"}}},
		Reports: []config.Report{{Name: "every"}, {Name: "network", Workspaces: []string{"net-?"}},
			{Name: "lost", Workspaces: []string{"x", "y"}}}}
	made := []fleet.Definition{named("net-a", "network")}
	for name, c := range map[string]struct {
		generators []Generator
		made       []fleet.Definition
		want       []string
	}{
		"what blocks make counts": {[]Generator{{Expanded: true}}, made,
			[]string{`ignore "nobody"`, `ignore "typo"`, `report "lost"`}},
		"what they make is not known": {[]Generator{{Expanded: true}, {}}, made, nil},
		// the file is warned of the others itself
		"patterns of a plain file": {nil, nil, []string{`ignore "team"`, `ignore "typo"`}},
	} {
		cfg.Generators = make([]config.Generator, len(c.generators))
		var got []string
		for _, p := range unmatched(cfg, Expansion{generators: c.generators,
			fleet: &fleet.Fleet{Workspaces: append([]fleet.Definition{own}, c.made...)}}) {
			what, _, _ := strings.Cut(p.Summary, " is of no workspace")
			if got = append(got, what); p.Severity != "warning" {
				t.Errorf("%s: it is a %s", what, p.Severity)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if found := unmatched(&config.Config{Ignore: cfg.Ignore}, Expansion{fleet: &fleet.Fleet{}}); len(found) > 0 {
		t.Errorf("a file without any workspace: %v", found)
	}
}
