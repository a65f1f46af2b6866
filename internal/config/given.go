package config

import (
	"slices"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/workspaces"
)

const keeps = "an engine would see what tfops keeps"

// given are the paths that the runner block gives all engines.
func given(r *decode.Reader, b decode.Block, name, dataDir string) []string {
	f := b.Paths(name)
	for _, i := range f.Val {
		if decode.Overlap(i.Val, dataDir) {
			r.Errorf(i.Range, keeps, "%s names %s, and %s is data_dir. What lies there is shown to no engine.", name,
				i.Val, dataDir)
		}
	}
	return decode.Values[string](f.Val)
}

// checkGiven refuses paths by which workspaces would give their engines what tfops keeps.
func checkGiven(r *decode.Reader, all []workspaces.Workspace, dataDir string) {
	for _, w := range all {
		for _, path := range slices.Concat(w.Read, w.Write) {
			if decode.Overlap(path, dataDir) {
				r.Errorf(w.Range, keeps, "read or write of workspace %q names %s, and %s is data_dir. What lies there "+
					"is shown to no engine.", w.Name, path, dataDir)
			}
		}
	}
}
