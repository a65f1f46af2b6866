package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// Outbox is what the notifier asks of a store, and those who look at what did
// not arrive.
type Outbox interface {
	Tell(context.Context, ...run.Notice) (ids []string, err error)
	MakeDue(ctx context.Context, target string) (int, error)
	Due(ctx context.Context, now time.Time, perTarget int) (due []run.Delivery, next time.Time, err error)
	Delivered(ctx context.Context, id string) error
	Failed(ctx context.Context, id, text string, nextAt time.Time, dead bool) (gone []run.Delivery, err error)
	Waiting(context.Context) ([]run.Delivery, error)
	Dead(context.Context) ([]run.Delivery, error)
	TellAsked(ctx context.Context, n run.Notice, by audit.Record) (ids []string, err error)
	Retry(ctx context.Context, id string, by audit.Record) error
	Drop(ctx context.Context, id string, by audit.Record) error
}

// outboxCases are the part of the suite that is about the outbox.
var outboxCases = []struct {
	name string
	test func(*testing.T, *bench)
}{
	{"NoticesComeWithTheirChange", noticesComeWithTheirChange},
	{"NoticesOfARefusedChangeAreNone", noticesOfARefusedChangeAreNone},
	{"NoticesAreInOrder", noticesAreInOrder},
	{"NoticesAlone", noticesAlone},
	{"ATargetThatIsBackIsSentTo", aTargetThatIsBackIsSentTo},
	{"NoticesOfAClaim", noticesOfAClaim},
	{"EachTargetHasItsShare", eachTargetHasItsShare},
	{"AFailedDeliveryComesAgain", aFailedDeliveryComesAgain},
	{"ADeliveredOneIsGone", aDeliveredOneIsGone},
	{"DeadLettersCanBeSentAgain", deadLettersCanBeSentAgain},
	{"DeadLettersAreBounded", deadLettersAreBounded},
	{"DeadLettersGrowOld", deadLettersGrowOld},
	{"UnknownDeliveries", unknownDeliveries},
}

// notice is one as the engine makes it.
func notice(title string, targets ...string) run.Notice {
	return run.Notice{Kind: run.NoticeApplied, Workspace: "net", Repository: "infra", Title: title,
		Text:    "a text\nof \"two\" <lines> & \u00fc",
		Command: "tfops show", Severity: "high", Labels: map[string]string{"team": "network"},
		Report: &run.ReportRef{ID: "r1", Formats: []string{"html", "csv"}}, Targets: targets}
}

