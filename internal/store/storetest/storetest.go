// Package storetest is the conformance suite of a store: what the engine
// relies on, whatever keeps the records.
//
// A package that implements a store calls Run from a test, with a function
// that opens an empty one. The suite gives each store a clock of its own, which
// stands still unless a test moves it.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// Log reads what was recorded.
type Log interface {
	Audits(ctx context.Context, limit int) ([]audit.Record, error)
	AuditLog(context.Context, audit.Query) ([]audit.Record, error)
	PruneAudits(ctx context.Context, before time.Time) error
}

// Store is a store, by what each of its users asks of it.
type Store struct {
	txn.Store
	Log
	Outbox
	Journal
}

// Open opens an empty store that takes its time from now. What it opens it
// closes in a t.Cleanup.
type Open func(t *testing.T, now func() time.Time) Store

// Run holds a store against everything that is asked of one.
func Run(t *testing.T, open Open) {
	for _, c := range append(outboxCases, []struct {
		name string
		test func(*testing.T, *bench)
	}{
		{"EnqueueStoresARun", enqueueStoresARun},
		{"EnqueueMakesIDsInOrder", enqueueMakesIDsInOrder},
		{"EnqueueMovesRecords", enqueueMovesRecords},
		{"EnqueueSupersedes", enqueueSupersedes},
		{"EnqueueSupersedesWithinABatch", enqueueSupersedesWithinABatch},
		{"EnqueueLeavesOutARefresh", enqueueLeavesOutARefresh},
		{"EnqueueLeavesOutASecondDriftRun", enqueueLeavesOutASecondDriftRun},
		{"ClaimSeesTheQueue", claimSeesTheQueue},
		{"ClaimIsOneStep", claimIsOneStep},
		{"ClaimThatFailsChangesNothing", claimThatFailsChangesNothing},
		{"ClaimsAtOnceNeverShareARun", claimsAtOnceNeverShareARun},
		{"ClaimsAtOnceNeverShareAState", claimsAtOnceNeverShareAState},
		{"ChangeStoresEverything", changeStoresEverything},
		{"ChangeThatFailsChangesNothing", changeThatFailsChangesNothing},
		{"ChangesAtOnceLoseNothing", changesAtOnceLoseNothing},
		{"VotesComeAndGo", votesComeAndGo},
		{"FollowsAreEnqueued", followsAreEnqueued},
		{"AnEndedRunLeavesTheQueue", anEndedRunLeavesTheQueue},
		{"WhatIsReadIsInTheQueue", whatIsReadIsInTheQueue},
		{"HoldsChange", holdsChange},
		{"HoldsThatFailChangeNothing", holdsThatFailChangeNothing},
		{"ALockMovesToTheStateOnceKnown", aLockMovesToTheStateOnceKnown},
		{"ALockMeetsAnotherOnTheState", aLockMeetsAnotherOnTheState},
		{"ALockTakenUnseenIsRefused", aLockTakenUnseenIsRefused},
		{"AStateThatBecomesAnotherKeepsBothLocks", aStateThatBecomesAnotherKeepsBothLocks},
		{"ALockMovesAlong", aLockMovesAlong},
		{"ARenameTakesEverythingAlong", aRenameTakesEverythingAlong},
		{"ARenameThatMustWaitChangesNothing", aRenameThatMustWaitChangesNothing},
		{"RunsAreListed", runsAreListed},
		{"UnknownThingsAreNotFound", unknownThingsAreNotFound},
		{"PruneKeepsWhatItMust", pruneKeepsWhatItMust},
		{"AuditsAreKept", auditsAreKept},
		{"AuditsAreFound", auditsAreFound},
		{"FindingsAreKept", findingsAreKept},
		{"ChecksAreKeptInTime", checksAreKeptInTime},
		{"ReportsAreKept", reportsAreKept},
		{"DriftIsPruned", driftIsPruned},
		{"OthersAreSeen", othersAreSeen},
		{"NothingIsDoneForWhoGaveUp", nothingIsDoneForWhoGaveUp},
	}...) {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{t: t, time: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)}
			b.Store = open(t, b.now)
			c.test(t, b)
		})
	}
}

// bench is a store with its clock, and the steps that many tests take.
type bench struct {
	Store
	t    *testing.T
	mu   sync.Mutex
	time time.Time
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.time
}

// pass moves the clock, which may go backwards.
func (b *bench) pass(d time.Duration) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.time = b.time.Add(d)
	return b.time
}

var errRefused = errors.New("the decision was no")

