package datadir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tfops/tfops/internal/artifacts"
)

// A data directory that nothing was ever recorded in knows of no state that tfops
// keeps. It is a newcomer's first start, or another data_dir than before. Nothing
// inside tells one from the other, so what lies around it is looked at.

// defaultDir is where the data directory is unless tfops.hcl says otherwise.
const defaultDir = "/var/lib/tfops"

// maxBeside bounds how many directories are looked into beside one.
const maxBeside = 1000

// Others finds data directories that a configuration may have used before: beside its
// data_dir, beside the file, and at the default place.
func Others(dataDir, file string) []string {
	mine, err := os.Stat(dataDir)
	if err != nil {
		return nil
	}
	found, seen := []string{}, []os.FileInfo{mine}
	look := func(dir string) {
		info, err := os.Stat(dir)
		if err != nil || !info.IsDir() ||
			slices.ContainsFunc(seen, func(o os.FileInfo) bool { return os.SameFile(o, info) }) {
			return
		}
		seen = append(seen, info)
		for _, name := range []string{"tfops.db", "key"} {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				found = append(found, dir)
				return
			}
		}
	}
	for _, parent := range []string{filepath.Dir(dataDir), filepath.Dir(file)} {
		entries, _ := os.ReadDir(parent) // one that cannot be listed tells nothing
		for _, e := range entries[:min(len(entries), maxBeside)] {
			look(filepath.Join(parent, e.Name()))
		}
	}
	look(defaultDir)
	return found
}

// Known names the workspaces of which another data directory keeps a state, with that
// directory: those of the names, or all for nil.
func Known(names map[string]bool, others []string) (map[string]string, error) {
	known := map[string]string{}
	for _, dir := range others {
		stands, err := artifacts.Open(dir).Standing()
		if errors.Is(err, fs.ErrPermission) {
			continue // another user's
		} else if err != nil {
			return nil, err
		}
		for name, is := range stands {
			if is && known[name] == "" && (names == nil || names[name]) {
				known[name] = dir
			}
		}
	}
	return known, nil
}
