package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tfops/tfops/internal/fault"
)

// searched is where a configuration is looked for when nothing names one.
var searched = []string{"tfops.hcl", "/etc/tfops/tfops.hcl"}

// Find chooses the configuration file: flag (--config) first, then env
// (TFOPS_CONFIG), then tfops.hcl in the working directory, then the machine's.
func Find(flag, env string) (string, error) { return find(flag, env, searched) }

func find(flag, env string, places []string) (string, error) {
	for _, named := range []struct{ path, by string }{{flag, "--config"}, {env, "TFOPS_CONFIG"}} {
		if named.path == "" {
			continue
		}
		if _, err := os.Stat(named.path); errors.Is(err, fs.ErrNotExist) {
			return "", fault.New(fault.Invalid, "give the path of a tfops.hcl, or write one with: tfops init",
				"there is no configuration file %s, which %s names", named.path, named.by)
		}
		return named.path, nil // what else may be wrong with it, Load says
	}
	for _, p := range places {
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) {
			return p, nil
		}
	}
	next := "write one for the repository at hand with: tfops init; or name one with --config FILE or TFOPS_CONFIG"
	last := filepath.Dir(places[len(places)-1])
	return "", fault.New(fault.Invalid, next, "there is no %s here or in %s", places[0], last)
}
