package run

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/workspace"
)

func TestExpendable(t *testing.T) {
	// Each run is "status age in days", newest first; the ids are its places.
	type ended struct {
		status Status
		days   int
	}
	e := func(s Status, days int) ended { return ended{s, days} }
	for _, c := range []struct {
		name string
		keep Retention
		runs []ended
		want []string
	}{
		{"nothing", Retention{1, 1}, nil, nil},
		{"past both", Retention{1, 5}, []ended{e(Errored, 1), e(Errored, 9)}, []string{"1"}},
		{"past the count only", Retention{1, 50}, []ended{e(Errored, 1), e(Errored, 9)}, nil},
		{"past the days only", Retention{5, 5}, []ended{e(Errored, 8), e(Errored, 9)}, nil},
		{"on the day itself it stays", Retention{0, 5}, []ended{e(Errored, 5)}, nil},
		{"nothing to keep at all", Retention{0, 0}, []ended{e(Canceled, 1), e(Discarded, 2), e(PolicyFailed, 3),
			e(PlannedAndFinished, 4)}, []string{"0", "1", "2", "3"}},
		{"what has not ended stays and does not count", Retention{1, 5}, []ended{e(Pending, 9), e(Planning, 9),
			e(AwaitingApproval, 9), e(ApplyQueued, 9),
			e(Applying, 9), e(Interrupted, 9), e(Errored, 9), e(Errored, 9)}, []string{"7"}},
		{"the last applied run stays", Retention{0, 0}, []ended{e(Errored, 1), e(Applied, 90), e(Applied, 99)},
			[]string{"0", "2"}},
		{"the only applied run stays, and counts", Retention{1, 0}, []ended{e(Applied, 90), e(Errored, 91)},
			[]string{"1"}},
		{"an older applied run goes", Retention{1, 5}, []ended{e(Applied, 8), e(Applied, 9)}, []string{"1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var runs []Run
			for i, r := range c.runs {
				at := t0.AddDate(0, 0, -r.days)
				made := Run{ID: fmt.Sprint(i), Status: r.status, CreatedAt: at}
				if r.status.Terminal() {
					made.FinishedAt = at
				}
				runs = append(runs, made)
			}
			if got := c.keep.Expendable(runs, t0); !slices.Equal(got, c.want) {
				t.Errorf("removes %q, want %q", got, c.want)
			}
		})
	}
}

func TestQueryMatches(t *testing.T) {
	r := Run{ID: "r", Workspace: "net", Kind: Sync, Status: Applied}
	for _, c := range []struct {
		q    Query
		want bool
	}{
		{Query{}, true},
		{Query{Workspace: "net"}, true},
		{Query{Workspace: "ne"}, false},
		{Query{Statuses: []Status{Errored, Applied}}, true},
		{Query{Statuses: []Status{Errored}}, false},
		{Query{Kinds: []Kind{Sync}}, true},
		{Query{Kinds: []Kind{Drift, Plan}}, false},
		{Query{Workspace: "net", Statuses: []Status{Applied}, Kinds: []Kind{Sync}}, true},
		{Query{Workspace: "net", Statuses: []Status{Applied}, Kinds: []Kind{Drift}}, false},
		{Query{Workspace: "db", Statuses: []Status{Applied}, Kinds: []Kind{Sync}}, false},
		{Query{Limit: 1, Before: "a"}, true}, // not for Matches to say
	} {
		if got := c.q.Matches(r); got != c.want {
			t.Errorf("%+v matches: %v", c.q, got)
		}
	}
}

func TestQueueHeld(t *testing.T) {
	q := Listing{Locks: map[string]locks.Lock{
		"s3:x":          {State: "s3:x", Run: "r1"},
		"workspace:net": {State: "workspace:net", Person: "ana"},
		"workspace:db":  {State: "workspace:db", Person: "li"},
	}}.Queue()
	for _, c := range []struct {
		workspace, state string
		want             []string
	}{
		{"net", "s3:x", []string{"s3:x", "workspace:net"}},
		{"net", "", []string{"workspace:net"}},
		{"app", "s3:x", []string{"s3:x"}},
		{"app", "s3:y", nil},
	} {
		var got []string
		for _, l := range q.Held(c.workspace, c.state) {
			got = append(got, l.State)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("held on %s with state %q: %q, want %q", c.workspace, c.state, got, c.want)
		}
	}
}

func TestHoldsAudit(t *testing.T) {
	h := WorkspaceTx{Now: t0}
	h.Record.Name = "net"
	h.Audit(access.Actor{Name: "ana", Via: "socket"}, "lock", "why")
	want := audit.Record{At: t0, Actor: "ana", Via: "socket", Action: "lock", Workspace: "net", Reason: "why"}
	if len(h.Audits) != 1 || h.Audits[0] != want {
		t.Errorf("recorded %+v, want %+v", h.Audits, want)
	}
}

