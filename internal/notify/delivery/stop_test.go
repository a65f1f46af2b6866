package delivery

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/notify/notifytest"
	"github.com/tfops/tfops/internal/run"
)

// TestStopLetsADeliveryFinish: the notifier is told to stop while a target has
// the message and has not answered yet. What it answers is stored, nothing else
// is begun, and the next notifier sends what is left once.
func TestStopLetsADeliveryFinish(t *testing.T) {
	for name, c := range map[string]struct {
		scheme   string
		code     int
		attempts int // of the first delivery afterwards; -1: it is not in the outbox any more
	}{
		"webhook takes it":    {"", 200, -1},
		"webhook refuses it":  {"", 500, 1},
		"a chat takes it":     {"generic+", 200, -1},
		"a chat refuses it":   {"generic+", 500, 1},
		"webhook is too slow": {"", 0, 0},
		"a chat is too slow":  {"generic+", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			g := newRig(t, notify.Target{Name: "ops", URL: c.scheme + r.URL})
			release := make(chan struct{})
			t.Cleanup(func() { // before the receiver is closed, which waits for its requests
				if c.code == 0 {
					close(release)
				}
			})
			r.next(1, func(w http.ResponseWriter, _ *http.Request) {
				<-release
				w.WriteHeader(max(c.code, 200))
			})
			if c.code == 0 {
				g.options.Grace = time.Millisecond
			}
			g.tell(notifytest.Notice("first", "ops"), notifytest.Notice("second", "ops"))

			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); New(g.store, g.options).Run(ctx) }()
			receive(t, r.posts, "the first message")
			stop()
			if c.code != 0 {
				close(release)
			}
			receive(t, ended, "the end of the notifier")

			left := g.waiting()
			var titles []string
			for _, d := range left {
				titles = append(titles, d.Notice.Title)
				if d.Notice.Title == "first" && d.Attempts != c.attempts {
					t.Errorf("%d attempts of the first are stored, want %d", d.Attempts, c.attempts)
				}
			}
			want := "first second"
			if c.attempts < 0 {
				want = "second"
			}
			if got := strings.Join(titles, " "); got != want {
				t.Fatalf("the outbox has %q, want %q", got, want)
			}
			if len(r.posts) != 0 {
				t.Errorf("%d messages were begun after the stop", len(r.posts))
			}
			sentOnce(t, g, r, left)
		})
	}
}

// sentOnce has another notifier deliver what is left, each once.
func sentOnce(t *testing.T, g *rig, r *receiver, left []run.Delivery) {
	t.Helper()
	for len(g.outcomes) > 0 { // of the attempt before the stop
		<-g.outcomes
	}
	g.clock.pass(3 * time.Hour)
	g.start(g.store)
	for range left {
		if o := g.outcome(); o.Err != nil {
			t.Errorf("%s: %v", o.Delivery.Notice.Title, o.Err)
		}
		receive(t, r.posts, "a message that was left")
	}
	if n := len(g.waiting()); n != 0 {
		t.Errorf("%d deliveries are left", n)
	}
	if n := len(r.posts); n != 0 {
		t.Errorf("%d messages came twice", n)
	}
}