// want is a run as it is asked for.
func want(workspace string, kind run.Kind) run.Run {
	return run.Run{Workspace: workspace, Kind: kind, Fingerprint: "print-" + workspace,
		Commit: run.Commit{SHA: "c-" + workspace, Message: "a change", Time: time.Date(2027, 2, 1, 0, 0, 0, 0,
			time.UTC)}, Trigger: run.Trigger{Cause: run.ByCommit}}
}

func (b *bench) enqueue(runs ...run.Run) []run.Run {
	b.t.Helper()
	created, _, err := b.Enqueue(b.t.Context(), run.Batch{Runs: runs})
	if err != nil {
		b.t.Fatal(err)
	}
	return created
}

// one enqueues one run.
func (b *bench) one(workspace string, kind run.Kind) run.Run {
	b.t.Helper()
	created := b.enqueue(want(workspace, kind))
	if len(created) != 1 {
		b.t.Fatalf("%d runs were made of one", len(created))
	}
	return created[0]
}

func (b *bench) change(id string, fn func(*run.Tx) error) run.Run {
	b.t.Helper()
	r, err := b.Change(b.t.Context(), id, fn)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// paths lead from pending to each status.
var paths = map[run.Status][]run.Status{
	run.Pending:            nil,
	run.Planning:           {run.Planning},
	run.PlannedAndFinished: {run.Planning, run.PlannedAndFinished},
	run.PolicyFailed:       {run.Planning, run.PolicyFailed},
	run.AwaitingApproval:   {run.Planning, run.AwaitingApproval},
	run.ApplyQueued:        {run.Planning, run.ApplyQueued},
	run.Applying:           {run.Planning, run.ApplyQueued, run.Applying},
	run.Applied:            {run.Planning, run.ApplyQueued, run.Applying, run.Applied},
	run.Interrupted:        {run.Planning, run.ApplyQueued, run.Applying, run.Interrupted},
	run.Errored:            {run.Errored},
	run.Discarded:          {run.Discarded},
	run.Canceled:           {run.Canceled},
}

// lead takes a run to a status, with a plan on the state and the lock on it
// as an apply has them.
func (b *bench) lead(id, state string, to run.Status) run.Run {
	b.t.Helper()
	r := b.load(id).Run
	for _, s := range paths[to] {
		r = b.change(id, func(d *run.Tx) error {
			switch s {
			case run.AwaitingApproval, run.ApplyQueued, run.PlannedAndFinished:
				d.Run.State, d.Record.State = state, state
				d.Run.Plan = &run.PlanSummary{Digest: "sha256:" + id}
			case run.Applying:
				if err := d.Take("applying"); err != nil {
					return err
				}
			case run.Applied:
				d.Release()
			}
			return d.Move(s, "", "led there")
		})
	}
	return r
}

func (b *bench) load(id string) run.Tx {
	b.t.Helper()
	d, _, err := b.Load(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

func (b *bench) events(id string) []run.Event {
	b.t.Helper()
	_, events, err := b.Load(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return events
}

func (b *bench) queue() run.Listing { return b.queued().List() }

func (b *bench) queued() run.Queue {
	b.t.Helper()
	q, err := b.Queue(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return q
}

func (b *bench) record(name string) workspace.Record {
	b.t.Helper()
	all, err := b.Records(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return all[name]
}

func (b *bench) audits() []audit.Record {
	b.t.Helper()
	all, err := b.Audits(b.t.Context(), 0)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// lock is a person's hold on a workspace.
func (b *bench) lock(name, person string) {
	b.t.Helper()
	err := b.ChangeWorkspace(b.t.Context(), name, func(h *run.WorkspaceTx) error {
		l := locks.Lock{State: locks.Key(name, h.Record.State), Workspace: name, Person: person, Reason: "a reason",
			Since: h.Now}
		if err := locks.Take(h.Locks, l); err != nil {
			return err
		}
		h.Locks = append(h.Locks, l)
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// all is everything that a store can be asked for, in words, to see whether
// anything changed.
func (b *bench) all() string {
	b.t.Helper()
	runs, err := b.Runs(b.t.Context(), run.Query{})
	if err != nil {
		b.t.Fatal(err)
	}
	records, err := b.Records(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	all := []any{runs, records, b.queue(), b.audits()}
	for _, r := range runs {
		d, events, err := b.Load(b.t.Context(), r.ID)
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, d, events)
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func ids(runs []run.Run) []string {
	all := []string{}
	for _, r := range runs {
		all = append(all, r.ID)
	}
	return all
}
