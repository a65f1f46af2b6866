package runner

import (
	"path/filepath"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/cell"
)

// A process that was stopped (SIGSTOP, SIGTSTP, a debugger that went away) does
// nothing and hears nothing but SIGKILL until SIGCONT: no timeout of its own ends it.

// Stopped lists, by directory, the processes of the runners at work in these
// directories that are stopped: the runner itself and all that it started.
func (l *Local) Stopped(dirs ...string) (map[string][]job.Process, error) {
	all, err := cell.Processes()
	if err != nil {
		return nil, err
	}
	found := map[string][]job.Process{}
	for _, dir := range dirs {
		for _, p := range stoppedIn(all, dir) {
			found[dir] = append(found[dir], job.Process{PID: p.PID, Name: p.Name})
		}
	}
	return found, nil
}

func stoppedIn(all []cell.Process, dir string) []cell.Process {
	pid, err := runnerIn(dir)
	if err != nil || pid == 0 {
		return nil
	}
	var found []cell.Process
	for _, p := range all {
		if p.PID == pid && p.Stopped {
			p.Name = "tfops runner"
			found = append(found, p)
		}
	}
	for _, p := range cell.Below(all, pid) {
		if p.Stopped {
			found = append(found, p)
		}
	}
	return found
}

// runnerIn is the process that is at work in dir; 0 when none is.
func runnerIn(dir string) (int, error) {
	f, err := datafile.Open(filepath.Join(dir, job.LockFile))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	busy, err := held(f)
	if err != nil || !busy {
		return 0, err
	}
	return pidIn(f), nil
}

// Continue lets the stopped processes of the runner in dir go on.
func (l *Local) Continue(dir string) error {
	all, err := cell.Processes()
	if err != nil {
		return err
	}
	return cell.WakeUp(stoppedIn(all, dir))
}
