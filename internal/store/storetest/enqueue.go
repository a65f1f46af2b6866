package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

func enqueueStoresARun(t *testing.T, b *bench) {
	in := run.Run{
		ID: "not for the caller to say", Status: run.Applied, CreatedAt: b.now().Add(-time.Hour), // nor these
		Workspace: "net", Kind: run.Sync, Comment: "a comment", Fingerprint: "f", Restarts: 2,
		NotBefore: b.now().Add(time.Minute),
		Commit: run.Commit{SHA: "c1", Author: run.Person{Name: "Ana", Email: "ana@example.com"},
			Committer: run.Person{Name: "Li"},
			CoAuthors: []run.Person{{Name: "Bo", Email: "bo@example.com"}}, Message: "first\n\nand \u00fcnicode",
			Time: b.now().Add(-time.Hour)},
		Trigger: run.Trigger{Cause: run.ByPerson, Actor: "ana", Run: "an older run"}, Attempt: 3,
	}
	created := b.enqueue(in)
	if len(created) != 1 || created[0].ID == in.ID || created[0].ID == "" {
		t.Fatalf("created %+v", created)
	}
	out := in
	out.ID, out.Status, out.CreatedAt = created[0].ID, run.Pending, b.now()
	same(t, "what was returned", created[0], out)
	d := b.load(out.ID)
	same(t, "what was stored", d.Run, out)
	same(t, "its time", d.Now, b.now())
	if len(d.Votes)+len(d.Locks)+len(d.Events)+len(d.Audits)+len(d.Follows) != 0 {
		t.Errorf("a new run comes with %+v", d)
	}
	same(t, "its events", b.events(out.ID), []run.Event{{Run: out.ID, At: b.now(), To: run.Pending, Actor: "ana",
		Text: "person"}})
	same(t, "the queue", b.queue().Active, []run.Run{out})

	if r := b.one("db", run.Plan); r.Attempt != 1 {
		t.Errorf("the first attempt is attempt %d", r.Attempt)
	}
	if _, _, err := b.Enqueue(t.Context(), run.Batch{}); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
}

func enqueueMakesIDsInOrder(t *testing.T, b *bench) {
	var all []string
	for i := range 30 {
		b.pass(time.Duration(i%3-1) * time.Hour) // the clock goes back and forth
		var batch []run.Run
		for j := range 5 {
			batch = append(batch, want(fmt.Sprintf("w%d-%d", i, j), run.Sync))
		}
		created := b.enqueue(batch...)
		for j, r := range created {
			if r.Workspace != batch[j].Workspace {
				t.Fatalf("run %d of the batch is of %s", j, r.Workspace)
			}
			all = append(all, r.ID)
		}
	}
	if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != 150 {
		t.Error("150 runs have not 150 ids in the order in which they were made")
	}
	same(t, "the queue, oldest first", ids(b.queue().Active), all)
}

