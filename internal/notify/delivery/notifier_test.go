package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/notify/notifytest"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store"
	"github.com/tfops/tfops/internal/testrig"
)

// TestCrashAfterSending: the target has the message, and the crash comes before
// the outbox knows. The next notifier sends it again, under the same id.
func TestCrashAfterSending(t *testing.T) {
	r, door, office := newReceiver(t), shutGate(t), newOffice("")
	openOffice(t, door, office, "plain")
	targets := []notify.Target{{Name: "hook", URL: r.URL},
		{Name: "mail", URL: "smtp://" + door.addr + "/?from=tfops@example.com&to=ops@example.com&tls=never"}}
	g := newRig(t)
	g.options.Targets = func() []notify.Target { return targets }
	path := filepath.Join(t.TempDir(), "tfops.db")
	s, err := store.Open(path, store.Options{Now: g.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Enqueue(t.Context(), run.Batch{Notices: []run.Notice{notifytest.Notice("first", "hook",
		"mail")}}); err != nil {
		t.Fatal(err)
	}
	g.start(&flawed{Store: s, fails: "delivered"}) // as if it were killed there
	posts, letters := []post{receive(t, r.posts, "a message")}, []letter{receive(t, office.letters, "a mail")}
	for range 2 {
		if o := g.outcome(); !errors.Is(o.Err, errDisk) {
			t.Errorf("outcome: %+v", o)
		}
	}
	g.stop()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	if s, err = store.Open(path, store.Options{Now: g.clock.now}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g.start(s)
	posts, letters = append(posts, receive(t, r.posts, "its repetition")),
		append(letters, receive(t, office.letters, "its repetition"))
	for range 2 {
		if o := g.outcome(); o.Err != nil {
			t.Errorf("outcome: %+v", o)
		}
	}
	g.stop()
	if a, b := posts[0].header.Get("Tfops-Delivery"), posts[1].header.Get("Tfops-Delivery"); a == "" || a != b ||
		!bytes.Equal(posts[0].body, posts[1].body) {
		t.Errorf("sent as %q and as %q", a, b)
	}
	if a, b := messageID(letters[0]), messageID(letters[1]); a == "" || a != b {
		t.Errorf("mailed as %q and as %q", a, b)
	}
	if left, err := s.Waiting(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("waiting: %v, %v", left, err)
	}
}

func messageID(l letter) string {
	_, rest, _ := strings.Cut(string(l.data), "Message-ID: ")
	id, _, _ := strings.Cut(rest, "\r\n")
	return id
}

// TestOutboxFails: while the store cannot be written nothing is sent twice, and
// all goes on afterwards.
func TestOutboxFails(t *testing.T) {
	r := newReceiver(t)
	g := newRig(t, notify.Target{Name: "ops", URL: r.URL})
	f := &flawed{Store: g.store, fails: "delivered"}
	g.tell(notifytest.Notice("first", "ops"))
	g.start(f)
	for range 3 {
		if o := g.outcome(); !errors.Is(o.Err, errDisk) || o.Delivery.ID == "" {
			t.Fatalf("outcome: %+v", o)
		}
		g.later()
	}
	f.set("due")
	g.later()
	for {
		if o := g.outcome(); o.Delivery.ID == "" && errors.Is(o.Err, errDisk) {
			break
		}
		g.later()
	}
	f.set("")
	for {
		g.later()
		if o := g.outcome(); o.Err == nil {
			break
		}
	}
	if len(r.posts) != 1 {
		t.Errorf("sent %d times", len(r.posts))
	}
	receive(t, r.posts, "a message")

	f.set("failed")
	r.next(1, status(500))
	g.tell(notifytest.Notice("second", "ops"))
	if o := g.outcome(); !errors.Is(o.Err, errDisk) {
		t.Errorf("outcome: %+v", o)
	}
	f.set("")
	g.later()
	if o := g.outcome(); o.Err != nil {
		t.Errorf("outcome: %+v", o)
	}
}

// TestRestBeginsWithTheFailure: a target rests from when it failed, and not from
// when who was told of that is done with it.
func TestRestBeginsWithTheFailure(t *testing.T) {
	r := newReceiver(t)
	g := newRig(t, notify.Target{Name: "ops", URL: r.URL})
	f := &flawed{Store: g.store, fails: "failed"}
	g.options.Tell = func(o Outcome) {
		if errors.Is(o.Err, errDisk) {
			f.set("")
			g.clock.pass(3 * time.Hour)
		}
		g.outcomes <- o
	}
	r.next(1, status(500))
	g.tell(notifytest.Notice("first", "ops"))
	g.start(f)
	if o := g.outcome(); !errors.Is(o.Err, errDisk) {
		t.Fatalf("outcome: %+v", o)
	}
	if o := g.outcome(); o.Err != nil {
		t.Errorf("outcome: %+v", o)
	}
}

// TestSlowTargetHoldsNobodyUp: neither another target, nor the end for longer than the grace.
func TestSlowTargetHoldsNobodyUp(t *testing.T) {
	slow, calm := newReceiver(t), newReceiver(t)
	free, entered := make(chan struct{}), make(chan struct{}, 10)
	t.Cleanup(func() { close(free) })
	slow.next(1, func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-free })
	mute := shutGate(t)
	mute.open(t, func(ln net.Listener) {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(io.Discard, c); c.Close() }()
		}
	})
	g := newRig(t, notify.Target{Name: "slow", URL: slow.URL}, notify.Target{Name: "calm", URL: calm.URL},
		notify.Target{Name: "mail", URL: "smtp://" + mute.addr + "/?from=a@b&to=c@d&tls=never"},
		notify.Target{Name: "chat", URL: "generic://" + mute.addr + "/x?disabletls=yes"})
	g.options.Timeout, g.options.Grace = time.Hour, 100*time.Millisecond
	for i := range 200 {
		g.tell(notifytest.Notice(fmt.Sprint(i), "slow", "calm", "mail", "chat"))
	}
	g.start(g.store)
	receive(t, entered, "the slow one")
	for i := range 200 {
		if o := g.outcome(); o.Err != nil || o.Delivery.Target != "calm" || o.Delivery.Notice.Title != fmt.Sprint(i) {
			t.Fatalf("outcome %d: %+v", i, o)
		}
	}
	begun := time.Now()
	g.stop()
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	left := g.waiting()
	for _, d := range left {
		if d.Attempts != 0 {
			t.Errorf("being stopped counted as a failure: %+v", d)
		}
	}
	if len(left) != 600 {
		t.Errorf("%d are left", len(left))
	}
}

