package workdir

import (
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/ground"
)

// Rewritten finds the files of the commit, and of modules, that the phase changed, once the view
// was collected.
func (d *Dir) Rewritten() (found []plan.Rewritten, more int, err error) {
	layers := []ground.Layer{{Shared: pinned.Files(d.Job.Checkout),
		Written: cell.WrittenDir(d.Job.Ground, cell.TreeName)}}
	for _, name := range slices.Sorted(maps.Keys(d.Packages)) {
		layers = append(layers, ground.Layer{Shared: pinned.Files(d.Store().Content(d.Packages[name])),
			Written: cell.WrittenDir(d.Job.Ground, cell.PackageName(name)),
			At:      path.Join(filepath.ToSlash(d.Job.Dir), filepath.ToSlash(ground.ModuleDir("", name)))})
	}
	return ground.Rewritten(layers)
}
