package run

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/workspace"
)

// ErrPruned is in the chain of what a store answers about a run that was pruned:
// its directory may go.
var ErrPruned = errors.New("it was pruned")

// Remains are what the files of a run tell of it where its record is gone.
type Remains struct {
	Run   Run
	Votes []approvals.Vote
	Begun bool // its apply was begun: what is in its record counts less than this
}

// Recovery is what a store is given that has lost its records, or has older ones.
type Recovery struct {
	Runs    []Run
	Votes   map[string][]approvals.Vote // by run; only of runs that the store does not know
	Records []workspace.Record
	Locks   []locks.Lock
	Audits  []Audit
}

// Interrupted are the runs whose apply may have done anything.
func (r Recovery) Interrupted() []Run {
	return slices.DeleteFunc(slices.Clone(r.Runs), func(r Run) bool { return r.Status != Interrupted })
}

// Recovered is who holds what a recovery has brought back.
const Recovered = "tfops recover"

// Recover reckons what a store should hold, from what it knows (nothing, or the
// records of a backup) and from what lies in the data directory: the remains of
// runs, and the workspaces that have a directory or stand in the configuration;
// of these, stands tells whether something of them may be in the world.
//
// Nothing goes on by itself afterwards: applies of every workspace are suspended,
// and what waited to be applied is discarded, since newer runs may be lost.
func Recover(known []Run, records map[string]workspace.Record, remains []Remains, stands map[string]bool, why string, now time.Time) Recovery {
	r := Recovery{Votes: map[string][]approvals.Vote{}}
	runs := map[string]Run{}
	for _, k := range known {
		runs[k.ID] = k
	}
	for _, m := range remains {
		k, ok := runs[m.Run.ID]
		if !ok {
			r.Votes[m.Run.ID] = m.Votes
		}
		if !ok || m.Begun && !k.Status.Terminal() {
			runs[m.Run.ID] = m.Run
		}
	}
	names := map[string]bool{}
	for name := range records {
		names[name] = true
	}
	for name := range stands {
		names[name] = true
	}
	for _, k := range runs {
		if k.Status.Unapplied() {
			k.Status, k.Reason, k.FinishedAt = Discarded, Stale, now
			k.Comment = "its record was recovered, and newer runs may be lost: it is planned again"
		}
		r.Runs, names[k.Workspace] = append(r.Runs, k), true
	}
	slices.SortFunc(r.Runs, func(a, b Run) int { return cmp.Compare(a.ID, b.ID) })
	for name := range names {
		rec := RecoverRecord(records[name], name, r.Runs, stands[name], now)
		rec.Suspension = &workspace.Suspension{By: Recovered, Reason: why, At: now}
		r.Records = append(r.Records, rec)
		r.Audits = append(r.Audits, Audit{At: now, Actor: Recovered, Via: "command", Action: "suspend", Workspace: name, Reason: why})
	}
	slices.SortFunc(r.Records, func(a, b workspace.Record) int { return cmp.Compare(a.Name, b.Name) })
	r.Locks = locksOf(r.Runs)
	return r
}

// RecoverRecord brings what is known of a workspace up to what its runs tell.
// What is wanted of it, the next look at its branch finds out.
func RecoverRecord(rec workspace.Record, name string, runs []Run, stands bool, now time.Time) workspace.Record {
	rec.Name, rec.Head, rec.Desired, rec.HeldBack = name, "", "", ""
	for _, k := range runs { // oldest first
		if k.Workspace != name || !k.Kind.Applies() {
			continue
		}
		rec.Ended = fmt.Sprintf("run %s is %s", k.ID, k.Status)
		if k.State != "" {
			rec.State = k.State
		}
		if k.ApplyStartedAt.After(rec.ApplyStartedAt) {
			rec.ApplyStartedAt = k.ApplyStartedAt
		}
		if halfDone := (k.Status == Errored || k.Status == Interrupted) && !k.ApplyStartedAt.IsZero(); halfDone && k.Kind != Refresh && k.ApplyStartedAt.After(rec.AppliedAt) {
			rec.HalfDone = k.ID
		}
		if k.Status != Applied || k.Kind == Refresh || k.FinishedAt.Before(rec.AppliedAt) {
			continue
		}
		rec.HalfDone = ""
		rec.Applied, rec.AppliedFingerprint, rec.AppliedAt, rec.Destroyed = k.Commit.SHA, k.Fingerprint, k.FinishedAt, k.Kind == Destroy
		if rec.Destroyed {
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
func locksOf(runs []Run) []locks.Lock {
	var held []locks.Lock
	taken := map[string]bool{}
	for _, k := range runs {
		key := locks.Key(k.Workspace, k.State)
		if k.Status != Applying && k.Status != Interrupted || taken[key] {
			continue
		}
		taken[key] = true
		held = append(held, locks.Lock{State: key, Workspace: k.Workspace, Run: k.ID, Reason: string(k.Status), Since: k.ApplyStartedAt})
	}
	return held
}
