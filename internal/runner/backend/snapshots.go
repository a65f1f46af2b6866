package backend

import (
	"cmp"
	"fmt"
	"os"
	"slices"

	"github.com/tfops/tfops/internal/datafile"
)

func RecoverNext(path string) string {
	return fmt.Sprintf("when the backend works again: `tfops decrypt %s > errored.tfstate`, then `terraform state "+
		"push errored.tfstate` in the root module, then remove both", path)
}

// PruneSnapshots removes all but the newest. Their time counts, not their
// serial: that begins again when a state is made anew.
func PruneSnapshots(dir string) error {
	paths, err := datafile.Glob(dir, "*.tfstate.age")
	if err != nil {
		return err
	}
	type aged struct {
		path string
		time int64
	}
	var all []aged
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			all = append(all, aged{path, info.ModTime().UnixNano()})
		}
	}
	slices.SortFunc(all, func(a, b aged) int {
		return cmp.Or(cmp.Compare(b.time, a.time), cmp.Compare(b.path, a.path))
	})
	for _, old := range all[min(len(all), KeepSnapshots):] {
		if err := os.Remove(old.path); err != nil {
			return err
		}
	}
	return nil
}
