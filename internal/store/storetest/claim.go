package storetest

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
)

type decision = func(*run.Tx) error

func nothing(run.Queue) (string, func(*run.Tx) error) { return "", nil }

func begin(d *run.Tx) error { return d.Move(run.Planning, "", "") }

func claimSeesTheQueue(t *testing.T, b *bench) {
	ended := b.lead(b.one("net", run.Sync).ID, "s:net", run.Applied)
	waits := b.lead(b.one("net", run.Sync).ID, "s:net", run.AwaitingApproval)
	b.pass(-time.Hour)
	applies := b.lead(b.one("db", run.Sync).ID, "s:db", run.Applying)
	fresh := b.one("app", run.Plan)
	b.lock("net", "ana")
	b.lock("far", "li") // no run of this workspace is active
	vote := approvals.Vote{Run: waits.ID, Digest: "d", Commit: "c", Voter: "ana", Yes: true, At: b.now()}
	b.change(waits.ID, func(d *run.Tx) error {
		d.Votes = append(d.Votes,
			vote)
		d.Record.StartedAt = d.Now
		return nil
	})
	b.pass(time.Minute)

	look := func(what string, of run.Queue) {
		q := of.List()
		same(t, what+": active, oldest first", q.Active, []run.Run{waits, applies, fresh})
		same(t, what+": votes", q.Votes, map[string][]approvals.Vote{waits.ID: {vote}})
		if len(q.Records) != 3 || q.Records["net"].State != "s:net" || q.Records["net"].StartedAt.IsZero() ||
			of.Record("app").Name != "app" || q.Records["db"].Desired != "c-db" {
			t.Errorf("%s: records %+v", what, q.Records)
		}
		if len(q.Locks) != 3 || q.Locks["s:db"].Run != applies.ID || q.Locks["s:net"].Person != "ana" ||
			q.Locks[locks.ForWorkspace("far")].Person != "li" {
			t.Errorf("%s: locks %+v", what, q.Locks)
		}
		same(t, what+": now", of.Now, b.now())
	}
	look("queue", b.queued())
	_, ok, err := b.Claim(t.Context(), func(q run.Queue) (string, func(*run.Tx) error) {
		look("claim", q)
		return "", nil
	})
	if ok || err != nil {
		t.Errorf("choosing nothing: %v, %v", ok, err)
	}
	same(t, "the one that ended", b.load(ended.ID).Run, ended)

	// Who has read it keeps what it was, whatever is written meanwhile.
	q := b.queued()
	q.Now = q.Now.Add(-time.Minute)
	b.pass(-time.Minute)
	b.change(waits.ID, func(d *run.Tx) error { d.Votes = nil; return d.Move(run.Discarded, "", "") })
	b.one("late", run.Plan)
	look("what was read before a change", q)
	for name, want := range map[string][]string{"net": {waits.ID}, "db": {applies.ID}, "late": nil} {
		var got []string
		for r := range q.Beside(name, "") {
			got = append(got, r.ID)
		}
		same(t, "the runs of "+name, got, want)
	}
}

func claimIsOneStep(t *testing.T, b *bench) {
	r := b.lead(b.one("net", run.Sync).ID, "s:net", run.ApplyQueued)
	b.pass(time.Minute)
	claimed, ok, err := b.Claim(t.Context(), func(q run.Queue) (string, func(*run.Tx) error) {
		return q.List().Active[0].ID, func(d *run.Tx) error {
			d.Record.StartedAt = d.Now
			if err := d.Take("applying"); err != nil {
				return err
			}
			return d.Move(run.Applying, "", "claimed")
		}
	})
	if !ok || err != nil || claimed.ID != r.ID || claimed.Status != run.Applying {
		t.Fatalf("%+v, %v, %v", claimed, ok, err)
	}
	d := b.load(r.ID)
	same(t, "stored as it was handed out", d.Run, claimed)
	same(t, "its lock", d.Locks, []locks.Lock{{State: "s:net", Workspace: "net", Run: r.ID, Reason: "applying",
		Since: b.now()}})
	same(t, "its place among the waiting", b.queue().Records["net"].StartedAt, b.now())
	events := b.events(r.ID)
	same(t, "its last event", events[len(events)-1], run.Event{Run: r.ID, At: b.now(), From: run.ApplyQueued,
		To: run.Applying, Text: "claimed"})
}

