package workdir

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
)

// placeLockFile puts the lock file that the workspace's last init made into a root
// module that has none, so that versions do not change by themselves.
func (d *Dir) placeLockFile() error {
	path := filepath.Join(d.Root, diagnostics.DependencyLock)
	if d.OwnLock = durable.Exists(path); d.OwnLock {
		d.committed = ground.LockedProviders(path)
		if d.Job.Upgrade {
			return ground.RefuseUpgrade(d.Name)
		}
		return nil
	}
	// With the cache the engine writes a lock file for this platform only,
	// which is all that this one is for. It uses the cache for a provider
	// that no lock file names only when it is allowed to.
	d.Env[mayBreak] = "1"
	b, err := datafile.Read(d.keptLockFile(), datafile.Record)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return datafile.Write(path, b, 0o644)
}

func (d *Dir) keptLockFile() string {
	return filepath.Join(d.Job.WorkspaceDir, "engine", "terraform.lock.hcl")
}

// mayBreak has the engine take from its cache what no lock file names.
const mayBreak = "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE"

// saveLockFile keeps the lock file that init made or that was borrowed. A plan that is never applied
// keeps none: it may be of a branch, whose code says which versions are chosen, and in whose
// terraform.d providers may lie.
func (d *Dir) saveLockFile() error {
	b, err := datafile.ReadLinked(filepath.Join(d.Root, diagnostics.DependencyLock), datafile.Record)
	if d.OwnLock || !d.Job.LockState || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return writeChanged(d.keptLockFile(), b)
}

func writeChanged(path string, content []byte) error {
	if old, err := datafile.Read(path, datafile.Record); err == nil && string(old) == string(content) {
		return nil
	}
	return durable.Write(path, content)
}

// warnOfLockFile says which providers the repository's own lock file lacks: each
// plan takes the newest that is allowed. It remembers as well which versions were used.
func (d *Dir) warnOfLockFile() {
	used := ground.LockedProviders(filepath.Join(d.Root, diagnostics.DependencyLock))
	d.Result.Providers = used
	if !d.OwnLock || d.Job.Phase != job.PlanPhase {
		return
	}
	var lacks []string
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if d.committed[name] == "" {
			lacks = append(lacks, name+" "+used[name])
		}
	}
	warned := slices.ContainsFunc(d.Result.Diagnostics,
		func(d job.Diagnostic) bool { return d.Summary == diagnostics.LacksSummary })
	if len(lacks) == 0 || warned {
		return
	}
	platform := runtime.GOOS + "_" + runtime.GOARCH
	lacking := job.Diagnostic{Severity: "warning", Summary: diagnostics.LacksSummary, File: diagnostics.DependencyLock,
		Detail: d.FromMirror(fmt.Sprintf("It does not name %s, so each plan may take another version. In the root "+
			"module: %s providers lock -platform=%s, then commit %s.",
			strings.Join(lacks, ", "), d.Name, platform, diagnostics.DependencyLock))}
	d.Result.Diagnostics = append(d.Result.Diagnostics, lacking)
	d.Log.Say("warn", "%s: %s", lacking.Summary, lacking.Detail)
}
