package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// runsAreListed compares every kind of question with an answer made by hand.
func runsAreListed(t *testing.T, b *bench) {
	var all []run.Run // newest first
	kinds := []run.Kind{run.Sync, run.Plan, run.Destroy}
	for i := range 24 {
		b.one([]string{"net", "net-db", "ne", "net.db"}[i%4], kinds[i%3])
	}
	all = append(all, b.queue().Active...)
	superseded, err := b.Runs(t.Context(), run.Query{Statuses: []run.Status{run.Discarded}})
	if err != nil || len(superseded) == 0 {
		t.Fatalf("%v, %d superseded", err, len(superseded))
	}
	all = append(all, superseded...)
	slices.SortFunc(all, func(a, b run.Run) int { return cmp.Compare(b.ID, a.ID) })
	if len(all) != 24 {
		t.Fatalf("%d runs of 24", len(all))
	}

	befores := []string{"", "0", "zzzzzzzzzzzz", "\xff", all[0].ID, all[7].ID, all[7].ID + "0", all[23].ID}
	for _, name := range []string{"", "net", "ne", "net-db", "n", "nosuch", "net\x00"} {
		for _, statuses := range [][]run.Status{nil, {run.Pending}, {run.Discarded, run.Applied}} {
			for _, kinds := range [][]run.Kind{nil, {run.Plan}, {run.Sync, run.Destroy}} {
				for _, limit := range []int{0, 1, 3, 100} {
					for _, before := range befores {
						q := run.Query{Workspace: name, Statuses: statuses, Kinds: kinds, Limit: limit, Before: before}
						got, err := b.Runs(t.Context(), q)
						if err != nil {
							t.Fatalf("%+v: %v", q, err)
						}
						if expect := pick(all, q); !slices.Equal(ids(got), ids(expect)) {
							t.Errorf("%+v: %q, want %q", q, ids(got), ids(expect))
						}
					}
				}
			}
		}
	}
}

func pick(all []run.Run, q run.Query) []run.Run {
	var picked []run.Run
	for _, r := range all {
		if q.Matches(r) && (q.Before == "" || r.ID < q.Before) && (q.Limit == 0 || len(picked) < q.Limit) {
			picked = append(picked, r)
		}
	}
	return picked
}

func unknownThingsAreNotFound(t *testing.T, b *bench) {
	for _, id := range []string{"000000000000", "no-such-run", "../../etc/passwd", "\x00", ""} {
		_, _, err := b.Load(t.Context(), id)
		if !fault.Is(err, fault.NotFound) || fault.Next(err) == "" {
			t.Errorf("a run %q: %v", id, err)
		}
		_, err = b.Change(t.Context(), id, func(*run.Tx) error { t.Error("fn was called"); return nil })
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("change of %q: %v", id, err)
		}
	}
	if rec := b.record("nosuch"); rec.Name != "" {
		t.Errorf("a record of nothing: %+v", rec)
	}
	if q := b.queue(); len(q.Active)+len(q.Votes)+len(q.Records)+len(q.Locks) != 0 {
		t.Errorf("the queue of an empty store: %+v", q)
	}
}

func pruneKeepsWhatItMust(t *testing.T, b *bench) {
	end := func(name string, status run.Status) string {
		r := b.lead(b.one(name, run.Sync).ID, "s:"+name, status)
		b.change(r.ID, func(d *run.Tx) error {
			d.Note("ana", "a note")
			d.Votes = append(d.Votes, approvals.Vote{Run: r.ID, Voter: "ana"})
			return nil
		})
		b.pass(time.Hour)
		return r.ID
	}
	applied0, applied1 := end("net", run.Applied), end("net", run.Applied)
	errored0, errored1, errored2 := end("net", run.Errored), end("net", run.Errored), end("net", run.Errored)
	stranger := end("net2", run.Errored)
	forgotten := end("gone", run.Errored)
	interrupted := b.lead(b.one("net", run.Sync).ID, "s:net", run.Interrupted).ID
	b.pass(10 * 24 * time.Hour)
	fresh := end("net", run.Errored)
	pending := b.one("net", run.Sync).ID

	keep := map[string]run.Retention{"net": {Runs: 2, Days: 5}, "net2": {Runs: 1, Days: 0}, "never seen": {}}
	got, err := b.Prune(t.Context(), keep)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	same(t, "pruned", got, []string{applied0, errored0, errored1})
	for _, id := range got {
		if _, _, err := b.Load(t.Context(), id); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s is still there: %v", id, err)
		}
	}
	for _, id := range []string{applied1, errored2, stranger, forgotten, interrupted, fresh, pending} {
		d, events, err := b.Load(t.Context(), id)
		if err != nil {
			t.Errorf("%s is gone: %v", id, err)
		} else if id != interrupted && id != pending && (len(d.Votes) != 1 || len(events) < 3) {
			t.Errorf("%s lost votes or events: %+v, %+v", id, d.Votes, events)
		}
	}
	runs, err := b.Runs(t.Context(), run.Query{Workspace: "net"})
	if err != nil || !slices.Equal(ids(runs), []string{pending, fresh, interrupted, errored2, applied1}) {
		t.Errorf("%v: the list is %q", err, ids(runs))
	}
	same(t, "the queue", ids(b.queue().Active), []string{interrupted, pending})
	if again, err := b.Prune(t.Context(), keep); err != nil || len(again) != 0 {
		t.Errorf("pruned again: %q, %v", again, err)
	}
	if got, err := b.Prune(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("pruned without being asked to: %q, %v", got, err)
	}
}

