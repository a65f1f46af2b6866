package runner

import (
	"path/filepath"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/limits"
)

// Free is how much memory there is for engines; known is false where that cannot be told.
func (l *Local) Free() (bytes int64, known bool) { return limits.Available() }

// Taken is how much of it the engine of a runner in dir has taken at most, as long as it is at work.
func (l *Local) Taken(dir string) int64 {
	f, err := datafile.Open(filepath.Join(dir, job.LockFile))
	if err != nil {
		return 0
	}
	defer f.Close()
	pid := pidIn(f)
	if pid == 0 {
		return 0
	}
	return limits.Look(pid).Resident
}
