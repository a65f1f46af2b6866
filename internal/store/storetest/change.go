package storetest

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// everything changes each part of a Tx.
func everything(d *run.Tx) error {
	d.Run.State, d.Run.Comment, d.Run.ExpiresAt = "s:net", "a comment", d.Now.Add(time.Hour)
	d.Run.Plan = &run.PlanSummary{Digest: "sha256:x", Types: []string{"a"}, Addresses: []string{"a.b"}, Changes: true}
	d.Votes = append(d.Votes, approvals.Vote{Run: d.Run.ID, Digest: "sha256:x", Voter: "ana", Yes: true, At: d.Now})
	d.Record.State, d.Record.Head, d.Record.Suspension = "s:net", "h", &workspace.Suspension{By: "ana", At: d.Now}
	if err := d.Take("a test"); err != nil {
		return err
	}
	d.Note("ana", "first")
	if err := d.Move(run.ApplyQueued, "li", "second"); err != nil {
		return err
	}
	d.Note("bo", "third")
	d.Audit(access.Actor{Name: "ana", Via: "socket"}, "approve", "fine")
	d.Audit(access.Actor{Name: "li", Via: "socket"}, "lock", "mine")
	d.Follow(run.Plan, run.ByStale, "bo")
	return nil
}

func changeStoresEverything(t *testing.T, b *bench) {
	r := b.lead(b.one("net", run.Sync).ID, "", run.Planning)
	before := b.events(r.ID)
	b.pass(time.Minute)
	after, err := b.Change(t.Context(), r.ID, everything)
	if err != nil {
		t.Fatal(err)
	}
	d := b.load(r.ID)
	same(t, "the run", d.Run, after)
	if after.Status != run.ApplyQueued || after.State != "s:net" || !after.QueuedAt.Equal(b.now()) ||
		after.Plan.Addresses[0] != "a.b" {
		t.Errorf("the run: %+v", after)
	}
	same(t, "votes", d.Votes, []approvals.Vote{{Run: r.ID, Digest: "sha256:x", Voter: "ana", Yes: true, At: b.now()}})
	same(t, "locks", d.Locks, []locks.Lock{{State: "s:net", Workspace: "net", Run: r.ID, Reason: "a test",
		Since: b.now()}})
	if rec := b.record("net"); rec.State != "s:net" || rec.Head != "h" || rec.Suspension == nil ||
		rec.Suspension.By != "ana" {
		t.Errorf("the record: %+v", rec)
	}
	same(t, "events", b.events(r.ID)[len(before):], []run.Event{
		{Run: r.ID, At: b.now(), Actor: "ana", Text: "first"},
		{Run: r.ID, At: b.now(), From: run.Planning, To: run.ApplyQueued, Actor: "li", Text: "second"},
		{Run: r.ID, At: b.now(), Actor: "bo", Text: "third"},
	})
	same(t, "audits, newest first", b.audits(), []audit.Record{
		{At: b.now(), Actor: "li", Via: "socket", Action: "lock", Workspace: "net", Run: r.ID,
			Digest: "sha256:x", Commit: "c-net", Reason: "mine"},
		{At: b.now(), Actor: "ana", Via: "socket", Action: "approve", Workspace: "net", Run: r.ID,
			Digest: "sha256:x", Commit: "c-net", Reason: "fine"},
	})
	active := b.queue().Active
	if len(active) != 2 || active[1].Kind != run.Plan || active[1].Trigger.Run != r.ID {
		t.Errorf("the run that follows: %+v", active)
	}
	if len(d.Events)+len(d.Audits)+len(d.Follows) != 0 {
		t.Errorf("what a change adds comes back when the Tx is read: %+v", d)
	}
}