func auditsAreKept(t *testing.T, b *bench) {
	for i := range 300 { // more than one byte counts
		a := audit.Record{Actor: "ana", Via: "config", Action: fmt.Sprint(i), Reason: "why"}
		if i == 0 {
			a.At = b.now().Add(-time.Hour) // not for the caller to say
		}
		if err := b.Record(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	all := b.audits()
	if len(all) != 300 {
		t.Fatalf("%d audits of 300", len(all))
	}
	for i, a := range all {
		if want := (audit.Record{At: b.now(), Actor: "ana", Via: "config", Action: fmt.Sprint(299 - i),
			Reason: "why"}); a != want {
			t.Fatalf("audit %d: %+v, want %+v", i, a, want)
		}
	}
	for _, limit := range []int{1, 7, 300, 1000} {
		some, err := b.Audits(t.Context(), limit)
		if err != nil || !slices.Equal(some, all[:min(limit, 300)]) {
			t.Errorf("%d audits of %d: %v", len(some), limit, err)
		}
	}
}

// auditsAreFound: by what was asked for, by pages, with numbers without gaps, and bounded.
func auditsAreFound(t *testing.T, b *bench) {
	r := b.one("net", run.Sync) // a batch that nobody asked for leaves none
	by := audit.By(access.Actor{Name: "ana", Via: "socket", Peer: access.Peer{UID: "7", PID: 8}}, "plan", "of main")
	created, _, err := b.Enqueue(t.Context(), run.Batch{By: &by, Runs: []run.Run{{Workspace: "app", Kind: run.Plan,
		Commit: r.Commit, Trigger: run.Trigger{Cause: run.ByPerson, Actor: "ana"}}}})
	if err != nil || len(created) != 1 {
		t.Fatalf("%v, %v", created, err)
	}
	long := strings.Repeat("\u00fc", audit.MaxText)
	for _, a := range []audit.Record{{Actor: "li", Action: "poll infra", Reason: long},
		{Actor: "li", Action: "approve", Workspace: "app", Refused: long}} {
		if err := b.Record(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	find := func(q audit.Query, want ...uint64) []audit.Record {
		t.Helper()
		found, err := b.AuditLog(t.Context(), q)
		var numbers []uint64
		for _, a := range found {
			numbers = append(numbers, a.Number)
		}
		if err != nil || !slices.Equal(numbers, want) {
			t.Errorf("%+v finds %v (%v), want %v", q, numbers, err, want)
		}
		return found
	}
	all := find(audit.Query{}, 3, 2, 1)
	made := by
	made.Number, made.At, made.Workspace, made.Run, made.Commit = 1, b.now(), "app", created[0].ID, r.Commit.SHA
	same(t, "who asked for the run", all[2], made)
	for _, text := range []string{all[1].Reason, all[0].Refused} {
		if len(text) > audit.MaxText || !utf8.ValidString(text) || !strings.HasSuffix(text, "(cut)") {
			t.Errorf("a text of %d bytes is kept with %d: %q", len(long), len(text), text[len(text)-9:])
		}
	}
	find(audit.Query{Limit: 2}, 3, 2)
	find(audit.Query{Limit: 2, Before: 2}, 1)
	find(audit.Query{Workspace: "app"}, 3, 1)
	find(audit.Query{Actor: "li"}, 3, 2)
	find(audit.Query{Verb: "poll"}, 2)
	find(audit.Query{Verb: "poll infra"}, 2)
	find(audit.Query{Since: b.now().Add(time.Second)})
	if err := b.PruneAudits(t.Context(), b.now()); err != nil {
		t.Fatal(err)
	}
	find(audit.Query{}, 3, 2, 1) // not older than that
	if err := b.PruneAudits(t.Context(), b.now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	find(audit.Query{})
	if err := b.Record(t.Context(), audit.Record{Actor: "li", Action: "backup"}); err != nil {
		t.Fatal(err)
	}
	find(audit.Query{}, 4) // numbers go on
}

// nothingIsDoneForWhoGaveUp: a context that is done stops every method before
// it does anything.
func nothingIsDoneForWhoGaveUp(t *testing.T, b *bench) {
	r := b.one("net", run.Sync)
	before := b.all()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	called := func() { t.Error("fn was called") }
	for name, call := range map[string]func() error{
		"enqueue": func() error {
			_, _, err := b.Enqueue(ctx, run.Batch{Runs: []run.Run{want("db", run.Sync)}})
			return err
		},
		"claim": func() error {
			_, _, err := b.Claim(ctx, func(run.Queue) (string, func(*run.Tx) error) { called(); return "", nil })
			return err
		},
		"change": func() error {
			_, err := b.Change(ctx, r.ID, func(*run.Tx) error { called(); return nil })
			return err
		},
		"holds": func() error {
			return b.ChangeWorkspace(ctx, "net", func(*run.WorkspaceTx) error { called(); return nil })
		},
		"record": func() error { return b.Record(ctx, audit.Record{}) },
		"prune":  func() error { _, err := b.Prune(ctx, map[string]run.Retention{"net": {}}); return err },
		"queue":  func() error { _, err := b.Queue(ctx); return err },
		"load": func() error {
			_, _, err := b.Load(ctx, r.ID)
			return err
		},
		"runs":    func() error { _, err := b.Runs(ctx, run.Query{}); return err },
		"records": func() error { _, err := b.Records(ctx); return err },
		"audits":  func() error { _, err := b.Audits(ctx, 0); return err },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	same(t, "after all of them", b.all(), before)
}
