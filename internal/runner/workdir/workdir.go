// Package workdir prepares the engine's working directory, as init does: the lock file, the backend,
// the providers and the modules. What the last init of a workspace made is used again where nothing has
// changed that it depends on.
package workdir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/command"
	"github.com/tfops/tfops/internal/runner/given"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/handover"
	"github.com/tfops/tfops/internal/runner/module"
)

// Dir is the working directory of one phase: the root module in a tree of its own.
type Dir struct {
	*command.Engine
	PhaseDir string
	Secrets  job.Secrets
	View     cell.View // what the engine sees the commit's files through
	Module   module.Module
	Managed  bool              // tfops keeps the state
	OwnLock  bool              // the repository has a lock file of its own
	Packages map[string]string // of modules: digest, by the name of the directory
	Result   *job.Result       // of the phase

	moving    map[string]plan.Module // modules that can move and were met on the way, by call; see Floating
	cache     *ground.ProviderCache
	vendored  bool // the repository has providers of its own
	backend   backend.BackendFiles
	committed map[string]string // what the repository's own lock file names, before init: versions by provider
	warnings  int               // of the engine
}

// Close ends what is in memory, and the view.
func (d *Dir) Close() {
	d.backend.Close()
	if uid := cell.User(); uid != 0 && d.View != nil {
		// While no other phase of the workspace can begin. The next one sees to both, too.
		_ = errors.Join(handover.End(uid), handover.Close(given.Own(d.Job)...))
	}
	if d.View != nil {
		d.View.Close()
	}
	if d.Scratch != "" {
		_ = removeAll(d.Scratch) // it goes with the run's files at the latest
	}
}

// ClearScratch has the phase begin with no private directory of another one.
func (d *Dir) ClearScratch(j job.Job) error {
	d.Scratch = filepath.Join(j.Ground, "scratch-"+string(j.Phase))
	if uid := cell.User(); uid != 0 {
		for _, dir := range []string{j.Tree, d.Scratch} {
			datafile.WrittenBy(dir, uid)
		}
	}
	return removeAll(d.Scratch)
}

// removeAll removes what an engine wrote: also directories that it closed to everybody.
func removeAll(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, _ error) error {
		if e != nil && e.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// Open takes the provider cache, and completes the engine's environment.
func (d *Dir) Open(context.Context) error {
	var err error
	if err = os.MkdirAll(filepath.Join(d.Job.WorkspaceDir, "engine"), 0o700); err != nil {
		return err
	}
	if err = d.useCLIConfig(); err != nil { // it may name a cache
		return err
	}
	if d.cache, err = ground.OpenCache(d.Job.CacheDir, d.Env); err != nil {
		return err
	}
	d.Env[job.RunMark] = d.Job.Run
	// The engine takes providers from there, too. They are this repository's affair: in a cache they would be run for
	// every workspace, and be gone with this checkout. A link may lead to what is there only once init has run.
	_, err = os.Lstat(filepath.Join(d.Root, "terraform.d"))
	if d.vendored = err == nil; d.vendored {
		delete(d.Env, "TF_PLUGIN_CACHE_DIR")
	} else {
		d.Env["TF_PLUGIN_CACHE_DIR"] = d.cache.Dir
	}
	if d.Job.Phase == job.ApplyPhase {
		return nil // the lock file is where its plan was made
	}
	return d.placeLockFile()
}
