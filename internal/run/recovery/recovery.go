// Package recovery reckons what a store should hold that has lost its records, or
// some of them, from what else tells of them.
package recovery

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// Remains are what the files of a run tell of it where its record is gone.
type Remains struct {
	Run   run.Run
	Votes []approvals.Vote
	Begun bool // its apply was begun: what is in its record counts less than this
}

// Known is what is known in spite of the loss.
type Known struct {
	Runs    []run.Run // as the store has them, or a backup of it
	Records map[string]workspace.Record
	Remains []Remains // what lies in the data directory
	// Stands are the workspaces that have a directory or stand in the configuration,
	// and whether something of them may be in the world.
	Stands map[string]bool
}

// Contents are what a store is given that has lost its records, or has older ones.
type Contents struct {
	Runs    []run.Run
	Votes   map[string][]approvals.Vote // by run; only of runs that the store does not know
	Records []workspace.Record
	Locks   []locks.Lock
	Audits  []audit.Record
}

// Interrupted are the runs whose apply may have done anything.
func (c Contents) Interrupted() []run.Run {
	return slices.DeleteFunc(slices.Clone(c.Runs), func(r run.Run) bool { return r.Status != run.Interrupted })
}

// Actor is who holds what a recovery has brought back.
const Actor = "tfops recover"

// Recover reckons what a store should hold.
//
// Nothing goes on by itself afterwards: applies of every workspace are suspended,
// and what waited to be applied is discarded, since newer runs may be lost.
func Recover(known Known, why string, now time.Time) Contents {
	c := Contents{Votes: map[string][]approvals.Vote{}}
	runs := map[string]run.Run{}
	for _, r := range known.Runs {
		runs[r.ID] = r
	}
	for _, m := range known.Remains {
		r, ok := runs[m.Run.ID]
		if !ok {
			c.Votes[m.Run.ID] = m.Votes
		}
		if !ok || m.Begun && !r.Status.Terminal() {
			runs[m.Run.ID] = m.Run
		}
	}
	names := map[string]bool{}
	for name := range known.Records {
		names[name] = true
	}
	for name := range known.Stands {
		names[name] = true
	}
	for _, r := range runs {
		if r.Status.Unapplied() {
			r.Status, r.Reason, r.FinishedAt = run.Discarded, run.Stale, now
			r.Comment = "its record was recovered, and newer runs may be lost: it is planned again"
		}
		c.Runs, names[r.Workspace] = append(c.Runs, r), true
	}
	slices.SortFunc(c.Runs, func(a, b run.Run) int { return cmp.Compare(a.ID, b.ID) })
	for _, name := range slices.Sorted(maps.Keys(names)) {
		rec := known.Records[name]
		rec.Name = name
		rec = Workspace(rec, c.Runs, known.Stands[name], now)
		rec.Suspension = &workspace.Suspension{By: Actor, Reason: why, At: now}
		c.Records = append(c.Records, rec)
		c.Audits = append(c.Audits, audit.Record{At: now, Actor: Actor, Via: "command", Action: "suspend",
			Workspace: name, Reason: why})
	}
	c.Audits = append(c.Audits, audit.Record{At: now, Actor: Actor, Via: "command", Action: "recover",
		Reason: fmt.Sprintf("%d runs, %d workspaces", len(c.Runs), len(c.Records))})
	c.Locks = locksOf(c.Runs)
	return c
}

// Workspace brings what is known of a workspace up to what its runs tell.
// What is wanted of it, the next look at its branch finds out.
func Workspace(rec workspace.Record, runs []run.Run, stands bool, now time.Time) workspace.Record {
	rec.Head, rec.Desired, rec.HeldBack = "", "", ""
	for _, k := range runs { // oldest first
		if k.Workspace != rec.Name || !k.Kind.Applies() {
			continue
		}
		rec.Ended, rec.EndedRun = fmt.Sprintf("run %s is %s", k.ID, k.Status), k.ID
		if k.State != "" {
			rec.State = k.State
		}
		if k.ApplyStartedAt.After(rec.ApplyStartedAt) {
			rec.ApplyStartedAt = k.ApplyStartedAt
		}
		halfDone := (k.Status == run.Errored || k.Status == run.Interrupted) && !k.ApplyStartedAt.IsZero()
		if halfDone && k.Kind != run.Refresh && k.ApplyStartedAt.After(rec.AppliedAt) {
			rec.HalfDone = k.ID
		}
		if k.Status != run.Applied || k.Kind == run.Refresh || k.FinishedAt.Before(rec.AppliedAt) {
			continue
		}
		rec.HalfDone = ""
		rec.Applied, rec.AppliedFingerprint, rec.AppliedAt = k.Commit.SHA, k.Fingerprint, k.FinishedAt
		if rec.Destroyed = k.Kind == run.Destroy; rec.Destroyed {
			rec.Applied, rec.AppliedFingerprint = "", ""
		}
	}
	if stands && rec.ApplyStartedAt.IsZero() {
		rec.ApplyStartedAt = now // something of it is there, whoever applied it
	}
	rec.Drift.Status, rec.Drift.Why = workspace.DriftUnknown, "the store was recovered, and no check was made since"
	return rec
}

// locksOf are the locks that runs hold whose apply goes on or was interrupted.
func locksOf(runs []run.Run) []locks.Lock {
	var held []locks.Lock
	taken := map[string]bool{}
	for _, k := range runs {
		key := locks.Key(k.Workspace, k.State)
		if k.Status != run.Applying && k.Status != run.Interrupted || taken[key] {
			continue
		}
		taken[key] = true
		held = append(held, locks.Lock{State: key, Workspace: k.Workspace, Run: k.ID, Reason: string(k.Status),
			Since: k.ApplyStartedAt})
	}
	return held
}

// Placeholder stands in for a run whose record is lost, so that people see it and can
// close it. state is that of the lock which the run holds: it tells that its apply had
// begun; "" for none.
func Placeholder(id, name, state string, now time.Time) run.Run {
	r := run.Run{ID: id, Workspace: name, Kind: run.Sync, Status: run.Errored, Attempt: 1, CreatedAt: now,
		FinishedAt: now,
		Failure: &run.Failure{Message: "its record in the store was damaged and was set aside", Next: "tfops logs " +
			id}}
	if state != "" {
		r.Status, r.FinishedAt, r.ApplyStartedAt, r.State = run.Interrupted, time.Time{}, now, state
		r.Failure.Message += " while it applied: how that ended is not known"
		r.Failure.Next = "look at the log and at the real world, then: tfops resolve " + id + " -m WHAT_WAS_FOUND"
	}
	return r
}

// Hold suspends a workspace some of whose records are lost, until a person has looked.
func Hold(rec *workspace.Record, now time.Time) {
	if !rec.Suspended(now) {
		rec.Suspension = &workspace.Suspension{By: "tfops", At: now, Reason: "records of the store were damaged and " +
			"set aside (tfops status); compare what is applied with its state first"}
	}
}
