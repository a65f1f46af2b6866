package run_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store"
	"github.com/tfops/tfops/internal/workspace"
)

// The walk does what an engine does to a store, and what it must not do, in
// any order, and holds the store against the promises after each step:
// nothing is applied but the plan that was approved, never two applies on one
// state, and no run is lost.

// states: the first two workspaces share one.
var states = map[string]string{"a": "s:shared", "b": "s:shared", "c": "s:c", "d": "s:d"}
var names = []string{"a", "b", "c", "d"}

type walk struct {
	t     *testing.T
	path  string
	store *store.Store
	now   time.Time
	bytes []byte // the choices that are left

	known  map[string]run.Run // every run that was made and not pruned
	ended  map[string]string  // what the ended ones looked like
	digest int
	steps  map[string]int // how often each kind of step came to something
}

func newWalk(t *testing.T, choices []byte) *walk {
	w := &walk{t: t, path: filepath.Join(t.TempDir(), "tfops.db"), now: time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC),
		bytes: choices,
		known: map[string]run.Run{}, ended: map[string]string{}, steps: map[string]int{}}
	w.open()
	return w
}

func (w *walk) open() {
	w.t.Helper()
	s, err := store.Open(w.path, store.Options{Now: func() time.Time { return w.now }})
	if err != nil {
		w.t.Fatal(err)
	}
	w.store = s
}

// next is a choice among n; 0 when there are no choices left.
func (w *walk) next(n int) int {
	if len(w.bytes) == 0 || n == 0 {
		return 0
	}
	c := int(w.bytes[0]) % n
	w.bytes = w.bytes[1:]
	return c
}

// run takes steps as long as there are choices.
func (w *walk) run() {
	defer func() {
		if err := w.store.Close(); err != nil {
			w.t.Error(err)
		}
	}()
	all := []struct {
		name string
		step func() bool
	}{
		{"enqueue", w.enqueue}, {"plan", w.beginPlan}, {"plan", w.beginPlan}, {"planned", w.endPlan},
		{"planned", w.endPlan},
		{"vote", w.vote}, {"approve", w.approve}, {"approve", w.approve}, {"approve", w.approve},
		{"apply", w.beginApply}, {"apply", w.beginApply},
		{"apply", w.beginApply}, {"applied", w.endApply}, {"resolve", w.resolve}, {"move", w.anyMove}, {"end", w.end},
		{"prune", w.prune},
		{"reopen", w.reopen}, {"lock", w.lock}, {"unlock", w.unlock}, {"unlock", w.unlock}, {"withdraw", w.withdraw},
		{"refused", w.refused},
		{"clock", w.clock}, {"stale", w.stale},
	}
	for len(w.bytes) > 0 && !w.t.Failed() {
		s := all[w.next(len(all))]
		if s.step() {
			w.steps[s.name]++
		}
		w.hold(s.name)
	}
}

// one chooses a known run of these statuses; "" when there is none.
func (w *walk) one(of ...run.Status) string {
	var ids []string
	for id, r := range w.known {
		if len(of) == 0 || slices.Contains(of, r.Status) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if len(ids) == 0 {
		return ""
	}
	return ids[w.next(len(ids))]
}

// change makes a change that may be refused by the rules, but by nothing else.
func (w *walk) change(id string, fn func(*run.Tx) error) bool {
	w.t.Helper()
	if id == "" {
		return false
	}
	_, err := w.store.Change(w.t.Context(), id, fn)
	return w.settled(err)
}

var errNo = errors.New("the walk says no")

func (w *walk) settled(err error) bool {
	w.t.Helper()
	if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Forbidden) &&
		!fault.Is(err, fault.Invalid) && !errors.Is(err, errNo) {
		w.t.Fatal(err)
	}
	return err == nil
}

func (w *walk) enqueue() bool {
	b := run.Batch{Heads: map[string]string{names[w.next(4)]: "head"}}
	for range 1 + w.next(2) {
		kind := []run.Kind{run.Sync, run.Sync, run.Destroy, run.Plan, run.Drift, run.Refresh}[w.next(6)]
		b.Runs = append(b.Runs, run.Run{Workspace: names[w.next(4)], Kind: kind,
			Commit: run.Commit{SHA: fmt.Sprint("c", w.next(3)),
				Author: run.Person{Name: "ana", Email: "ana@example.com"}}})
	}
	created, superseded, err := w.store.Enqueue(w.t.Context(), b)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range created {
		if _, twice := w.known[r.ID]; twice {
			w.t.Errorf("the id %s was given twice", r.ID)
		}
		w.known[r.ID] = r
	}
	for _, r := range superseded {
		if r.Status != run.Discarded || r.SupersededBy == "" {
			w.t.Errorf("superseded: %+v", r)
		}
	}
	return len(created) > 0
}