func changeThatFailsChangesNothing(t *testing.T, b *bench) {
	r := b.lead(b.one("net", run.Sync).ID, "", run.Planning)
	b.change(r.ID, func(d *run.Tx) error {
		d.Votes = append(d.Votes, approvals.Vote{Run: r.ID, Voter: "li"}, approvals.Vote{Run: r.ID, Voter: "bo"})
		return nil
	})
	before := b.all()
	b.pass(time.Minute)
	for name, fn := range map[string]decision{
		"fn refuses at the end": func(d *run.Tx) error { _ = everything(d); return errRefused },
		"fn took votes away":    func(d *run.Tx) error { d.Votes = nil; return errRefused },
		"fn wrote into votes":   func(d *run.Tx) error { d.Votes[0].Voter = "eve"; return errRefused },
	} {
		if got, err := b.Change(t.Context(), r.ID, fn); !errors.Is(err, errRefused) || got.ID != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		b.pass(-time.Minute) // all tells the time too
		same(t, name, b.all(), before)
		b.pass(time.Minute)
	}
	for name, fn := range map[string]decision{
		"another id":        func(d *run.Tx) error { d.Run.ID = "000000000000"; return nil },
		"another workspace": func(d *run.Tx) error { d.Run.Workspace = "db"; return nil },
	} {
		if _, err := b.Change(t.Context(), r.ID, fn); err == nil {
			t.Errorf("%s: a run became another one", name)
		}
	}
	b.pass(-time.Minute)
	same(t, "a run that would become another", b.all(), before)
}

