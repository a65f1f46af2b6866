// Package acts is what people do: ask for runs, vote, cancel, lock, suspend, acknowledge,
// import, move and restore states. Each is one transaction, and in the audit log.
package acts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/jobs"
	"github.com/tfops/tfops/internal/engine/managed"
	"github.com/tfops/tfops/internal/engine/order"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/engine/patches"
	"github.com/tfops/tfops/internal/engine/phases"
	"github.com/tfops/tfops/internal/engine/queue"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/engine/upkeep"
	"github.com/tfops/tfops/internal/engine/watch"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// Actions are what people do.
type Actions struct {
	Txn     *txn.Writer
	Watcher *watch.Watcher
	Order   *order.Sequencer
	States  managed.States
	Jobs    *jobs.Maker
	Patches *patches.Maker
	Queue   *queue.Dispatcher
	Upkeep  *upkeep.Keeper
	Journal Findings
	Runner  phases.Runner
	Vault   jobs.Vault
}

// Findings are what drift checks have found.
type Findings interface {
	Findings(ctx context.Context, workspace string) ([]drift.Finding, error)
	Finding(ctx context.Context, id string) (drift.Finding, error)
}

// Order asks for a run.
type Order struct {
	Workspace string
	Kind      run.Kind
	Debug     bool   // keep the engine's own debug log, too
	Ref       string // of a speculative plan: branch, tag or commit; empty: the workspace's branch
	Upgrade   bool   // of a plan or a sync: choose provider versions anew
}

// Start enqueues a run that a person asks for.
func (act *Actions) Start(ctx context.Context, a access.Actor, o Order) (run.Run, error) {
	def, err := act.Txn.Settings.Get().Workspace(o.Workspace)
	if err != nil {
		return run.Run{}, err
	}
	if w, waits := decide.RenameWait(act.Txn.Settings.Get().Fleet, def.Name); waits {
		return run.Run{}, fault.New(fault.Conflict, w.Command, "workspace %s waits for %s", def.Name, w.Sentence())
	}
	if o.Ref != "" && o.Kind != run.Plan {
		return run.Run{}, fault.New(fault.Invalid, "tfops plan "+def.Name+" --ref "+o.Ref,
			"only a speculative plan can be of another ref than the workspace's branch")
	}
	if err := act.recheckState(ctx, def.Name); err != nil {
		return run.Run{}, err
	}
	if o.Upgrade && o.Kind != run.Plan && o.Kind != run.Sync {
		return run.Run{}, fault.New(fault.Invalid, "tfops sync "+def.Name+" --upgrade",
			"only a plan or a sync can choose provider versions anew")
	}
	r, err := act.ordered(ctx, def, o, run.Trigger{Cause: run.ByPerson, Actor: a.Name})
	if err != nil {
		return run.Run{}, err
	}
	r.Debug = o.Debug
	by := audit.By(a, string(o.Kind), "")
	if o.Ref != "" {
		by.Reason = "of " + o.Ref
	}
	b := run.Batch{Runs: []run.Run{r}, By: &by}
	if o.Kind == run.Destroy {
		if err := act.Order.InReverse(ctx, &b); err != nil {
			return run.Run{}, err
		}
	}
	for {
		created, err := act.Txn.Enqueue(ctx, b)
		if err != nil || len(created) > 0 {
			return append(created, run.Run{})[0], err
		}
		if o.Kind == run.Refresh {
			if err := act.inTheWay(ctx, def.Name); err != nil {
				return run.Run{}, err
			}
			continue // what was in the way has ended in this very moment
		}
		// A drift check of this workspace is under way already: that is the
		// answer, unless it has ended in this very moment.
		active, err := act.Txn.Runs(ctx, run.Query{Workspace: def.Name, Kinds: []run.Kind{run.Drift},
			Statuses: []run.Status{run.Pending, run.Planning}, Limit: 1})
		if err != nil || len(active) > 0 {
			return append(active, run.Run{})[0], err
		}
	}
}

