package job

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/datafile"
)

// A workspace's directory has what its newest plans hid, a file for each plan: one takes the
// place of no other, whichever commits they are of. Those of speculative plans are apart, since
// anybody who may push a branch writes what is in them.
const (
	keptHidden      = 8  // of plans that may be applied, and of checks
	keptSpeculative = 32 // of speculative plans
)

var hiddenKinds = map[bool]struct {
	prefix string
	kept   int
}{false: {"hidden-", keptHidden}, true: {"hidden-plan-", keptSpeculative}}

const hiddenSuffix = ".json.age"

// HiddenCopy is where a workspace's directory has what the plan of a run hid.
func HiddenCopy(workspaceDir, run string, speculative bool) string {
	return filepath.Join(workspaceDir, hiddenKinds[speculative].prefix+run+hiddenSuffix)
}

// HiddenCopies are the files of a workspace's directory that have what plans hid, the oldest
// first. The one of an earlier tfops, which had one for all plans, comes before them.
func HiddenCopies(workspaceDir string, speculative bool) (paths []string) {
	if old := filepath.Join(workspaceDir, HiddenFile); !speculative {
		if _, err := os.Lstat(old); err == nil {
			paths = append(paths, old)
		}
	}
	found, _ := datafile.Glob(workspaceDir, "hidden-*"+hiddenSuffix) // a directory that is not there has none
	slices.Sort(found)                                               // ids sort as they were made
	for _, path := range found {
		of := strings.HasPrefix(filepath.Base(path), hiddenKinds[true].prefix)
		if of == speculative {
			paths = append(paths, path)
		}
	}
	return paths
}

// PruneHidden removes those of the oldest plans.
func PruneHidden(workspaceDir string, speculative bool) {
	all := HiddenCopies(workspaceDir, speculative)
	for len(all) > hiddenKinds[speculative].kept {
		_ = os.Remove(all[0]) // one that stays is removed after the next plan
		all = all[1:]
	}
}