// TestRemovedTarget: what waits for a target that is gone from the
// configuration becomes a dead letter, and can be sent once it is back.
func TestRemovedTarget(t *testing.T) {
	r := newReceiver(t)
	var mu sync.Mutex
	var targets []notify.Target
	g := newRig(t)
	g.options.Targets = func() []notify.Target { mu.Lock(); defer mu.Unlock(); return targets }
	g.tell(notifytest.Notice("first", "ops"))
	g.start(g.store)
	if o := g.outcome(); !o.Dead || !strings.Contains(o.Err.Error(), `there is no notify block "ops"`) {
		t.Fatalf("outcome: %+v", o)
	}
	mu.Lock()
	targets = []notify.Target{{Name: "ops", URL: r.URL}}
	mu.Unlock()
	if err := g.store.Retry(t.Context(), g.dead()[0].ID, audit.Record{Action: "retry"}); err != nil {
		t.Fatal(err)
	}
	g.notifier.Wake()
	if o := g.outcome(); o.Err != nil {
		t.Errorf("outcome: %+v", o)
	}
}

// TestCorrectedTarget: a target whose URL was corrected is not left alone for
// the failures of the old one.
func TestCorrectedTarget(t *testing.T) {
	r := newReceiver(t)
	var mu sync.Mutex
	target := notify.Target{Name: "ops", URL: "http://" + shutGate(t).addr}
	g := newRig(t)
	g.options.Targets = func() []notify.Target { mu.Lock(); defer mu.Unlock(); return []notify.Target{target} }
	g.tell(notifytest.Notice("first", "ops"))
	g.start(g.store)
	if o := g.outcome(); o.Err == nil {
		t.Fatalf("outcome: %+v", o)
	}
	mu.Lock()
	target.URL = r.URL
	mu.Unlock()
	g.tell(notifytest.Notice("second", "ops")) // and no time passes
	if o := g.outcome(); o.Err != nil || o.Delivery.Notice.Title != "second" {
		t.Errorf("outcome: %+v", o)
	}
}

// TestTargetThatIsBack: once it took something, what it refused before goes out
// at once.
func TestTargetThatIsBack(t *testing.T) {
	r := newReceiver(t)
	r.next(6, status(500))
	g := newRig(t, notify.Target{Name: "ops", URL: r.URL})
	g.tell(notifytest.Notice("first", "ops"))
	g.start(g.store)
	for i := range 6 {
		if o := g.outcome(); o.Err == nil {
			t.Fatalf("attempt %d: %+v", i, o)
		}
		if i < 5 {
			g.later()
		}
	}
	if wait := g.waiting()[0].NextAt.Sub(g.clock.now()); wait < 2*maxRest {
		t.Fatalf("the first waits %v only", wait)
	}
	g.clock.pass(maxRest)
	g.tell(notifytest.Notice("second", "ops"))
	for _, want := range []string{"second", "first"} { // and no time passes
		if o := g.outcome(); o.Err != nil || o.Delivery.Notice.Title != want {
			t.Errorf("outcome: %+v, want %s", o, want)
		}
	}
}

