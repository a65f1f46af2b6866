package engine

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// runFile holds a run's record and votes as they were when its newest phase
// began, for the day on which the store is lost.
const runFile = "run.json"

type keptRun struct {
	FormatVersion int              `json:"format_version"`
	Run           run.Run          `json:"run"`
	Votes         []approvals.Vote `json:"votes,omitempty"`
}

// keepRun writes runFile. It is written without waiting for the disk: a run
// without it is recovered from its job, which tells less.
func (e *Engine) keepRun(r run.Run, votes []approvals.Vote) error {
	b, err := json.Marshal(keptRun{FormatVersion: 1, Run: r, Votes: votes})
	if err != nil {
		return err
	}
	path := filepath.Join(e.files(r.ID).dir, runFile)
	if err := os.WriteFile(path+".tmp", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

// Follower tells whether a runner is at work, and what one came to.
type Follower interface {
	Alive(dir string) (bool, error)
	Survivors(run string) ([]job.Process, error)
}

// ReadRemains reads what the run directories of a data directory tell, oldest
// run first. unreadable names those that tell nothing.
func ReadRemains(dataDir string, l Follower) (remains []run.Remains, unreadable []string, err error) {
	entries, err := os.ReadDir(filepath.Join(dataDir, "runs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fault.New(fault.Unavailable, "look at the data directory's disk, and run tfops recover again", "the runs cannot be listed: %w", err)
	}
	notes, err := readNotes(dataDir)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		dir := filepath.Join(dataDir, "runs", entry.Name())
		m, ok := remainsOf(files{dir}, entry.Name(), l)
		if !ok {
			unreadable = append(unreadable, dir)
			continue
		}
		m.Run.Workspace = calledNow(notes, m.Run.Workspace, m.Run.CreatedAt)
		remains = append(remains, m)
	}
	return remains, unreadable, nil
}

func remainsOf(f files, id string, l Follower) (run.Remains, bool) {
	m, known := recalled(f, id)
	j, err := job.LoadJob(f.phase(job.ApplyPhase))
	if err != nil {
		j, err = job.LoadJob(f.phase(job.PlanPhase))
	}
	if !known && (err != nil || j.Run != id) {
		return m, false
	}
	// An apply without a job that can be read may have begun all the same.
	phase := job.PlanPhase
	if _, err := os.Lstat(f.phase(job.ApplyPhase)); err == nil {
		phase = job.ApplyPhase
	}
	r := &m.Run
	if r.Workspace == "" {
		*r = run.Run{ID: id, Workspace: j.Workspace, Kind: kindOf(j), Attempt: 1, CreatedAt: modified(f.dir)}
	}
	planned, planErr := job.LoadResult(f.phase(job.PlanPhase))
	if planErr == nil {
		if r.State == "" && planned.Backend.Type != "" {
			r.State = identity(planned.Backend, j.TerraformWorkspace)
		}
		if r.Plan == nil && planned.Plan != nil {
			r.Plan, r.PlannedAt = summary(r.Kind, planned), planned.FinishedAt
		}
		r.StartedAt = planned.StartedAt
	}
	if phase == job.ApplyPhase {
		applyRemains(&m, f, l)
		return m, true
	}
	planRemains(r, planned, planErr)
	return m, true
}

// recalled reads runFile.
func recalled(f files, id string) (m run.Remains, ok bool) {
	b, err := datafile.Read(filepath.Join(f.dir, runFile), datafile.Record)
	var kept keptRun
	if err != nil || json.Unmarshal(b, &kept) != nil || kept.FormatVersion > 1 || kept.Run.ID != id {
		return m, false
	}
	return run.Remains{Run: kept.Run, Votes: kept.Votes}, kept.Run.Workspace != ""
}

func kindOf(job job.Job) run.Kind {
	switch {
	case !job.LockState:
		return run.Plan
	case job.Destroy:
		return run.Destroy
	case job.RefreshOnly:
		return run.Refresh
	}
	return run.Sync
}

func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime().UTC()
}

// planRemains says how a run stands whose apply was not begun.
func planRemains(r *run.Run, res job.Result, err error) {
	switch {
	case err != nil:
		r.Status = run.Planning // and is discarded with all that waits
	case res.Outcome != job.Succeeded:
		r.Status, r.Failure, r.FinishedAt = run.Errored, failure(*r, res), res.FinishedAt
	case !r.Kind.Applies() || r.Plan != nil && !r.Plan.Changes:
		r.Status, r.FinishedAt = run.PlannedAndFinished, res.FinishedAt
	default:
		r.Status = run.AwaitingApproval
	}
}

// applyRemains says how a run stands whose apply may have begun.
func applyRemains(m *run.Remains, f files, l Follower) {
	dir, r := f.phase(job.ApplyPhase), &m.Run
	m.Begun = true
	if r.ApplyStartedAt.IsZero() {
		r.ApplyStartedAt = modified(dir)
	}
	r.Reason, r.Comment, r.FinishedAt = "", "", time.Time{}
	if alive, err := l.Alive(dir); err == nil && alive {
		r.Status = run.Applying // the next daemon follows it
		return
	}
	res, err := job.LoadResult(dir)
	survivors, _ := l.Survivors(r.ID)
	switch why := unknownResult(res, err, survivors); {
	case why != "":
		r.Status, r.ErroredState = run.Interrupted, res.ErroredState
		r.Failure = &run.Failure{Message: "the store was lost, and " + why, Next: "look at the log (tfops logs " + r.ID + ") and at the real world, then: " + resolve(r.ID)}
	case res.Outcome == job.Succeeded:
		r.Status, r.Failure, r.FinishedAt = run.Applied, nil, res.FinishedAt
	default:
		r.Status, r.Failure, r.FinishedAt = run.Errored, failure(*r, res), res.FinishedAt
	}
}

// unknownResult says why what an apply's runner left does not tell how the apply
// ended; "" when it does.
func unknownResult(res job.Result, err error, survivors []job.Process) string {
	switch {
	case len(survivors) > 0:
		return "processes of the apply still run: " + processNames(survivors)
	case err != nil:
		return "how its apply ended is not known: " + err.Error()
	case res.ErroredState != "":
		return "the engine applied changes and could not save the state; what it would have saved is kept, encrypted, in " + res.ErroredState
	case res.StateLost:
		return res.Message
	case res.Outcome == job.KilledOutcome:
		return "the engine was killed in the middle of the apply"
	}
	return ""
}

// Standing names the workspaces that have a directory, and tells whether
// something of each may be in the world.
func Standing(dataDir string) (map[string]bool, error) {
	entries, err := os.ReadDir(workspacesDir(dataDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Unavailable, "look at the data directory's disk, and run tfops recover again", "the workspaces cannot be listed: %w", err)
	}
	notes, err := readNotes(dataDir)
	if err != nil {
		return nil, err
	}
	stands := map[string]bool{}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		name := entry.Name()
		if n, ok := notes[name]; ok {
			name = n.Name
		}
		if !workspace.ValidName().MatchString(name) {
			continue // it was set aside for a name that nobody has used again
		}
		dir := filepath.Join(workspacesDir(dataDir), entry.Name())
		states, _ := datafile.Glob(dir, "terraform.tfstate*")
		snapshots, _ := datafile.Glob(dir, "snapshots/*")
		stands[name] = stands[name] || len(slices.Concat(states, snapshots)) > 0
	}
	return stands, nil
}