// ordered makes the run of an order, at the commit that it is about.
func (act *Actions) ordered(ctx context.Context, def fleet.Definition, o Order, t run.Trigger) (run.Run, error) {
	repo, ok := act.Txn.Settings.Get().Repositories[def.Repository]
	if !ok {
		return run.Run{}, fault.New(fault.NotFound, "tfops validate", "there is no repository %q", def.Repository)
	}
	if o.Kind == run.Sync || o.Kind == run.Plan { // people expect what they have just pushed to count
		if err := act.Watcher.Poll(ctx, def.Repository); err != nil {
			return run.Run{}, err
		}
	}
	q, err := act.Txn.Queue(ctx)
	if err != nil {
		return run.Run{}, err
	}
	rec := *q.Record(def.Name)
	sha := rec.Head
	switch o.Kind {
	case run.Drift:
		return act.Order.Check(ctx, def, rec, t)
	case run.Refresh:
		return act.refreshRun(ctx, def, rec, t)
	case run.Destroy:
		if rec.Applied == "" {
			return run.Run{}, fault.New(fault.Conflict, "tfops status "+def.Name,
				"workspace %s has nothing applied that could be destroyed", def.Name)
		}
		if def.Apply == workspace.Never {
			return run.Run{}, fault.New(fault.Conflict, "",
				"workspace %s has apply = \"never\": nothing of it is destroyed", def.Name)
		}
		sha = rec.Applied
	case run.Plan:
		if o.Ref != "" {
			if sha, err = act.Patches.Sources.Resolve(ctx, repo, o.Ref); err != nil {
				return run.Run{}, err
			}
		}
	}
	if problem := rec.Obstacle.Err(); problem != nil && o.Ref == "" && o.Kind != run.Destroy {
		return run.Run{}, fault.New(fault.Conflict, fault.Next(problem), "workspace %s cannot be planned: %w", def.Name,
			problem)
	}
	if sha == "" {
		return run.Run{}, fault.New(fault.Conflict, "tfops status "+def.Name,
			"workspace %s cannot be planned: nothing is known of %s yet", def.Name, def.Follows(""))
	}
	c, err := settings.Commit(ctx, repo, sha)
	if err != nil {
		return run.Run{}, err
	}
	return run.Run{Workspace: def.Name, Kind: o.Kind, Commit: c, Fingerprint: def.Fingerprint, Upgrade: o.Upgrade,
		Ref: o.Ref, Trigger: t}, nil
}

// Ballot is a vote as it arrives.
type Ballot struct {
	Yes     bool
	Digest  string // of the plan that the voter saw, whole or its first twelve hex digits or more
	Comment string

	Workspace string // as the voter named it; a yes to a destroy that nobody asked for needs it

	// AcceptNewState says that the voter means to leave the old state behind.
	AcceptNewState bool
}

// Vote stores a vote, decides, and moves the run, in one transaction.
func (act *Actions) Vote(ctx context.Context, a access.Actor, id string, b Ballot) (run.Run, error) {
	s := act.Txn.Settings.Get()
	if b.Yes {
		if err := act.Queue.MayBeApplied(ctx, id); err != nil {
			return run.Run{}, err
		}
	}
	return act.Txn.Change(ctx, id, func(d *run.Tx) error {
		def, err := votable(d, s)
		if err != nil {
			return err
		}
		if !names(b.Digest, d.Run.Plan.Digest) {
			return fault.New(fault.Conflict, "tfops show "+id, "the vote is for plan %s, and run %s has plan %s",
				approvals.Short(b.Digest), id, approvals.Short(d.Run.Plan.Digest))
		}
		if b.Yes && d.Run.Status == run.ApplyQueued {
			return fault.New(fault.Conflict, "tfops show "+id, "run %s has every approval that it needs already", id)
		}
		v := approvals.Vote{Run: id, Digest: d.Run.Plan.Digest, Commit: d.Run.Commit.SHA, Voter: a.Name, Yes: b.Yes,
			Comment: b.Comment, At: d.Now, Daemon: a.Daemon}
		c := decide.CaseOf(&def, s.People, &d.Run, d.Votes)
		if err := approvals.CheckVote(c, v); err != nil {
			return err
		}
		if err := namesWorkspace(d.Run, d.Record, b); err != nil {
			return err
		}
		if err := acceptState(d, a, b); err != nil {
			return err
		}
		d.Votes = append(d.Votes, v)
		c.Votes = d.Votes
		if !b.Yes {
			d.Audit(a, "reject", b.Comment)
			d.Run.Reason, d.Run.Comment = run.Rejected, b.Comment
			return d.Move(run.Discarded, a.Name, "rejected: "+b.Comment)
		}
		d.Audit(a, "approve", b.Comment)
		d.Note(a.Name, strings.TrimSuffix("approved: "+b.Comment, ": "))
		if decision := approvals.Decide(c); decision.Approved {
			return d.Move(run.ApplyQueued, a.Name, "every approval is there")
		}
		return nil
	})
}

