package runner

import (
	"bytes"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/handover"
)

// Survivors lists the processes that carry the mark of a run in their
// environment: the engine, providers or provisioners that outlived a killed
// runner. Processes of other users cannot be looked into and are left out,
// unless tfops runs as root.
func (l *Local) Survivors(run string) ([]job.Process, error) {
	all, err := cell.Processes()
	if err != nil {
		return nil, err
	}
	mark := []byte(job.RunMark + "=" + run)
	var found []job.Process
	for _, p := range all {
		env, err := handover.Environ(p.PID)
		if err != nil {
			continue // gone, or not ours to read
		}
		for v := range bytes.SplitSeq(env, []byte{0}) {
			if bytes.Equal(v, mark) {
				found = append(found, job.Process{PID: p.PID, Name: p.Name})
				break
			}
		}
	}
	return found, nil
}