func (w *walk) claim(status run.Status, fn func(*run.Tx) error) bool {
	n := w.next(8)
	r, ok, err := w.store.Claim(w.t.Context(), func(q run.Queue) (string, func(*run.Tx) error) {
		var ready []string
		for r := range q.Active() {
			if r.Status == status {
				ready = append(ready, r.ID)
			}
		}
		if len(ready) == 0 {
			return "", nil
		}
		return ready[n%len(ready)], fn
	})
	if err == nil && ok != (r.ID != "") || err != nil && ok {
		w.t.Errorf("a claim hands out %q: %v, %v", r.ID, ok, err)
	}
	w.settled(err)
	return ok
}

func (w *walk) beginPlan() bool {
	return w.claim(run.Pending, func(d *run.Tx) error { return d.Move(run.Planning, "", "") })
}

func (w *walk) endPlan() bool {
	outcome := w.next(8)
	w.digest++
	return w.change(w.one(run.Planning), func(d *run.Tx) error {
		if outcome == 0 {
			return d.Move(run.Pending, "", "its runner vanished")
		}
		d.Run.State, d.Record.State = states[d.Run.Workspace], states[d.Run.Workspace]
		d.Run.Plan = &run.PlanSummary{Digest: fmt.Sprintf("sha256:%064d", w.digest)}
		switch {
		case outcome == 1:
			return d.Move(run.Errored, "", "")
		case outcome == 2 || !d.Run.Kind.Applies():
			return d.Move(run.PlannedAndFinished, "", "")
		}
		return d.Move(run.AwaitingApproval, "", "")
	})
}

// cases is what the rules are asked: two people other than the author.
func cases(d *run.Tx) approvals.Case {
	c := approvals.Case{Run: d.Run.ID, Commit: d.Run.Commit.SHA, Apply: workspace.Manual, Votes: d.Votes,
		Rules:   []approvals.Rule{{Name: "two", Require: 2}},
		Authors: []approvals.Identity{{Name: "ana", Email: "ana@example.com"}}}
	if d.Run.Plan != nil {
		c.Digest = d.Run.Plan.Digest
	}
	return c
}

func (w *walk) vote() bool {
	id, voter, other := w.one(run.AwaitingApproval), []string{"ana", "li", "bo", "eve"}[w.next(4)], w.next(6)
	if other == 2 || other == 3 { // both of those who could approve, for something else
		w.cast(id, "li", other)
		voter = "bo"
	}
	return w.cast(id, voter, other)
}

// approve has everybody say yes until it is enough.
func (w *walk) approve() bool {
	id := w.one(run.AwaitingApproval)
	w.cast(id, "li", 5)
	return w.cast(id, "bo", 5)
}

func (w *walk) cast(id, voter string, other int) bool {
	return w.change(id, func(d *run.Tx) error {
		if d.Run.Status != run.AwaitingApproval {
			return errNo // the first voice was enough
		}
		v := approvals.Vote{Run: d.Run.ID, Digest: d.Run.Plan.Digest, Commit: d.Run.Commit.SHA, Voter: voter,
			Yes: other != 1, Comment: "why", At: d.Now}
		switch other {
		case 2:
			v.Digest = "sha256:of another plan"
		case 3:
			v.Run = "of another run"
		}
		c := cases(d)
		if err := approvals.CheckVote(c, v); err != nil && other == 5 {
			return err // otherwise it is stored, though the rules refused it
		}
		d.Votes = append(d.Votes, v)
		c.Votes = d.Votes
		switch decision := approvals.Decide(c); {
		case decision.Rejected != nil:
			d.Run.Reason = run.Rejected
			return d.Move(run.Discarded, voter, "")
		case decision.Approved:
			return d.Move(run.ApplyQueued, voter, "")
		}
		return nil
	})
}

func (w *walk) withdraw() bool {
	voter := []string{"li", "bo", "eve"}[w.next(3)]
	return w.change(w.one(run.AwaitingApproval, run.ApplyQueued), func(d *run.Tx) error {
		d.Votes = slices.DeleteFunc(d.Votes, func(v approvals.Vote) bool { return v.Voter == voter })
		if d.Run.Status == run.ApplyQueued && !approvals.Decide(cases(d)).Approved {
			return d.Move(run.AwaitingApproval, voter, "")
		}
		return nil
	})
}