// namesWorkspace refuses a vote that names another workspace than the run's, and
// a yes that names none where a workspace is destroyed and no person asked for it.
func namesWorkspace(r run.Run, rec workspace.Record, b Ballot) error {
	command := "tfops approve " + r.ID + " --workspace " + r.Workspace
	switch {
	case b.Workspace != "" && b.Workspace != r.Workspace:
		return fault.New(fault.Conflict, "tfops show "+r.ID, "run %s is of workspace %s, not of %s", r.ID, r.Workspace,
			b.Workspace)
	case b.Yes && b.Workspace == "" && r.Trigger.Cause == run.ByRemoval:
		return fault.New(fault.Conflict, command, "run %s %s: a yes to that names the workspace", r.ID,
			decide.Destroys(r, rec))
	}
	return nil
}

// MayApprove says whether a yes of this person to the run's plan would count
// now, and why not.
func (act *Actions) MayApprove(ctx context.Context, a access.Actor, id string) error {
	d, _, err := act.Txn.Load(ctx, id)
	if err != nil {
		return err
	}
	s := act.Txn.Settings.Get()
	def, err := votable(&d, s)
	if err != nil {
		return err
	}
	v := approvals.Vote{Run: id, Digest: d.Run.Plan.Digest, Commit: d.Run.Commit.SHA, Voter: a.Name, Yes: true,
		Daemon: a.Daemon}
	return approvals.CheckVote(decide.CaseOf(&def, s.People, &d.Run, d.Votes), v)
}

// names reports whether what a voter gave names the digest.
func names(given, digest string) bool {
	short := strings.TrimPrefix(given, "sha256:")
	return len(short) >= 12 && strings.HasPrefix(strings.TrimPrefix(digest, "sha256:"), short)
}

// votable refuses votes on a run that has no plan to vote on, or has it no more.
func votable(d *run.Tx, s *settings.Settings) (fleet.Definition, error) {
	def, known := s.Find(d.Run.Workspace)
	switch {
	case d.Run.Status.Terminal():
		return def, fault.New(fault.Conflict, "tfops show "+d.Run.ID, "run %s has ended: it is %s", d.Run.ID,
			ended(d.Run))
	case d.Run.Status != run.AwaitingApproval && d.Run.Status != run.ApplyQueued:
		return def, fault.New(fault.Conflict, "tfops wait "+d.Run.ID, "run %s is %s: there is nothing to vote on",
			d.Run.ID, d.Run.Status)
	case !d.Run.ExpiresAt.IsZero() && !d.Now.Before(d.Run.ExpiresAt):
		return def, fault.New(fault.Conflict, decide.RetryCommand(d.Run), "the plan of run %s expired at %s", d.Run.ID,
			d.Run.ExpiresAt.Format(time.RFC3339))
	case !known:
		return def, fault.New(fault.Conflict, "tfops validate", "workspace %s is not in the configuration any more",
			d.Run.Workspace)
	}
	return def, nil
}

