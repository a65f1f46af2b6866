package validation

import (
	"fmt"
	"slices"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/fleet"
)

// unmatched are warnings of rules and reports that are of no workspace, once it
// is known which workspaces there are: those of the file and what workspaces
// blocks make now. The file alone tells that of plain names only.
func unmatched(cfg *config.Config, x Expansion) []Problem {
	static := len(cfg.Generators) == 0
	if slices.ContainsFunc(x.generators, func(g Generator) bool { return !g.Expanded }) {
		return nil // who knows what it makes
	}
	all := x.fleet.Workspaces
	if len(all) == 0 {
		return nil
	}
	var found []Problem
	check := func(what, name string, patterns bool, fits func(fleet.Definition) bool) {
		if static && patterns || slices.ContainsFunc(all, fits) {
			return // of patterns in such a file the file itself is warned of
		}
		found = append(found, Problem{Severity: "warning",
			Summary: fmt.Sprintf("%s %q is of no workspace: none has a name and labels that fit", what, name),
			Detail:  "correct it, unless the workspace is still to come"})
	}
	for _, rule := range cfg.Ignore {
		check("ignore", rule.Name, rule.Workspace != "", func(w fleet.Definition) bool {
			return rule.Concerns(w.Name,
				w.Labels)
		})
	}
	for _, r := range cfg.Reports {
		check("report", r.Name, len(r.Workspaces) > 0,
			func(w fleet.Definition) bool { return r.Covers(w.Name, w.Labels) })
	}
	return found
}