func (w *walk) beginApply() bool {
	return w.claim(run.ApplyQueued, func(d *run.Tx) error {
		if err := d.Take("applying"); err != nil {
			return err
		}
		return d.Move(run.Applying, "", "")
	})
}

func (w *walk) endApply() bool {
	to := []run.Status{run.Applied, run.Errored, run.Interrupted, run.ApplyQueued}[w.next(4)]
	return w.change(w.one(run.Applying), func(d *run.Tx) error {
		if to != run.Interrupted {
			d.Release()
		}
		return d.Move(to, "", "")
	})
}

func (w *walk) resolve() bool {
	return w.change(w.one(run.Interrupted), func(d *run.Tx) error {
		d.Release()
		if err := d.Move(run.Errored, "ana", "resolved"); err != nil {
			return err
		}
		d.Follow(d.Run.Kind, run.ByResolve, "ana")
		w.steps["follows"]++
		return nil
	})
}

func (w *walk) stale() bool {
	return w.change(w.one(run.AwaitingApproval, run.ApplyQueued), func(d *run.Tx) error {
		d.Run.Reason = run.Stale
		if err := d.Move(run.Discarded, "", ""); err != nil {
			return err
		}
		d.Follow(d.Run.Kind, run.ByStale, "")
		w.steps["follows"]++
		return nil
	})
}

// end is a person's cancel, in any status; anyMove tries any move at all on a
// run that holds nothing, or that has ended.
func (w *walk) end() bool {
	if w.next(3) > 0 {
		return false
	}
	return w.change(w.one(run.Pending, run.Planning, run.AwaitingApproval, run.ApplyQueued),
		func(d *run.Tx) error { return d.Move(run.Canceled, "ana", "") })
}

func (w *walk) anyMove() bool {
	id := w.one()
	to := run.Statuses[w.next(len(run.Statuses))]
	r, ok := w.known[id]
	if !ok || r.Status == run.Applying || r.Status == run.Interrupted || to == run.Applying ||
		to == run.ApplyQueued || to == run.AwaitingApproval {
		return false
	}
	_, err := w.store.Change(w.t.Context(), id, func(d *run.Tx) error { return d.Move(to, "", "") })
	if (err == nil) != run.CanMove(r.Status, to) {
		w.t.Errorf("a move from %s to %s: %v", r.Status, to, err)
	}
	return err == nil
}

// refused makes changes of every kind and then says no.
func (w *walk) refused() bool {
	w.change(w.one(), func(d *run.Tx) error {
		d.Run.Status, d.Votes, d.Locks, d.Record.Desired = run.Applying, nil, nil, "lost"
		d.Follow(run.Sync, run.ByStale, "")
		return errNo
	})
	return w.claim(run.Pending, func(d *run.Tx) error { d.Run.Status = run.Applied; return errNo })
}

func (w *walk) lock() bool {
	name := names[w.next(4)]
	if w.next(4) > 0 {
		return false // not too often: it stops applies
	}
	return w.settled(w.store.ChangeWorkspace(w.t.Context(), name, func(h *run.WorkspaceTx) error {
		l := locks.Lock{State: locks.Key(name, h.Record.State), Workspace: name, Person: "ana", Reason: "a look",
			Since: h.Now}
		if err := locks.Take(h.Locks, l); err != nil {
			return err
		}
		h.Locks = append(h.Locks, l)
		return nil
	}))
}

func (w *walk) unlock() bool {
	return w.settled(w.store.ChangeWorkspace(w.t.Context(), names[w.next(4)], func(h *run.WorkspaceTx) error {
		for _, l := range h.Locks {
			if err := locks.Release(l, "ana", ""); err != nil {
				return err
			}
		}
		h.Locks = nil
		return nil
	}))
}

func (w *walk) clock() bool {
	w.now = w.now.Add(time.Duration(w.next(9)-3) * time.Hour) // backwards too
	return true
}