func changesAtOnceLoseNothing(t *testing.T, b *bench) {
	const each = 20
	r := b.one("net", run.Sync)
	atOnce(crowd, func(i int) {
		for range each {
			_, err := b.Change(t.Context(), r.ID, func(d *run.Tx) error {
				d.Run.Restarts++
				d.Record.Head += "x"
				d.Note("", "counted")
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	if got := b.load(r.ID).Run.Restarts; got != crowd*each {
		t.Errorf("%d of %d changes count", got, crowd*each)
	}
	if got := len(b.record("net").Head); got != crowd*each {
		t.Errorf("%d of %d changes of the record count", got, crowd*each)
	}
	if got := len(b.events(r.ID)); got != crowd*each+1 {
		t.Errorf("%d events of %d", got, crowd*each+1)
	}
}

func votesComeAndGo(t *testing.T, b *bench) {
	r := b.lead(b.one("net", run.Sync).ID, "s", run.AwaitingApproval)
	stranger := b.lead(b.one("db", run.Sync).ID, "s:db", run.AwaitingApproval)
	vote := func(id, voter string) {
		b.change(id, func(d *run.Tx) error {
			d.Votes = append(d.Votes, approvals.Vote{Run: id, Digest: d.Run.Plan.Digest, Commit: d.Run.Commit.SHA,
				Voter: voter, Yes: true, At: d.Now, Comment: voter + " says \x01"})
			return nil
		})
	}
	voters := func(id string) []string {
		names := []string{}
		for _, v := range b.load(id).Votes {
			names = append(names, v.Voter)
		}
		return names
	}
	vote(stranger.ID, "eve")
	for _, v := range []string{"li", "ana", "bo", "ana"} {
		vote(r.ID, v)
	}
	same(t, "in order of voting", voters(r.ID), []string{"li", "ana", "bo", "ana"})
	b.change(r.ID, func(d *run.Tx) error {
		d.Votes = slices.DeleteFunc(d.Votes, func(v approvals.Vote) bool { return v.Voter == "ana" })
		return nil
	})
	same(t, "two withdrawn", voters(r.ID), []string{"li", "bo"})
	vote(r.ID, "ana")
	same(t, "given again", voters(r.ID), []string{"li", "bo", "ana"})
	for _, v := range b.load(r.ID).Votes {
		if v.Run != r.ID || v.Digest != "sha256:"+r.ID || v.Commit != "c-net" {
			t.Errorf("a vote lost what it is bound to: %+v", v)
		}
	}
	b.change(r.ID, func(d *run.Tx) error { d.Votes = nil; return nil })
	same(t, "all withdrawn", voters(r.ID), []string{})
	same(t, "votes on another run", voters(stranger.ID), []string{"eve"})
}

func followsAreEnqueued(t *testing.T, b *bench) {
	r := b.lead(b.one("net", run.Sync).ID, "s", run.AwaitingApproval)
	plan := b.one("net", run.Plan)
	newer := want("net", run.Sync)
	var later time.Time
	b.pass(time.Minute)
	b.change(r.ID, func(d *run.Tx) error {
		d.Run.Reason = run.Stale
		if err := d.Move(run.Discarded, "", "stale"); err != nil {
			return err
		}
		later = d.Now.Add(time.Minute)
		f := d.Follow(run.Sync, run.ByStale, "ana")
		f.Fingerprint, f.NotBefore = "new", later
		return nil
	})
	active := b.queue().Active
	if len(active) != 2 || active[0].ID != plan.ID {
		t.Fatalf("the queue: %+v", active)
	}
	f := active[1]
	if f.ID <= plan.ID || f.Status != run.Pending || f.Fingerprint != "new" || !f.NotBefore.Equal(later) ||
		f.Attempt != 1 || !f.CreatedAt.Equal(b.now()) ||
		f.Trigger != (run.Trigger{Cause: run.ByStale, Actor: "ana", Run: r.ID}) {
		t.Errorf("follows %+v", f)
	}
	if rec := b.record("net"); rec.Fingerprint != "new" || rec.Desired != "c-net" {
		t.Errorf("the record: %+v", rec)
	}
	// A run that follows is as any other: it supersedes, and is superseded.
	next := b.enqueue(newer)[0]
	if got := b.load(f.ID).Run; got.SupersededBy != next.ID {
		t.Errorf("not superseded: %+v", got)
	}
	b.change(plan.ID, func(d *run.Tx) error { d.Follow(run.Sync, run.ByRetry, ""); return nil })
	if got := b.load(next.ID).Run; got.Status != run.Discarded {
		t.Errorf("not superseded by a run that follows: %+v", got)
	}
}

func anEndedRunLeavesTheQueue(t *testing.T, b *bench) {
	for status := range paths {
		r := b.lead(b.one("w-"+string(status), run.Sync).ID, "s:"+string(status), status)
		active := slices.Contains(ids(b.queue().Active), r.ID)
		if active == status.Terminal() {
			t.Errorf("%s: in the queue: %v", status, active)
		}
		if !status.Terminal() {
			continue
		}
		for _, to := range run.Statuses {
			if _, err := b.Change(t.Context(), r.ID, func(d *run.Tx) error { return d.Move(to, "", "") }); err == nil {
				t.Errorf("%s became %s", status, to)
			}
		}
		same(t, "the run that is "+string(status), b.load(r.ID).Run, r)
	}
}

// whatIsReadIsInTheQueue reads runs while they end: who has seen that one has must not be told
// afterwards that it still holds its lock.
func whatIsReadIsInTheQueue(t *testing.T, b *bench) {
	for range 15 {
		r := b.lead(b.one("a", run.Sync).ID, "s", run.Applying)
		var reading sync.WaitGroup
		reading.Go(func() {
			for {
				d, _, err := b.Load(t.Context(), r.ID)
				if err != nil {
					t.Error(err)
					return
				}
				if d.Run.Status.Terminal() {
					break
				}
				runtime.Gosched()
			}
			q, err := b.Queue(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			_, active := q.Run(r.ID)
			if l, locked := q.Lock("s"); active || locked {
				t.Errorf("run %s was read as ended; active: %v, the lock: %v %+v", r.ID, active, locked, l)
			}
		})
		b.change(r.ID, func(d *run.Tx) error { d.Release(); return d.Move(run.Applied, "", "") })
		reading.Wait()
	}
}
