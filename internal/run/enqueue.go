package run

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/workspace"
)

// What enqueueing decides, for any store: it loads what these ask for, in one transaction, and
// stores what they say.

// New is a run as it is enqueued, and its first event.
func New(r Run, id string, now time.Time) (Run, Event) {
	r.ID, r.Status, r.CreatedAt, r.Attempt = id, Pending, now, max(r.Attempt, 1)
	return r, Event{Run: id, At: now, To: Pending, Actor: r.Trigger.Actor, Text: string(r.Trigger.Cause)}
}

// LeftOut reports whether a run is not made because of those of its workspace that have not
// ended: a check or a move beside another, and a refresh beside what applies.
func (r Run) LeftOut(active []Run) bool {
	return slices.ContainsFunc(active, func(old Run) bool {
		return (r.Kind == Drift || r.Kind == Move) && old.Kind == r.Kind ||
			r.Kind == Refresh && old.Kind.Applies() && old.Kind != Refresh
	})
}

// Supersedes reports whether a new run takes the place of another of its workspace: both may
// apply, and the other has not begun to.
func (r Run) Supersedes(old Run) bool {
	return r.Kind.Applies() && old.Kind.Applies() && old.Status.Unapplied()
}

// Supersede ends a run for another.
func (d *Tx) Supersede(by string) error {
	d.Run.Reason, d.Run.SupersededBy = Superseded, by
	return d.Move(Discarded, "", "superseded by run "+by)
}

// Dropped reports whether a run goes with its workspace, which its branch does not have any more.
func (r Run) Dropped() bool { return r.Kind == Sync && r.Status.Unapplied() }

// Drop ends such a run. Nothing is wanted of the workspace until it comes back.
func (d *Tx) Drop(why string) error {
	d.Record.Desired = ""
	return d.GoStale(why)
}

// GoStale ends a run whose plan is of what is no more.
func (d *Tx) GoStale(why string) error {
	d.Run.Reason, d.Run.Comment = Stale, why
	return d.Move(Discarded, "", why)
}

// Want has the record of a new run's workspace say what is wanted now; false when the run is
// about nothing that is wanted, and the record stays as it is.
func (r Run) Want(rec *workspace.Record) bool {
	if !r.Kind.Applies() || r.Kind == Refresh {
		return false
	}
	if r.Kind == Sync && rec.Desired != r.Commit.SHA { // a destroy that comes to nothing leaves it as it is
		rec.Desired, rec.DesiredAt = r.Commit.SHA, r.CreatedAt
	}
	rec.Fingerprint, rec.HeldBack = r.Fingerprint, ""
	return true
}

// Empty reports whether the batch asks for nothing.
func (b Batch) Empty() bool {
	return len(b.Runs)+len(b.Dropped)+len(b.Renames)+len(b.Reports)+len(b.Notices)+len(b.Looked()) == 0
}

// Looked names the workspaces of whose records the batch says something, besides its runs.
func (b Batch) Looked() []string {
	var names []string
	for _, some := range []iter.Seq[string]{maps.Keys(b.Heads), maps.Keys(b.Tags), maps.Keys(b.Origins),
		maps.Keys(b.Orphans), maps.Keys(b.Obstacles), maps.Keys(b.Drifts)} {
		names = slices.AppendSeq(names, some)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Look has the record of a workspace know what was seen of it.
func (b Batch) Look(rec *workspace.Record) {
	if head, ok := b.Heads[rec.Name]; ok {
		rec.Head = head
	}
	if tag, ok := b.Tags[rec.Name]; ok {
		rec.Tag = &tag
	}
	if o, ok := b.Origins[rec.Name]; ok {
		rec.Origin, rec.Orphan = &o, nil
	}
	if o, ok := b.Orphans[rec.Name]; ok {
		rec.Orphan = &o
	}
	if o, ok := b.Obstacles[rec.Name]; ok {
		rec.Obstacle = o
	}
	if due, ok := b.Drifts[rec.Name]; ok {
		rec.Drift.DueAt = due
	}
}
