// Package remains reads what the directories of runs tell, for the day on which the store
// is lost.
package remains

import (
	"encoding/json"
	"time"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/engine/phases"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/run/recovery"
)

// Follower tells whether a runner is at work, and what one came to.
type Follower interface {
	Alive(dir string) (bool, error)
	Survivors(run string) ([]job.Process, error)
}

// Read reads what the run directories of a data directory tell, oldest
// run first. unreadable names those that tell nothing.
func Read(files *artifacts.Local, l Follower) (remains []recovery.Remains, unreadable []string, err error) {
	ids, err := files.Runs()
	if err != nil {
		return nil, nil, err
	}
	calledNow, err := files.NamesNow()
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		m, ok := remainsOf(files.Run(id), l)
		if !ok {
			unreadable = append(unreadable, files.Run(id).Dir())
			continue
		}
		m.Run.Workspace = calledNow(m.Run.Workspace, m.Run.CreatedAt)
		remains = append(remains, m)
	}
	return remains, unreadable, nil
}

func remainsOf(f artifacts.Run, l Follower) (recovery.Remains, bool) {
	m, known := recalled(f)
	j, err := job.LoadJob(f.Phase(job.ApplyPhase))
	if err != nil {
		j, err = job.LoadJob(f.Phase(job.PlanPhase))
	}
	if !known && (err != nil || j.Run != f.ID) {
		return m, false
	}
	// An apply without a job that can be read may have begun all the same.
	phase := job.PlanPhase
	if _, begun := f.Begun(job.ApplyPhase); begun {
		phase = job.ApplyPhase
	}
	r := &m.Run
	if r.Workspace == "" {
		*r = run.Run{ID: f.ID, Workspace: j.Workspace, Kind: kindOf(j), Attempt: 1, CreatedAt: f.Modified()}
	}
	planned, planErr := job.LoadResult(f.Phase(job.PlanPhase))
	if planErr == nil {
		if r.State == "" && planned.Backend.Type != "" {
			r.State = outcome.Identity(planned.Backend, j.TerraformWorkspace)
		}
		if r.Plan == nil && planned.Plan != nil {
			r.Plan, r.PlannedAt = outcome.Summary(r.Kind, planned), planned.FinishedAt
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

// recalled reads what keepRun wrote.
func recalled(f artifacts.Run) (m recovery.Remains, ok bool) {
	b, err := f.Read(artifacts.Record)
	var kept phases.KeptRun
	if err != nil || json.Unmarshal(b, &kept) != nil || kept.FormatVersion > 1 || kept.Run.ID != f.ID {
		return m, false
	}
	return recovery.Remains{Run: kept.Run, Votes: kept.Votes}, kept.Run.Workspace != ""
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

// planRemains says how a run stands whose apply was not begun.
func planRemains(r *run.Run, res job.Result, err error) {
	switch {
	case err != nil:
		r.Status = run.Planning // and is discarded with all that waits
	case res.Outcome != job.Succeeded:
		r.Status, r.Failure, r.FinishedAt = run.Errored, outcome.Failure(*r, res), res.FinishedAt
	case !r.Kind.Applies() || r.Plan != nil && !r.Plan.Changes:
		r.Status, r.FinishedAt = run.PlannedAndFinished, res.FinishedAt
	default:
		r.Status = run.AwaitingApproval
	}
}

// applyRemains says how a run stands whose apply may have begun.
func applyRemains(m *recovery.Remains, f artifacts.Run, l Follower) {
	dir, r := f.Phase(job.ApplyPhase), &m.Run
	m.Begun = true
	if r.ApplyStartedAt.IsZero() {
		r.ApplyStartedAt, _ = f.Begun(job.ApplyPhase)
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
		r.Failure = &run.Failure{Message: "the store was lost, and " + why, Next: "look at the log (tfops logs " +
			r.ID + ") and at the real world, then: " + decide.ResolveCommand(r.ID)}
	case res.Outcome == job.Succeeded:
		r.Status, r.Failure, r.FinishedAt = run.Applied, nil, res.FinishedAt
	default:
		r.Status, r.Failure, r.FinishedAt = run.Errored, outcome.Failure(*r, res), res.FinishedAt
	}
}

// unknownResult says why what an apply's runner left does not tell how the apply
// ended; "" when it does.
func unknownResult(res job.Result, err error, survivors []job.Process) string {
	switch {
	case len(survivors) > 0:
		return "processes of the apply still run: " + outcome.ProcessNames(survivors)
	case err != nil:
		return "how its apply ended is not known: " + err.Error()
	case res.ErroredState != "":
		return "the engine applied changes and could not save the state; what it would have saved is kept, " +
			"encrypted, in " + res.ErroredState
	case res.StateLost:
		return res.Message
	case res.Outcome == job.KilledOutcome:
		return "the engine was killed in the middle of the apply"
	}
	return ""
}