func TestTx(t *testing.T) {
	d := Tx{Run: Run{ID: "r1", Workspace: "net", Kind: Sync, Status: ApplyQueued, State: "s3:x", Attempt: 2,
		Commit: Commit{SHA: "c"}}, Now: t0}
	if err := d.Take("applying"); err != nil || len(d.Locks) != 1 {
		t.Fatalf("a free state was not taken: %v", err)
	}
	if l := d.Locks[0]; l.State != "s3:x" || l.Run != "r1" || l.Workspace != "net" || l.Person != "" ||
		!l.Since.Equal(t0) || l.Reason != "applying" {
		t.Errorf("took %+v", l)
	}
	if err := d.Take("again"); err != nil || len(d.Locks) != 1 {
		t.Errorf("taking again what the run holds: %v, %d locks", err, len(d.Locks))
	}
	if err := d.Move(Applied, "", ""); err == nil || len(d.Events) != 0 {
		t.Errorf("a move that is not allowed: %v, %d events", err, len(d.Events))
	}
	if err := d.Move(Applying, "ana", "off it goes"); err != nil {
		t.Fatal(err)
	}
	d.Note("li", "watches")
	d.Audit(access.Actor{Name: "ana", Via: "socket"}, "approve", "fine")
	if want := []Event{{Run: "r1", At: t0, From: ApplyQueued, To: Applying, Actor: "ana", Text: "off it goes"},
		{Run: "r1", At: t0, Actor: "li", Text: "watches"}}; !slices.Equal(d.Events, want) {
		t.Errorf("events %+v, want %+v", d.Events, want)
	}
	if want := []audit.Record{{At: t0, Actor: "ana", Via: "socket", Action: "approve", Workspace: "net", Run: "r1",
		Commit: "c", Reason: "fine"}}; !slices.Equal(d.Audits, want) {
		t.Errorf("audits %+v, want %+v", d.Audits, want)
	}

	other := locks.Lock{State: "workspace:net", Person: "ana", Reason: "x"}
	d.Locks = append(d.Locks, other)
	if err := d.Take("again"); err == nil {
		t.Error("took a state that a person holds")
	}
	shared := d.Locks
	d.Release()
	if !slices.Equal(d.Locks, []locks.Lock{other}) {
		t.Errorf("after the release it holds %+v", d.Locks)
	}
	if shared[0].Run != "r1" {
		t.Error("the release wrote into the slice that it was given")
	}
}

// Until it is planned a run has no state, and its lock lies under its workspace.
func TestTxTakeWithoutState(t *testing.T) {
	d := Tx{Run: Run{ID: "r1", Workspace: "net"}, Now: t0}
	if err := d.Take("x"); err != nil || len(d.Locks) != 1 || d.Locks[0].State != locks.ForWorkspace("net") {
		t.Errorf("%v, %+v", err, d.Locks)
	}
}

func TestFollow(t *testing.T) {
	commit := Commit{SHA: "c", CoAuthors: []Person{{Name: "li"}}}
	for _, c := range []struct {
		cause   Cause
		actor   string
		attempt int
	}{{ByRetry, "", 3}, {ByStale, "ana", 1}, {ByResolve, "li", 1}} {
		d := Tx{Run: Run{ID: "r1", Workspace: "net", Kind: Destroy, Attempt: 2, Commit: commit, Plan: &PlanSummary{},
			State: "s", Status: Discarded}, Now: t0}
		f := d.Follow(Destroy, c.cause, c.actor)
		f.NotBefore = t0.Add(time.Minute)
		if len(d.Follows) != 1 || !d.Follows[0].NotBefore.Equal(f.NotBefore) {
			t.Fatalf("%s: what is set on the new run is lost", c.cause)
		}
		if f.Workspace != "net" || f.Kind != Destroy || f.Status != Pending || f.Commit.SHA != "c" ||
			f.Attempt != c.attempt ||
			f.Trigger != (Trigger{Cause: c.cause, Actor: c.actor, Run: "r1"}) {
			t.Errorf("%s: follows %+v", c.cause, f)
		}
		if f.Plan != nil || f.State != "" || f.ID != "" {
			t.Errorf("%s: the new run begins with what belongs to the old: %+v", c.cause, f)
		}
	}
}

// What is wanted is not applied because of the run that wanted it: a refresh
// beside it that comes to nothing is not the reason.
func TestEndedByARefresh(t *testing.T) {
	for _, c := range []struct {
		name    string
		kind    Kind
		from    Status
		to      Status
		desired string
		noted   bool
	}{
		{"a sync is rejected", Sync, AwaitingApproval, Discarded, "c2", true},
		{"a refresh is rejected", Refresh, AwaitingApproval, Discarded, "c2", false},
		{"a refresh is rejected where all is applied", Refresh, AwaitingApproval, Discarded, "c1", false},
		{"a refresh is applied", Refresh, Applying, Applied, "c1", true},
		{"a refresh is applied while a commit is not", Refresh, Applying, Applied, "c2", false},
	} {
		d := Tx{Run: Run{ID: "r2", Kind: c.kind, Status: c.from}, Record: workspace.Record{Desired: c.desired,
			Applied: "c1", Ended: "run r1 is applied", EndedRun: "r1"}, Now: t0}
		if err := d.Move(c.to, "", ""); err != nil {
			t.Fatal(err)
		}
		if noted := d.Record.Ended != "run r1 is applied"; noted != c.noted {
			t.Errorf("%s: what ended last is %q", c.name, d.Record.Ended)
		}
		if want := map[bool]string{true: "r2", false: "r1"}[c.noted]; d.Record.EndedRun != want {
			t.Errorf("%s: what ended last is run %s, want %s", c.name, d.Record.EndedRun, want)
		}
	}
}

// The last run that changed the world is kept, however many refreshes came after.
func TestRefreshesAreExpendable(t *testing.T) {
	old := t0.AddDate(0, 0, -10)
	runs := []Run{
		{ID: "r4", Kind: Refresh, Status: Applied, FinishedAt: old}, {ID: "r3", Kind: Refresh, Status: Applied,
			FinishedAt: old},
		{ID: "r2", Kind: Sync, Status: Applied, FinishedAt: old},
		{ID: "r1", Kind: Sync, Status: Applied, FinishedAt: old},
	}
	if got, want := (Retention{Runs: 0, Days: 1}).Expendable(runs, t0), []string{"r4", "r3", "r1"}; !slices.Equal(got,
		want) {
		t.Errorf("expendable are %q, want %q", got, want)
	}
}