func claimThatFailsChangesNothing(t *testing.T, b *bench) {
	r := b.one("net", run.Sync)
	ended := b.lead(b.one("db", run.Sync).ID, "s", run.Canceled)
	before := b.all()
	for _, c := range []struct {
		name string
		id   string
		fn   decision
		is   func(error) bool
	}{
		{"fn refuses", r.ID, func(d *run.Tx) error {
			d.Note("ana", "lost")
			d.Audit(access.Actor{Name: "ana", Via: "x"}, "y", "z")
			d.Record.Head = "lost"
			d.Follow(run.Sync, run.ByStale, "")
			_ = begin(d)
			return fmt.Errorf("because: %w", errRefused)
		}, func(err error) bool { return errors.Is(err, errRefused) }},
		{"a move that is not allowed", r.ID, func(d *run.Tx) error { return d.Move(run.Applied, "", "") },
			func(err error) bool { return err != nil }},
		{"a run that does not exist", "000000000000", begin,
			func(err error) bool { return fault.Is(err, fault.NotFound) }},
		{"a run that has ended", ended.ID, begin, func(err error) bool { return err != nil }},
	} {
		claimed, ok, err := b.Claim(t.Context(), func(run.Queue) (string, func(*run.Tx) error) { return c.id, c.fn })
		if ok || !c.is(err) || claimed.ID != "" {
			t.Errorf("%s: %+v, %v, %v", c.name, claimed, ok, err)
		}
		same(t, c.name, b.all(), before)
	}
	if _, ok, err := b.Claim(t.Context(), nothing); ok || err != nil {
		t.Errorf("choosing nothing: %v, %v", ok, err)
	}
	same(t, "choosing nothing", b.all(), before)
}

const crowd = 16

// claimsAtOnceNeverShareARun lets many workers claim until nothing is left.
func claimsAtOnceNeverShareARun(t *testing.T, b *bench) {
	var batch []run.Run
	for i := range 200 {
		batch = append(batch, want(fmt.Sprintf("w%d", i), run.Plan))
	}
	b.enqueue(batch...)
	var mu sync.Mutex
	handed := map[string]int{}
	atOnce(crowd, func(int) {
		for {
			r, ok, err := b.Claim(t.Context(), func(q run.Queue) (string, func(*run.Tx) error) {
				for r := range q.In(run.Pending) {
					return r.ID, begin
				}
				return "", nil
			})
			if err != nil {
				t.Error(err)
				return
			}
			if !ok {
				return
			}
			mu.Lock()
			handed[r.ID]++
			mu.Unlock()
		}
	})
	if len(handed) != 200 {
		t.Errorf("%d of 200 runs were handed out", len(handed))
	}
	for id, n := range handed {
		if n != 1 {
			t.Errorf("run %s was handed out %d times", id, n)
		}
	}
}

// claimsAtOnceNeverShareAState has many workspaces of one state, and workers
// that apply all of them.
func claimsAtOnceNeverShareAState(t *testing.T, b *bench) {
	const runs = 40
	for i := range runs {
		b.lead(b.one(fmt.Sprintf("w%d", i), run.Sync).ID, "s:shared", run.ApplyQueued)
	}
	var mu sync.Mutex
	applying, applied, most := 0, 0, 0
	atOnce(crowd, func(int) {
		for {
			r, ok, err := b.Claim(t.Context(), func(q run.Queue) (string, func(*run.Tx) error) {
				for r := range q.Active() {
					if r.Status == run.ApplyQueued {
						return r.ID, func(d *run.Tx) error {
							if err := d.Take("applying"); err != nil {
								return err
							}
							return d.Move(run.Applying, "", "")
						}
					}
				}
				return "", nil
			})
			if fault.Is(err, fault.Conflict) {
				continue // another one holds the state
			}
			if err != nil {
				t.Error(err)
			}
			if !ok {
				return
			}
			mu.Lock()
			applying++
			most = max(most, applying)
			mu.Unlock()
			runtime.Gosched() // let another one try
			mu.Lock()
			applying--
			applied++
			mu.Unlock()
			if _, err := b.Change(t.Context(), r.ID, func(d *run.Tx) error {
				d.Release()
				return d.Move(run.Applied, "", "")
			}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	if most != 1 || applied != runs {
		t.Errorf("%d applies at once, %d of %d applied", most, applied, runs)
	}
	if q := b.queue(); len(q.Active)+len(q.Locks) != 0 {
		t.Errorf("left over: %+v", q)
	}
}

func atOnce(n int, fn func(int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { fn(i) })
	}
	all.Wait()
}