// tell puts notices into the outbox.
func (b *bench) tell(notices ...run.Notice) {
	b.t.Helper()
	if _, _, err := b.Enqueue(b.t.Context(), run.Batch{Notices: notices}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) due(at time.Time, perTarget int) ([]run.Delivery, time.Time) {
	b.t.Helper()
	due, next, err := b.Due(b.t.Context(), at, perTarget)
	if err != nil {
		b.t.Fatal(err)
	}
	return due, next
}

func (b *bench) failed(id string, nextAt time.Time, dead bool) []run.Delivery {
	b.t.Helper()
	gone, err := b.Failed(b.t.Context(), id, "it failed", nextAt, dead)
	if err != nil {
		b.t.Fatal(err)
	}
	return gone
}

func (b *bench) deadLetters() []run.Delivery {
	b.t.Helper()
	dead, err := b.Dead(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return dead
}

// titles are what the deliveries say, and to whom.
func titles(all []run.Delivery) string {
	var out []string
	for _, d := range all {
		out = append(out, d.Notice.Title+">"+d.Target)
	}
	return strings.Join(out, " ")
}

func noticesComeWithTheirChange(t *testing.T, b *bench) {
	r := b.one("net", run.Sync)
	b.change(r.ID, func(d *run.Tx) error {
		d.Notices = append(d.Notices, notice("changed", "ops", "mail"), notice("for nobody"))
		return nil
	})
	if err := b.ChangeWorkspace(t.Context(), "net", func(h *run.WorkspaceTx) error {
		h.Notices = append(h.Notices, notice("held", "ops"))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.tell(notice("enqueued", "ops", "ops"))
	due, next := b.due(b.now(), 0)
	if got := titles(due); got != "changed>mail changed>ops held>ops enqueued>ops" || !next.IsZero() {
		t.Fatalf("due: %s, next %v", got, next)
	}
	want := notice("changed")
	want.ID, want.At = due[0].Notice.ID, b.now()
	if want.ID == "" || due[1].Notice.ID != want.ID {
		t.Errorf("one notice has the ids %q and %q", want.ID, due[1].Notice.ID)
	}
	same(t, "a delivery", due[1], run.Delivery{ID: run.DeliveryID(want.ID, "ops"), Target: "ops", Notice: want,
		NextAt: b.now()})
	waiting, err := b.Waiting(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "what waits", waiting, due)
}

func noticesOfARefusedChangeAreNone(t *testing.T, b *bench) {
	r := b.one("net", run.Sync)
	_, err := b.Change(t.Context(), r.ID, func(d *run.Tx) error {
		d.Notices = append(d.Notices, notice("lost", "ops"))
		return errRefused
	})
	if !errors.Is(err, errRefused) {
		t.Fatal(err)
	}
	if due, _ := b.due(b.now(), 0); len(due) != 0 {
		t.Errorf("due: %s", titles(due))
	}
}

// noticesAreInOrder: whatever the clock does, and when the outbox was empty in
// between.
func noticesAreInOrder(t *testing.T, b *bench) {
	last := ""
	for i := range 30 {
		b.pass(time.Duration(i%3-1) * time.Hour)
		b.tell(notice("a", "ops"), notice("b", "ops"))
		due, _ := b.due(b.now(), 0)
		if len(due) != 2 || due[0].Notice.Title != "a" {
			t.Fatalf("due: %s", titles(due))
		}
		for _, d := range due {
			if d.ID <= last {
				t.Fatalf("%s comes after %s", d.ID, last)
			}
			last = d.ID
			if err := b.Delivered(t.Context(), d.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// noticesAlone come with no other change.
func noticesAlone(t *testing.T, b *bench) {
	before := b.all()
	got, err := b.Tell(t.Context(), notice("a", "ops", "mail"), notice("for nobody"), notice("b", "ops"))
	if err != nil {
		t.Fatal(err)
	}
	due, _ := b.due(b.now(), 0)
	if len(due) != 3 {
		t.Fatalf("due: %s", titles(due))
	}
	same(t, "the ids", got, []string{due[1].ID, due[0].ID, due[2].ID}) // mail sorts before ops
	same(t, "the rest", b.all(), before)
}

// noticesOfAClaim come with the step that begins a run's work.
func noticesOfAClaim(t *testing.T, b *bench) {
	r := b.one("net", run.Sync)
	if _, _, err := b.Claim(t.Context(), func(run.Queue) (string, func(*run.Tx) error) {
		return r.ID, func(d *run.Tx) error {
			d.Tell(notice("claimed", "ops"))
			return d.Move(run.Planning, "", "")
		}
	}); err != nil {
		t.Fatal(err)
	}
	if due, _ := b.due(b.now(), 0); titles(due) != "claimed>ops" || due[0].Notice.Run != r.ID ||
		due[0].Notice.Workspace != "net" {
		t.Errorf("due: %+v", due)
	}
}

// aTargetThatIsBackIsSentTo: what failed before is due again, in order, and
// nothing else changes.
func aTargetThatIsBackIsSentTo(t *testing.T, b *bench) {
	b.tell(notice("a", "ops", "mail"), notice("b", "ops"), notice("c", "ops"))
	due, _ := b.due(b.now(), 0)
	for _, d := range due[:3] { // all but c
		b.failed(d.ID, b.now().Add(time.Hour), false)
	}
	if n, err := b.MakeDue(t.Context(), "ops"); n != 2 || err != nil {
		t.Errorf("%d are due, %v", n, err)
	}
	again, next := b.due(b.now(), 0)
	if titles(again) != "a>ops b>ops c>ops" || !next.Equal(b.now().Add(time.Hour)) {
		t.Fatalf("due: %s, next %v", titles(again), next)
	}
	want := due[1]
	want.Attempts, want.LastError, want.NextAt = 1, "it failed", b.now()
	same(t, "what is due", again[0], want)
	if n, err := b.MakeDue(t.Context(), "nobody"); n != 0 || err != nil {
		t.Errorf("%d are due, %v", n, err)
	}
}

// eachTargetHasItsShare: many for one do not hide those of another.
func eachTargetHasItsShare(t *testing.T, b *bench) {
	for i := range 9 {
		b.tell(notice(fmt.Sprint(i), "busy"))
	}
	b.tell(notice("x", "calm"))
	if due, _ := b.due(b.now(), 2); titles(due) != "0>busy 1>busy x>calm" {
		t.Errorf("due: %s", titles(due))
	}
	if due, _ := b.due(b.now(), 0); len(due) != 10 {
		t.Errorf("%d are due", len(due))
	}
}

func aFailedDeliveryComesAgain(t *testing.T, b *bench) {
	b.tell(notice("a", "ops"), notice("b", "ops"))
	due, _ := b.due(b.now(), 0)
	b.failed(due[0].ID, b.now().Add(time.Minute), false)
	b.failed(due[1].ID, b.now().Add(time.Hour), false)
	if due, next := b.due(b.now().Add(time.Minute-1), 0); len(due) != 0 || !next.Equal(b.now().Add(time.Minute)) {
		t.Errorf("due: %s, next %v", titles(due), next)
	}
	again, next := b.due(b.now().Add(time.Minute), 0)
	if len(again) != 1 || !next.Equal(b.now().Add(time.Hour)) {
		t.Fatalf("due: %s, next %v", titles(again), next)
	}
	want := due[0]
	want.Attempts, want.LastError, want.NextAt = 1, "it failed", b.now().Add(time.Minute)
	same(t, "after one attempt", again[0], want)
	b.failed(again[0].ID, b.now(), false)
	if due, _ := b.due(b.now(), 0); len(due) != 1 || due[0].Attempts != 2 || due[0].ID != want.ID {
		t.Errorf("after two attempts: %+v", due)
	}
}

func aDeliveredOneIsGone(t *testing.T, b *bench) {
	b.tell(notice("a", "ops", "mail"))
	due, _ := b.due(b.now(), 0)
	for range 2 { // the second time it is not there any more
		if err := b.Delivered(t.Context(), due[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := b.due(b.now(), 0); titles(got) != "a>ops" {
		t.Errorf("due: %s", titles(got))
	}
	if gone := b.failed(due[0].ID, b.now(), true); len(gone) != 0 {
		t.Errorf("gone: %s", titles(gone))
	}
	if dead := b.deadLetters(); len(dead) != 0 {
		t.Errorf("one that had arrived died: %s", titles(dead))
	}
}

func deadLettersCanBeSentAgain(t *testing.T, b *bench) {
	b.tell(notice("a", "ops"), notice("b", "ops"))
	due, _ := b.due(b.now(), 0)
	for _, d := range due {
		if gone := b.failed(d.ID, b.now(), true); len(gone) != 0 {
			t.Errorf("gone: %s", titles(gone))
		}
	}
	dead := b.deadLetters()
	if len(dead) != 2 {
		t.Fatalf("dead: %s", titles(dead))
	}
	want := due[0]
	want.Attempts, want.LastError, want.Dead, want.DeadAt = 1, "it failed", true, b.now()
	same(t, "a dead letter", dead[0], want)
	if left, next := b.due(b.now().Add(time.Hour), 0); len(left) != 0 || !next.IsZero() {
		t.Errorf("a dead letter is due: %s, %v", titles(left), next)
	}
	b.pass(time.Hour)
	if err := b.Retry(t.Context(), dead[0].ID, by("retry")); err != nil {
		t.Fatal(err)
	}
	want.Attempts, want.Dead, want.DeadAt, want.NextAt = 0, false, time.Time{}, b.now()
	if due, _ := b.due(b.now(), 0); len(due) != 1 {
		t.Errorf("due: %s", titles(due))
	} else {
		same(t, "sent again", due[0], want)
	}
	if err := b.Drop(t.Context(), dead[1].ID, by("drop")); err != nil {
		t.Fatal(err)
	}
	if dead := b.deadLetters(); len(dead) != 0 {
		t.Errorf("dead: %s", titles(dead))
	}
	b.failed(want.ID, b.now().Add(time.Hour), false)
	if err := b.Retry(t.Context(), want.ID, by("retry")); err != nil { // one that waits
		t.Fatal(err)
	}
	if due, _ := b.due(b.now(), 0); len(due) != 1 || due[0].Attempts != 0 {
		t.Errorf("due: %+v", due)
	}
	if err := b.Drop(t.Context(), want.ID, by("drop")); err != nil {
		t.Fatal(err)
	}
	if due, _ := b.due(b.now(), 0); len(due) != 0 {
		t.Errorf("due: %s", titles(due))
	}
	ids, err := b.TellAsked(t.Context(), notice("asked for", "ops"), by("test"))
	if due, _ := b.due(b.now(), 0); err != nil || len(due) != 1 || len(ids) != 1 || due[0].ID != ids[0] {
		t.Errorf("%v: %q asked for, due: %s", err, ids, titles(due))
	}
	if got := b.recorded(); got != "ana test, ana drop, ana retry, ana drop, ana retry" {
		t.Errorf("recorded %q", got)
	}
}

// recorded are the actors and actions of the audit log, newest first.
func (b *bench) recorded() string {
	b.t.Helper()
	var done []string
	for _, a := range b.audits() {
		done = append(done, a.Actor+" "+a.Action)
		if a.At.IsZero() {
			b.t.Errorf("%s is recorded without a time", a.Action)
		}
	}
	return strings.Join(done, ", ")
}

// by is what is recorded of an action of ana's.
func by(action string) audit.Record { return audit.Record{Actor: "ana", Via: "socket", Action: action} }

// deadLettersAreBounded: the oldest of too many go, and are named.
func deadLettersAreBounded(t *testing.T, b *bench) {
	const most = 1000
	var all []run.Notice
	for i := range most + 3 {
		all = append(all, notice(fmt.Sprint(i), "ops"))
	}
	b.tell(all...)
	due, _ := b.due(b.now(), 0)
	gone := ""
	for _, d := range due {
		gone += titles(b.failed(d.ID, b.now(), true)) + " "
	}
	if got := strings.TrimSpace(gone); got != "0>ops 1>ops 2>ops" {
		t.Errorf("gone: %s", got)
	}
	if dead := b.deadLetters(); len(dead) != most || dead[0].Notice.Title != "3" {
		t.Errorf("%d are left", len(dead))
	}
}

func deadLettersGrowOld(t *testing.T, b *bench) {
	b.tell(notice("old", "ops"), notice("new", "ops"))
	due, _ := b.due(b.now(), 0)
	b.failed(due[0].ID, b.now(), true)
	b.pass(30*24*time.Hour + time.Second)
	if gone := titles(b.failed(due[1].ID, b.now(), true)); gone != "old>ops" {
		t.Errorf("gone: %q", gone)
	}
	if got := titles(b.deadLetters()); got != "new>ops" {
		t.Errorf("left: %s", got)
	}
}

func unknownDeliveries(t *testing.T, b *bench) {
	for what, err := range map[string]error{"retry": b.Retry(t.Context(), "none", by("retry")),
		"drop": b.Drop(t.Context(), "none", by("drop"))} {
		if !fault.Is(err, fault.NotFound) || fault.Next(err) == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if audits := b.audits(); len(audits) != 0 {
		t.Errorf("recorded what was not done: %+v", audits)
	}
}