func ended(r run.Run) string {
	s := string(r.Status)
	if r.Reason != "" {
		s += " (" + string(r.Reason) + ")"
	}
	if r.SupersededBy != "" {
		s += " by run " + r.SupersededBy
	}
	return s
}

// Withdraw takes a person's approval back, until the apply begins.
func (act *Actions) Withdraw(ctx context.Context, a access.Actor, id string) (run.Run, error) {
	s := act.Txn.Settings.Get()
	return act.Txn.Change(ctx, id, func(d *run.Tx) error {
		def, err := votable(d, s)
		if err != nil {
			return err
		}
		kept := slices.DeleteFunc(slices.Clone(d.Votes), func(v approvals.Vote) bool { return v.Voter == a.Name })
		if len(kept) == len(d.Votes) {
			return fault.New(fault.Conflict, "tfops show "+id, "%s has not voted on run %s", a.Name, id)
		}
		d.Votes = kept
		d.Audit(a, "withdraw", "")
		d.Note(a.Name, "took the approval back")
		if d.Run.Status == run.ApplyQueued && !approvals.Decide(decide.CaseOf(&def, s.People, &d.Run, kept)).Approved {
			return d.Move(run.AwaitingApproval, a.Name, "an approval was taken back")
		}
		return nil
	})
}

// Cancel ends a run before it applies. A running apply is asked to stop, and
// says itself how far it came; with force it is killed and its outcome unknown.
func (act *Actions) Cancel(ctx context.Context, a access.Actor, id string, force bool) (run.Run, error) {
	phase := job.PlanPhase
	r, err := act.Txn.Change(ctx, id, func(d *run.Tx) error {
		switch {
		case d.Run.Status.Terminal():
			return fault.New(fault.Conflict, "tfops show "+id, "run %s has ended: it is %s", id, ended(d.Run))
		case d.Run.Status == run.Interrupted:
			return fault.New(fault.Conflict, "tfops resolve "+id+" -m WHAT_WAS_FOUND",
				"run %s was interrupted in the middle of its apply: there is nothing left to cancel", id)
		}
		action := "cancel"
		if force {
			action = "cancel --force"
		}
		d.Audit(a, action, "")
		if d.Run.Status == run.Applying {
			phase = job.ApplyPhase
			d.Run.Canceling = a.Name
			d.Note(a.Name, "asked the apply to stop")
			return nil
		}
		d.Run.Comment = "canceled by " + a.Name
		if err := outcome.By(act.Txn.Settings).NotChecked(d, "the check was canceled by "+a.Name); err != nil {
			return err
		}
		return d.Move(run.Canceled, a.Name, d.Run.Comment)
	})
	if err != nil {
		return r, err
	}
	err = act.Runner.Interrupt(act.Txn.Files.Run(id).Phase(phase), force)
	if fault.Is(err, fault.NotFound) {
		err = nil // it ended by itself in the meantime
	}
	return r, err
}

// Resolve closes an interrupted run after a person has looked at what it
// left, gives its lock back and queues a fresh plan.
func (act *Actions) Resolve(ctx context.Context, a access.Actor, id, found string) (run.Run, error) {
	if strings.TrimSpace(found) == "" {
		return run.Run{}, fault.New(fault.Invalid, "tfops resolve "+id+" -m WHAT_WAS_FOUND",
			"say what was found: it is kept with the run")
	}
	alive, err := act.Runner.Survivors(id)
	if err != nil {
		return run.Run{}, err
	}
	if len(alive) > 0 {
		return run.Run{}, fault.New(fault.Conflict, fmt.Sprintf("wait until it has ended, or end it: kill %d",
			alive[0].PID),
			"%s (pid %d) of run %s is still running and may still change things", alive[0].Name, alive[0].PID, id)
	}
	def, _ := act.Txn.Settings.Get().Find(act.workspaceOf(ctx, id))
	return act.Txn.Change(ctx, id, func(d *run.Tx) error {
		if d.Run.Status != run.Interrupted {
			return fault.New(fault.Conflict, "tfops show "+id, "run %s is %s: only an interrupted run is resolved", id,
				d.Run.Status)
		}
		d.Release()
		d.Audit(a, "resolve", found)
		d.Run.Comment = "resolved by " + a.Name + ": " + found
		if err := d.Move(run.Errored, a.Name, d.Run.Comment); err != nil {
			return err
		}
		outcome.Again(d, run.ByResolve, a.Name, def.Fingerprint)
		return nil
	})
}