// TestHurry: what somebody asks for does not wait until a target that failed
// has been left alone long enough.
func TestHurry(t *testing.T) {
	r := newReceiver(t)
	r.next(2, status(500))
	g := newRig(t, notify.Target{Name: "ops", URL: r.URL})
	g.tell(notifytest.Notice("first", "ops"))
	g.start(g.store)
	if o := g.outcome(); o.Err == nil {
		t.Fatalf("outcome: %+v", o)
	}
	g.tell(notifytest.Notice("second", "ops")) // which waits: no time passes
	g.notifier.Hurry("other")
	g.notifier.Hurry("ops")
	if o := g.outcome(); o.Err == nil || o.Delivery.Notice.Title != "second" {
		t.Fatalf("outcome: %+v", o)
	}
	if err := g.store.Retry(t.Context(), g.waiting()[0].ID, audit.Record{Action: "retry"}); err != nil {
		t.Fatal(err)
	}
	g.notifier.Hurry("ops")
	for _, want := range []string{"first", "second"} { // the first that is taken frees the other
		if o := g.outcome(); o.Err != nil || o.Delivery.Notice.Title != want {
			t.Fatalf("outcome: %+v, want %s", o, want)
		}
	}
}

// TestManyForATargetThatIsDown: they do not pile up for ever, each
// is a dead letter that says why, and the target is not flooded with attempts.
func TestManyForATargetThatIsDown(t *testing.T) {
	if !testrig.Long(t, "many messages for a target that is down") {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(filepath.Join(t.TempDir(), "tfops.db"), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		many := make([]run.Notice, 300)
		for i := range many {
			many[i] = notifytest.Notice(fmt.Sprint(i), "ops")
		}
		if _, err := s.Tell(t.Context(), many...); err != nil {
			t.Fatal(err)
		}
		attempts := make(chan struct{}, 100_000)
		n := New(s, Options{Targets: func() []notify.Target {
			return []notify.Target{{Name: "ops", URL: "http://receiver"}}
		}, Poll: time.Minute,
			HTTP: &http.Client{Transport: wire(func(*http.Request) (*http.Response, error) {
				attempts <- struct{}{}
				return nil, errors.New("no route to host")
			})}})
		ctx, cancel := context.WithTimeout(t.Context(), 32*time.Hour)
		defer cancel()
		n.Run(ctx)
		if left, err := s.Waiting(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("%d are left, %v", len(left), err)
		}
		dead, err := s.Dead(t.Context())
		if err != nil || len(dead) != 300 {
			t.Fatalf("%d are dead, %v", len(dead), err)
		}
		for _, d := range dead {
			if d.LastError == "" || d.DeadAt.Sub(d.Notice.At) < 15*time.Hour {
				t.Errorf("given up after %v: %q", d.DeadAt.Sub(d.Notice.At), d.LastError)
			}
		}
		if len(attempts) > 32*13 {
			t.Errorf("tried %d times", len(attempts))
		}
	})
}

// wire is a network without time of its own, for tests in simulated time.
type wire func(*http.Request) (*http.Response, error)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

// TestOutage simulates a target that is down for a given time while a notice
// comes every ten minutes: when they arrive, in which order, and what is given up.
func TestOutage(t *testing.T) {
	for _, c := range []struct {
		down      time.Duration
		arrivedBy time.Duration // after it is back
		dead      bool
	}{{10 * time.Second, 75 * time.Second, false}, {time.Hour, 10 * time.Minute, false},
		{8 * time.Hour, 10 * time.Minute, false}, {40 * time.Hour, 10 * time.Minute, true}} {
		t.Run(c.down.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { outage(t, c.down, c.arrivedBy, c.dead) })
		})
	}
}