// reopen has what is kept in memory read from the file, which must tell the same.
func (w *walk) reopen() bool {
	kept, err := w.store.Queue(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
	read, err := w.store.Queue(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if !reflect.DeepEqual(kept.List(), read.List()) {
		w.t.Errorf("the queue was\n%+v\nand in the file it is\n%+v", kept.List(), read.List())
	}
	return true
}

func (w *walk) prune() bool {
	pruned, err := w.store.Prune(w.t.Context(), map[string]run.Retention{names[w.next(4)]: {Runs: w.next(4)}})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, id := range pruned {
		if r, ok := w.known[id]; !ok || !r.Status.Terminal() {
			w.t.Errorf("pruned %s, which was %s", id, r.Status)
		}
		delete(w.known, id)
		delete(w.ended, id)
	}
	return len(pruned) > 0
}

// hold compares the whole store with the promises.
func (w *walk) hold(after string) {
	w.t.Helper()
	runs, err := w.store.Runs(w.t.Context(), run.Query{})
	if err != nil {
		w.t.Fatal(err)
	}
	there := map[string]run.Run{}
	for _, r := range runs {
		there[r.ID] = r
		if before, ok := w.known[r.ID]; ok && before.Status != r.Status && before.Status.Terminal() {
			w.t.Errorf("after %s: run %s was %s and is %s", after, r.ID, before.Status, r.Status)
		}
	}
	for id := range w.known {
		if _, ok := there[id]; !ok {
			w.t.Errorf("after %s: run %s is lost", after, id)
		}
	}
	w.known = there
	for id, r := range there {
		if !r.Status.Terminal() {
			continue
		}
		text, err := json.Marshal(r)
		if err != nil {
			w.t.Fatal(err)
		}
		if was, ok := w.ended[id]; ok && was != string(text) {
			w.t.Errorf("after %s: a run that had ended changed:\n%s\n%s", after, was, text)
		}
		w.ended[id] = string(text)
	}
	w.holdQueue(after)
}

func (w *walk) holdQueue(after string) {
	w.t.Helper()
	q, err := w.store.Queue(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	active, applies := map[string]bool{}, map[string]string{}
	last := ""
	for r := range q.Active() {
		active[r.ID] = true
		if r.ID <= last {
			w.t.Errorf("after %s: %s stands behind %s in the queue", after, r.ID, last)
		}
		last = r.ID
		if r.Status != run.Applying && r.Status != run.Interrupted {
			continue
		}
		if other, ok := applies[r.State]; ok {
			w.t.Errorf("after %s: runs %s and %s both have the state %s", after, other, r.ID, r.State)
		}
		applies[r.State] = r.ID
		held, _ := q.Lock(r.State)
		if held.Run != r.ID {
			w.t.Errorf("after %s: run %s is %s and does not hold its state: %+v", after, r.ID, r.Status, held)
		}
		said := map[string]bool{}
		for _, v := range q.Votes(r.ID) {
			if v.Yes && v.Voter != "ana" && v.Run == r.ID && v.Digest == r.Plan.Digest && v.Commit == r.Commit.SHA {
				said[v.Voter] = true
			}
		}
		if len(said) < 2 {
			w.t.Errorf("after %s: run %s applies a plan that was not approved: %+v", after, r.ID, q.Votes(r.ID))
		}
	}
	for id, r := range w.known {
		if active[id] == r.Status.Terminal() {
			w.t.Errorf("after %s: run %s is %s; in the queue: %v", after, id, r.Status, active[id])
		}
	}
	for l := range q.Locks() {
		if l.Run != "" && applies[l.State] != l.Run {
			w.t.Errorf("after %s: a lock that nobody holds: %+v", after, l)
		}
	}
}

func FuzzWalk(f *testing.F) {
	f.Add([]byte("the quick brown fox jumps over the lazy dog, again and again, until it is tired"))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 2, 0, 4, 3, 0, 6, 1, 4, 0, 6, 2, 4, 0, 9, 0, 11, 2, 0, 12, 0, 16, 2, 0, 4, 3, 0})
	f.Fuzz(func(t *testing.T, choices []byte) {
		newWalk(t, choices[:min(len(choices), 400)]).run()
	})
}

// TestWalk takes some random walks each time, always the same, and sees that
// they go everywhere.
func TestWalk(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	total := map[string]int{}
	for range 12 {
		choices := make([]byte, 1000)
		for i := range choices {
			choices[i] = byte(random.Uint32())
		}
		w := newWalk(t, choices)
		w.run()
		for name, n := range w.steps {
			total[name] += n
		}
		for _, r := range w.known {
			total[string(r.Status)]++
		}
	}
	t.Log(total)
	for _, name := range []string{"enqueue", "plan", "planned", "vote", "apply", "applied", "resolve", "move", "end",
		"prune", "reopen", "lock", "unlock", "withdraw", "clock", "stale", "follows"} {
		if total[name] < 3 {
			t.Errorf("%q happened %d times: the walks miss it", name, total[name])
		}
	}
}