func (act *Actions) workspaceOf(ctx context.Context, id string) string {
	d, _, err := act.Txn.Load(ctx, id)
	if err != nil {
		return "" // the change that follows reports it
	}
	return d.Run.Workspace
}

// holds changes the locks or the suspension of a configured workspace.
func (act *Actions) holds(ctx context.Context, name string, fn func(*run.WorkspaceTx) error) error {
	if _, err := act.Txn.Settings.Get().Workspace(name); err != nil {
		return err
	}
	err := act.Txn.ChangeWorkspace(ctx, name, fn)
	if err == nil {
		act.Txn.Changed.Send()
	}
	return err
}

// Lock holds a workspace's state for a person: applies wait, plans go on.
func (act *Actions) Lock(ctx context.Context, a access.Actor, name, reason string) error {
	return act.holds(ctx, name, func(h *run.WorkspaceTx) error {
		want := locks.Lock{State: locks.Key(name, h.Record.State), Workspace: name, Person: a.Name, Reason: reason,
			Since: h.Now}
		if err := locks.Take(h.Locks, want); err != nil {
			return err
		}
		h.Locks = append(h.Locks, want)
		h.Audit(a, "lock", reason)
		return nil
	})
}

// Unlock gives up a person's lock on a workspace's state.
// The workspace may be gone from the configuration: its lock must not stay.
func (act *Actions) Unlock(ctx context.Context, a access.Actor, name, reason string) error {
	_, unknown := act.Txn.Settings.Get().Workspace(name)
	err := act.Txn.ChangeWorkspace(ctx, name, func(h *run.WorkspaceTx) error {
		if len(h.Locks) == 0 && unknown != nil {
			return unknown
		}
		if len(h.Locks) == 0 {
			return fault.New(fault.Conflict, "tfops locks", "the state of workspace %s is not locked", name)
		}
		for _, l := range h.Locks {
			if err := locks.Release(l, a.Name, reason); err != nil {
				return err
			}
			h.Audit(a, "unlock", strings.TrimSpace("was "+l.String()+" "+reason))
		}
		h.Locks = nil
		return nil
	})
	if err == nil {
		act.Txn.Changed.Send()
	}
	return err
}

// Suspend pauses the applies of a workspace, until a time or until Resume.
func (act *Actions) Suspend(ctx context.Context, a access.Actor, name, reason string, until time.Time) error {
	if strings.TrimSpace(reason) == "" {
		return fault.New(fault.Invalid, "tfops suspend "+name+" -m REASON",
			"a suspension needs a reason that others can read")
	}
	return act.holds(ctx, name, func(h *run.WorkspaceTx) error {
		if !until.IsZero() && !until.After(h.Now) {
			return fault.New(fault.Invalid, "name a time in the future", "a suspension until %s is over already",
				until.Format(time.RFC3339))
		}
		h.Record.Suspension = &workspace.Suspension{By: a.Name, Reason: reason, At: h.Now, Until: until}
		h.Audit(a, "suspend", reason)
		return nil
	})
}

// Resume ends a suspension.
func (act *Actions) Resume(ctx context.Context, a access.Actor, name string) error {
	return act.holds(ctx, name, func(h *run.WorkspaceTx) error {
		if !h.Record.Suspended(h.Now) {
			return fault.New(fault.Conflict, "tfops status "+name, "the applies of workspace %s are not suspended",
				name)
		}
		h.Record.Suspension = nil
		h.Audit(a, "resume", "")
		return nil
	})
}
