package phase

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/module"
)

// checkVariables refuses names that the root module does not declare, before
// the engine runs: it would take the default of the variable that was meant.
// Files that are shared get a warning instead, unless the name looks like a slip
// for a variable that gets no value otherwise.
func (p *phase) checkVariables(context.Context) error {
	if p.job.Phase != job.PlanPhase || p.module.Unread {
		return nil
	}
	all := p.givenVariables()
	declared := slices.Sorted(maps.Keys(p.module.Variables))
	free := slices.DeleteFunc(slices.Clone(declared), func(n string) bool {
		return slices.ContainsFunc(all, func(g module.Given) bool { return g.Name == n })
	})
	var wrong []string
	idle := map[string][]string{} // names without effect, by source
	var sources []string
	for _, g := range all {
		if slices.Contains(declared, g.Name) {
			continue
		}
		meant := module.Slip(g.Name, free)
		if p.job.StrictVariables && (g.Kind == module.OwnSource || g.Kind == module.SharedSource && meant != "") {
			wrong = append(wrong, fmt.Sprintf("%q, which %s%s", g.Name, g.Sets(), module.DidYouMean(g.Name, meant, declared)))
			continue
		}
		if idle[g.Source] == nil {
			sources = append(sources, g.Source)
		}
		idle[g.Source] = append(idle[g.Source], fmt.Sprintf("%q%s", g.Name, module.DidYouMean(g.Name, meant, declared)))
	}
	for _, source := range sources {
		p.result.Diagnostics = append(p.result.Diagnostics, module.IdleWarning(source, p.job.Dir, idle[source]))
	}
	if len(wrong) == 0 {
		return nil
	}
	return diagnostics.Refuse(job.CauseBadInput, "correct the name, or declare the variable in the root module; a var file that many modules share may set more than one of them declares",
		"the root module %s declares no variable %s", p.job.Dir, strings.Join(wrong, "; nor "))
}

// givenVariables are all variables that are given a value, in the engine's
// order of precedence.
func (p *phase) givenVariables() []module.Given {
	var all []module.Given
	file := func(name string, kind module.SourceKind) {
		src, err := os.ReadFile(filepath.Join(p.root, filepath.FromSlash(name)))
		if err != nil {
			return // the engine will say so
		}
		for _, a := range module.Assignments(src, name) {
			all = append(all, module.Given{Name: a.Name, Source: name, Kind: kind, Line: a.Line})
		}
	}
	entries, _ := os.ReadDir(p.root) // it was read just now
	for _, e := range entries {
		if module.IsAutoFile(e.Name()) {
			file(e.Name(), module.AutoSource)
		}
	}
	for _, name := range p.job.VarFiles {
		file(name, module.SharedSource)
	}
	for _, a := range module.Assignments([]byte(p.secrets.Variables), "") {
		g := module.Given{Name: a.Name, Source: "`variables` of the workspace", Kind: module.OwnSource}
		switch {
		case slices.Contains(p.job.InputVariables, a.Name):
			g.Source = "`inputs` of the workspace"
		case slices.Contains(p.job.SharedVariables, a.Name):
			g.Source, g.Kind = "`variables` of the defaults block", module.SharedSource
		}
		all = append(all, g)
	}
	return all
}
