package workdir

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/runner/ground"
)

// Store has the packages of modules that this workspace may use.
func (d *Dir) Store() ground.PackageStore {
	return ground.PackageStore{Dir: filepath.Join(d.Job.CacheDir, "modules"),
		Engine: d.Job.Engine.Name, Scope: d.Secrets.Modules.Scope}
}

// Floating are the modules among those that a plan was made with whose source may give
// another one next time.
func (d *Dir) Floating() (modules []plan.Module) {
	for _, call := range slices.Sorted(maps.Keys(d.moving)) {
		m := d.moving[call]
		if m.Digest = d.Packages[call]; m.Digest != "" {
			modules = append(modules, m)
		}
	}
	return modules
}

// meet remembers a module of this phase, if it can move.
func (d *Dir) meet(c ground.ModuleCall, f ground.Fetched) {
	if ground.Immovable(c.Source, c.Version) {
		return
	}
	m := plan.Module{Call: c.Key, Source: ground.WithoutPassword(c.Source), Commit: f.Commit}
	if c.Version != "" {
		m.Version = f.Version
	}
	if d.moving == nil {
		d.moving = map[string]plan.Module{}
	}
	d.moving[c.Key] = m
}