func outage(t *testing.T, downFor, arrivedBy time.Duration, dead bool) {
	s, err := store.Open(filepath.Join(t.TempDir(), "tfops.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	began := time.Now()
	back := began.Add(downFor)
	attempts := make(chan time.Time, 100_000)
	outcomes := make(chan Outcome, 100_000)
	n := New(s, Options{Targets: func() []notify.Target {
		return []notify.Target{{Name: "ops", URL: "http://receiver"}}
	}, Tell: func(o Outcome) { outcomes <- o }, Poll: time.Minute,
		HTTP: &http.Client{Transport: wire(func(*http.Request) (*http.Response, error) {
			attempts <- time.Now()
			if time.Now().Before(back) {
				return nil, errors.New("no route to host")
			}
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		})}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); n.Run(ctx) }()
	told := 0
	tick := time.NewTicker(10 * time.Minute)
	for ; time.Now().Before(back.Add(arrivedBy)); <-tick.C {
		if time.Now().Before(back) {
			if _, _, err := s.Enqueue(t.Context(),
				run.Batch{Notices: []run.Notice{notifytest.Notice(fmt.Sprint(told), "ops")}}); err != nil {
				t.Fatal(err)
			}
			told++
			n.Wake()
		}
	}
	tick.Stop()
	cancel()
	<-ended
	close(attempts)
	close(outcomes)
	judge(t, story{began, back, told, dead}, attempts, outcomes)
	if left, err := s.Waiting(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("%d of %d are left, %v", len(left), told, err)
	}
}

type story struct {
	began, back time.Time
	told        int
	dead        bool
}

func judge(t *testing.T, s story, attempts <-chan time.Time, outcomes <-chan Outcome) {
	t.Helper()
	last, tries := time.Time{}, 0
	for at := range attempts {
		if at.Before(s.back) {
			if tries++; !last.IsZero() && at.Sub(last) < firstBackoff {
				t.Errorf("a target that is down was tried after %v", at.Sub(last))
			}
			last = at
		}
	}
	if most := int(s.back.Sub(s.began)/maxRest) + 10; tries > most {
		t.Errorf("a target that is down was tried %d times, more than %d", tries, most)
	}
	arrived, dead := map[string]bool{}, 0
	for o := range outcomes {
		switch {
		case o.Err == nil && arrived[o.Delivery.ID]:
			t.Errorf("%s arrived twice", o.Delivery.ID)
		case o.Err == nil:
			arrived[o.Delivery.ID] = true
		case o.Dead:
			dead++
			if age := time.Since(o.Delivery.Notice.At); age < maxAge && (o.Delivery.Attempts+1 < maxAttempts ||
				age < 15*time.Hour) {
				t.Errorf("given up after %d attempts and %v", o.Delivery.Attempts+1, age)
			}
		}
	}
	if len(arrived)+dead != s.told || (dead > 0) != s.dead {
		t.Errorf("of %d arrived %d and %d were given up", s.told, len(arrived), dead)
	}
}

// TestBackoff: how long a delivery is tried altogether.
func TestBackoff(t *testing.T) {
	var least, most time.Duration
	for failures := 1; failures < maxAttempts; failures++ {
		want := min(time.Minute<<(failures-1), maxBackoff)
		var got []time.Duration
		for range 200 {
			got = append(got, backoff(failures))
		}
		low, high := slices.Min(got), slices.Max(got)
		if low < want*4/5 || high > want*6/5 || low == high {
			t.Errorf("after %d failures between %v and %v", failures, low, high)
		}
		least, most = least+low, most+high
	}
	if least < 15*time.Hour || most > 26*time.Hour {
		t.Errorf("given up after %v to %v", least, most)
	}
	for _, c := range []struct {
		failures int
		age      time.Duration
		want     bool
	}{{1, 100 * time.Hour, false}, {2, 100 * time.Hour, false}, {3, 24 * time.Hour, true}, {3, 24*time.Hour - 1, false},
		{11, time.Hour, false}, {12, time.Hour, true}, {1000, 0, true}} {
		if got := hopeless(c.failures, c.age); got != c.want {
			t.Errorf("%d failures in %v: %v", c.failures, c.age, got)
		}
	}
	if doubled(1_000_000, maxBackoff) != maxBackoff || doubled(0, maxRest) != time.Minute {
		t.Error("the bounds do not hold")
	}
}

func TestTemplateFails(t *testing.T) {
	for name, text := range map[string]string{
		"index":   `{{if eq .Title "first"}}{{index .Report.Formats 7}}{{end}}`,
		"nil":     `{{if eq .Title "first"}}{{.Report.ID}}{{end}}`,
		"endless": `{{define "x"}}{{if eq .Title "first"}}xxxxxxxxxxxxxxxx{{template "x" .}}{{end}}{{end}}{{template "x" .}}`,
	} {
		own, err := notify.ParseTemplates(map[run.NoticeKind]notify.Template{run.NoticeApplied: {Text: text}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r := newReceiver(t)
		g := newRig(t, notify.Target{Name: "ops", URL: r.URL, Templates: own})
		g.tell(notifytest.Notice("first", "ops"))
		g.start(g.store)
		if o := g.outcome(); o.Err != nil || !strings.Contains(o.Note, "A template of ops failed") {
			t.Errorf("%s: %+v", name, o)
		}
		if p := receive(t, r.posts, "a message"); !strings.Contains(string(p.body), "Applied 3 changes.") ||
			!strings.Contains(string(p.body), "A template of ops failed") {
			t.Errorf("%s: %s", name, p.body)
		}
		g.stop()
	}
}
