package phase

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/runner/ground"
)

func (p *phase) store() ground.PackageStore {
	return ground.PackageStore{Dir: filepath.Join(p.job.CacheDir, "modules"),
		Engine: p.job.Engine.Name, Scope: p.secrets.Modules.Scope}
}

// floating are the modules among those that a plan was made with whose source may give
// another one next time.
func (p *phase) floating() (modules []plan.Module) {
	for _, call := range slices.Sorted(maps.Keys(p.modules)) {
		m := p.modules[call]
		if m.Digest = p.packages[call]; m.Digest != "" {
			modules = append(modules, m)
		}
	}
	return modules
}

// met remembers a module of this phase, if it can move.
func (p *phase) met(c ground.ModuleCall, f ground.Fetched) {
	if ground.Immovable(c.Source, c.Version) {
		return
	}
	m := plan.Module{Call: c.Key, Source: ground.WithoutPassword(c.Source), Commit: f.Commit}
	if c.Version != "" {
		m.Version = f.Version
	}
	if p.modules == nil {
		p.modules = map[string]plan.Module{}
	}
	p.modules[c.Key] = m
}
