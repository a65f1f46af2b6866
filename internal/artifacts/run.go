package artifacts

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/runner"
	"github.com/tfops/tfops/internal/runner/ground"
)

// Run is the files of one run. The paths among its methods are for runners, who work
// in them; the daemon reads and writes by the others.
type Run struct {
	ID string
	place
}

// File names what a run keeps besides what its runners write.
type File string

// The files of a run.
const (
	// it and its votes when its newest phase began, for the day on which the store is lost
	Record File = "run.json"
	Patch  File = "patch.json" // that it checks
	// the variables that it made of other workspaces' outputs; of a workspace: that were applied
	Inputs  File = "inputs.json.age"
	Applied File = "footing.json.age"   // what it was planned with; of a workspace: what was applied
	Left    File = job.LeftFile         // the state as it left it; of a workspace: as the last ones did
	Hidden  File = job.HiddenFile       // what its plan hides; of a workspace see job.HiddenCopies
	Outputs File = job.OutputsFile      // of a workspace: its outputs
	Plan    File = "plan.tfplan.age"    // the saved plan
	Shown   File = "plan.json"          // the redacted plan
	Stands  File = job.GroundFile       // what the plan stands on
	Errored File = job.ErroredStateFile // of a phase: the state that it could not save
)

// Dir is where all of it is.
func (r Run) Dir() string { return r.dir }

// Path is where a file is.
func (r Run) Path(f File) string { return filepath.Join(r.dir, string(f)) }

// Ground is where a runner puts together what the engine works in.
func (r Run) Ground() string { return filepath.Join(r.dir, "ground") }

// Written is where files lie that take the place of those of the checkout.
func (r Run) Written() string { return filepath.Join(r.Ground(), "written", "tree") }

// Phase is the directory of the runner of a phase.
func (r Run) Phase(p job.Phase) string { return filepath.Join(r.dir, string(p)) }

// PhaseFile is a file that the runner of a phase left.
func (r Run) PhaseFile(p job.Phase, name string) string { return filepath.Join(r.Phase(p), name) }

// Read reads a file of records.
func (r Run) Read(f File) ([]byte, error) { return r.objects.Read(r.name(string(f)), ofRecords) }

// Write writes a file so that it survives a power cut.
func (r Run) Write(f File, content []byte) error {
	return r.objects.Write(r.name(string(f)), content, Lasting)
}

// WriteSoon writes a file without waiting for the disk.
func (r Run) WriteSoon(f File, content []byte) error {
	return r.objects.Write(r.name(string(f)), content, Soon)
}

// ReadPlan reads the redacted plan; nil when there is none, or none any more.
func (r Run) ReadPlan() (*plan.Plan, error) {
	b, err := r.objects.Read(r.name(string(Shown)), ofPlans)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := &plan.Plan{}
	return p, json.Unmarshal(b, p)
}

// Network reads the ledger of a phase: whom its engine spoke to. It is empty where the network was not listed.
func (r Run) Network(p job.Phase) (all []job.Contact, err error) {
	b, err := r.objects.Read(path.Join(r.key, string(p), job.NetworkFile), ofRecords)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return all, json.Unmarshal(b, &all)
}

// Begin makes the directory of a run whose plan is made, without anything that an
// earlier try left: a plan is always made from a fresh tree.
func (r Run) Begin() error {
	for _, old := range []string{r.Ground(), r.Path(Stands), r.Phase(job.PlanPhase), r.Path(Plan), r.Path(Shown)} {
		if err := os.RemoveAll(old); err != nil {
			return err
		}
	}
	return os.MkdirAll(r.dir, 0o700)
}

// RemoveWork removes what a run that has ended wrote into its tree, and what a
// killed runner was about to write. Logs, plan and results stay.
func (r Run) RemoveWork() error {
	// The second is where an earlier tfops kept the whole tree.
	return errors.Join(os.RemoveAll(r.Ground()), os.RemoveAll(filepath.Join(r.dir, "tree")), r.RemovePartial())
}

// RemovePartial removes what a killed runner was about to write.
func (r Run) RemovePartial() error { return runner.SweepRun(r.dir) }

// Remove removes all files of a run.
func (r Run) Remove() error { return r.objects.Remove(r.key) }

// Packages are the digests of the modules that the run's plan stands on.
func (r Run) Packages() ([]string, error) { return ground.GroundPackages(r.dir) }

// ErroredState is the path of the state that the run's apply could not save; "" for none.
func (r Run) ErroredState() string {
	path := r.PhaseFile(job.ApplyPhase, string(Errored))
	if _, err := os.Lstat(path); err != nil {
		return ""
	}
	return path
}

// Begun reports whether a phase was begun, and when; zero where that cannot be told.
func (r Run) Begun(p job.Phase) (at time.Time, begun bool) {
	info, err := os.Lstat(r.Phase(p))
	if err != nil {
		return time.Time{}, false
	}
	return info.ModTime().UTC(), true
}

// Modified is when the run's directory was changed; zero where that cannot be told.
func (r Run) Modified() time.Time {
	info, err := os.Stat(r.dir)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime().UTC()
}