func enqueueMovesRecords(t *testing.T, b *bench) {
	due := b.now().Add(-time.Minute)
	first := b.now()
	_, _, err := b.Enqueue(t.Context(), run.Batch{
		Runs: []run.Run{want("net", run.Sync), want("db", run.Plan), want("app", run.Drift),
			want("old", run.Destroy)},
		Heads:  map[string]string{"net": "h1", "db": "h1", "quiet": "h1"},
		Drifts: map[string]time.Time{"app": due, "quiet": due},
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := b.Records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	due = due.UTC()
	same(t, "records", all, map[string]workspace.Record{
		"net":   {Name: "net", Head: "h1", Desired: "c-net", DesiredAt: first, Fingerprint: "print-net"},
		"old":   {Name: "old", Fingerprint: "print-old"}, // a destroy is of what is applied, and wants no other commit
		"db":    {Name: "db", Head: "h1"},                // a speculative plan changes nothing that is wanted
		"app":   {Name: "app", Drift: workspace.DriftRecord{DueAt: due}},
		"quiet": {Name: "quiet", Head: "h1", Drift: workspace.DriftRecord{DueAt: due}},
	})

	b.pass(time.Hour)
	again := want("net", run.Sync)
	again.Fingerprint = "other inputs"
	b.enqueue(again)
	ended, which := b.record("net").Ended, b.record("net").EndedRun
	if ended != "run "+which+" is discarded (superseded)" {
		t.Errorf("the record says of run %s, which ended: %q", which, ended)
	}
	same(t, "the same commit with other inputs", b.record("net"),
		workspace.Record{Ended: ended, EndedRun: which, Name: "net", Head: "h1", Desired: "c-net", DesiredAt: first,
			Fingerprint: "other inputs"})
	next := want("net", run.Sync)
	next.Commit.SHA = "c2"
	if _, _, err := b.Enqueue(t.Context(), run.Batch{Runs: []run.Run{next},
		Heads: map[string]string{"net": "h2"}}); err != nil {
		t.Fatal(err)
	}
	same(t, "another commit", b.record("net"),
		workspace.Record{Ended: b.record("net").Ended, EndedRun: b.record("net").EndedRun, Name: "net", Head: "h2",
			Desired: "c2", DesiredAt: b.now(),
			Fingerprint: "print-net"})
}

// A run that may apply takes the place of older ones that have not begun to;
// of every status and kind, these and no others.
func enqueueSupersedes(t *testing.T, b *bench) {
	applies := map[run.Kind]bool{run.Sync: true, run.Destroy: true, run.Refresh: true}
	unapplied := map[run.Status]bool{run.Pending: true, run.Planning: true, run.AwaitingApproval: true,
		run.ApplyQueued: true}
	n := 0
	kinds := []run.Kind{run.Sync, run.Destroy, run.Plan, run.Drift, run.Refresh}
	for _, newer := range kinds {
		for _, kind := range kinds {
			for status := range paths {
				if !applies[kind] && (slices.Contains(paths[status], run.ApplyQueued) ||
					status == run.AwaitingApproval) || kind == run.Drift && newer == run.Drift ||
					newer == run.Refresh && (kind == run.Sync || kind == run.Destroy) {
					continue // such a run cannot be; the last two have tests of their own
				}
				n++
				name := fmt.Sprintf("w%d", n)
				old := b.lead(b.one(name, kind).ID, "state:"+name, status)
				stranger := b.one(name+"-stranger", run.Sync)
				b.pass(time.Second)
				created, superseded, err := b.Enqueue(t.Context(), run.Batch{Runs: []run.Run{want(name, newer)}})
				if err != nil || len(created) != 1 {
					t.Fatalf("%s: %v, %d created", name, err, len(created))
				}
				what := fmt.Sprintf("a %s run after a %s run that is %s", newer, kind, status)
				after := b.load(old.ID).Run
				if applies[newer] && applies[kind] && unapplied[status] {
					ended := old
					ended.Status, ended.Reason, ended.SupersededBy, ended.FinishedAt = run.Discarded, run.Superseded,
						created[0].ID, b.now()
					same(t, what, after, ended)
					same(t, what+": returned", superseded, []run.Run{ended})
					events := b.events(old.ID)
					if last := events[len(events)-1]; last.From != status || last.To != run.Discarded ||
						!last.At.Equal(b.now()) {
						t.Errorf("%s: the last event is %+v", what, last)
					}
				} else {
					same(t, what, after, old)
					same(t, what+": returned", superseded, nil)
				}
				same(t, what+": another workspace", b.load(stranger.ID).Run, stranger)
			}
		}
	}
}

// A refresh takes the place of no sync and no destroy, and is left out while one
// has not ended; it leaves what is wanted as it is.
func enqueueLeavesOutARefresh(t *testing.T, b *bench) {
	for i, kind := range []run.Kind{run.Sync, run.Destroy} {
		for status := range paths {
			name := fmt.Sprintf("w%d-%s", i, status)
			old := b.lead(b.one(name, kind).ID, "state:"+name, status)
			before := b.record(name)
			created, superseded, err := b.Enqueue(t.Context(), run.Batch{Runs: []run.Run{want(name, run.Refresh)}})
			if err != nil || len(superseded) != 0 {
				t.Fatalf("%v, superseded %+v", err, superseded)
			}
			if made := len(created) == 1; made != status.Terminal() {
				t.Errorf("a refresh after a %s run that is %s: made is %v", kind, status, made)
			}
			same(t, name, b.load(old.ID).Run, old)
			same(t, name+": its record", b.record(name), before)
		}
	}
	// A sync of the same batch is in its way as well, and supersedes an older refresh.
	first := b.one("net", run.Refresh)
	created, superseded, err := b.Enqueue(t.Context(),
		run.Batch{Runs: []run.Run{want("net", run.Sync), want("net", run.Refresh)}})
	if err != nil || len(created) != 1 || created[0].Kind != run.Sync || !slices.Equal(ids(superseded),
		[]string{first.ID}) {
		t.Errorf("created %+v, superseded %q, %v", created, ids(superseded), err)
	}
	// It does not end the waiting for a workspace that goes first either.
	held := b.one("db", run.Sync)
	b.change(held.ID, func(d *run.Tx) error {
		d.Record.HeldBack = "net"
		return d.Move(run.Discarded, "", "")
	})
	before := b.record("db")
	b.one("db", run.Refresh)
	same(t, "the record of what is held back", b.record("db"), before)
}

func enqueueSupersedesWithinABatch(t *testing.T, b *bench) {
	created, superseded, err := b.Enqueue(t.Context(),
		run.Batch{Runs: []run.Run{want("net", run.Sync), want("net", run.Sync), want("net", run.Destroy)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(created) != 3 || !slices.Equal(ids(superseded), ids(created[:2])) {
		t.Errorf("created %q, superseded %q", ids(created), ids(superseded))
	}
	same(t, "the queue", ids(b.queue().Active), ids(created[2:]))
}

func enqueueLeavesOutASecondDriftRun(t *testing.T, b *bench) {
	first := b.one("net", run.Drift)
	due := b.now().Add(time.Hour)
	created, superseded, err := b.Enqueue(t.Context(), run.Batch{Drifts: map[string]time.Time{"net": due},
		Runs: []run.Run{want("net", run.Drift), want("db", run.Drift), want("db", run.Drift), want("net", run.Sync)}})
	if err != nil || len(superseded) != 0 {
		t.Fatalf("%v, superseded %+v", err, superseded)
	}
	if len(created) != 2 || created[0].Workspace != "db" || created[1].Kind != run.Sync {
		t.Errorf("created %+v", created)
	}
	if got := b.record("net").Drift.DueAt; !got.Equal(due) {
		t.Errorf("the time of the check that was left out is forgotten: %s", got)
	}
	b.lead(first.ID, "s", run.Planning)
	if more := b.enqueue(want("net", run.Drift)); len(more) != 0 {
		t.Errorf("a second check while the first one runs: %+v", more)
	}
	b.change(first.ID, func(d *run.Tx) error { return d.Move(run.PlannedAndFinished, "", "") })
	if more := b.enqueue(want("net", run.Drift)); len(more) != 1 {
		t.Error("no check after the first one ended")
	}
}
