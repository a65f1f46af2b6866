package delivery

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/notify/notifytest"
	"github.com/tfops/tfops/internal/run"
)

// verify is what a customer's receiver does.
func verify(secret string, p post, now time.Time) error {
	sent, err := strconv.ParseInt(p.header.Get("Tfops-Timestamp"), 10, 64)
	if err != nil || now.Sub(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return fmt.Errorf("sent at %d (%v)", sent, err)
	}
	version, sum, _ := strings.Cut(p.header.Get("Tfops-Signature"), "=")
	given, err := hex.DecodeString(sum)
	if version != "v1" || err != nil {
		return fmt.Errorf("a signature %s of %v", version, err)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(p.header.Get("Tfops-Timestamp") + "." + string(p.body)))
	if !hmac.Equal(given, mac.Sum(nil)) {
		return errors.New("the signature is of something else")
	}
	return nil
}

func TestWebhook(t *testing.T) {
	r := newReceiver(t)
	g := newRig(t, notify.Target{Name: "ops", URL: r.URL + "/hooks/tfops?x=1", Secret: "a secret"},
		notify.Target{Name: "open", URL: r.URL})
	g.options.Reports = func(_ context.Context, id, format string) ([]byte, error) {
		return []byte(`{"report": "` + id + "." + format + `"}`), nil
	}
	n := notifytest.Notice("network-prod was applied", "ops", "open")
	n.Severity, n.Report = "high", &run.ReportRef{ID: "r1", Formats: []string{"html", "json"}}
	g.tell(n)
	stored := g.waiting()
	g.start(g.store)
	seen := map[string]bool{}
	for range 2 {
		p := receive(t, r.posts, "a message")
		var b map[string]any
		if err := json.Unmarshal(p.body, &b); err != nil {
			t.Fatal(err)
		}
		target := b["target"].(string)
		seen[target] = true
		id := run.DeliveryID(stored[0].Notice.ID, target)
		want := map[string]any{"version": 1.0, "delivery": id, "target": target, "notice": stored[0].Notice.ID,
			"kind": "applied", "at": "2027-03-01T02:00:00Z",
			"severity": "high", "workspace": "network-prod", "repository": "infra", "run": "01zgwseg0v3j",
			"title": "network-prod was applied", "text": "Applied 3 changes.",
			"command": "tfops show 01zgwseg0v3j", "labels": map[string]any{"team": "network"},
			"report": map[string]any{"id": "r1", "formats": []any{"html", "json"},
				"document": map[string]any{"report": "r1.json"}}}
		if !reflect.DeepEqual(b, want) {
			t.Errorf("the body:\n got %v\nwant %v", b, want)
		}
		if p.header.Get("Tfops-Delivery") != id || p.header.Get("Content-Type") != "application/json" ||
			p.header.Get("Tfops-Timestamp") == "" {
			t.Errorf("headers: %v", p.header)
		}
		if target == "open" {
			if s := p.header.Get("Tfops-Signature"); s != "" {
				t.Errorf("signed without a secret: %s", s)
			}
			continue
		}
		if err := verify("a secret", p, g.clock.now()); err != nil {
			t.Error(err)
		}
		if err := verify("a secret", post{p.header, append(p.body, ' ')}, g.clock.now()); err == nil {
			t.Error("a body that was changed is signed")
		}
		if err := verify("another", p, g.clock.now()); err == nil {
			t.Error("signed with any secret")
		}
		p.header.Set("Tfops-Timestamp", strconv.FormatInt(g.clock.now().Unix()+1, 10))
		if err := verify("a secret", p, g.clock.now()); err == nil {
			t.Error("the time is not signed")
		}
	}
	for range 2 {
		if o := g.outcome(); o.Err != nil || o.Note != "" {
			t.Errorf("outcome: %+v", o)
		}
	}
	if len(seen) != 2 || len(g.waiting()) != 0 {
		t.Errorf("sent to %v; waiting %d", seen, len(g.waiting()))
	}
}

// TestEveryMessageArrives: whatever a receiver does, the messages arrive once it
// is well again, in order, and each under one id.
func TestEveryMessageArrives(t *testing.T) {
	for name, c := range map[string]struct {
		does http.HandlerFunc
		says string
	}{
		"500":        {status(500), "answered 500 Internal Server Error"},
		"401":        {status(401), "answered 401 Unauthorized"},
		"404":        {status(404), "answered 404 Not Found"},
		"too busy":   {status(429, "Retry-After", "3600"), "answered 429 Too Many Requests"},
		"elsewhere":  {status(302, "Location", "http://127.0.0.1:1/"), "points elsewhere"},
		"hangs up":   {raw(""), "did not answer: Post"},
		"closes":     {raw("HTTP/1.1 200 OK\r\nContent-"), "did not answer: Post"},
		"garbage":    {raw("\x00\x01\x02 not http \r\n\r\n"), "did not answer: Post"},
		"odd status": {raw("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"), "answered 999"},
		"huge header": {raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n"),
			"did not answer: Post"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			r.next(2, c.does)
			g := newRig(t, notify.Target{Name: "ops", URL: r.URL + "/hooks"})
			g.tell(notifytest.Notice("first", "ops"), notifytest.Notice("second", "ops"),
				notifytest.Notice("third", "ops"))
			ids := g.waiting()
			g.start(g.store)
			for i := range 2 {
				o := g.outcome()
				if o.Err == nil || !strings.Contains(o.Err.Error(), c.says) || o.Dead || o.Delivery.ID != ids[0].ID {
					t.Fatalf("attempt %d: %+v", i, o)
				}
				if got := g.waiting(); len(got) != 3 || got[0].Attempts != i+1 || got[1].Attempts != 0 ||
					!strings.Contains(got[0].LastError, c.says) {
					t.Errorf("after attempt %d: %+v", i, got)
				}
				g.later()
			}
			for i := range 3 {
				if o := g.outcome(); o.Err != nil || o.Delivery.ID != ids[i].ID {
					t.Errorf("outcome %d: %+v", i, o)
				}
			}
			for i, want := range []string{ids[0].ID, ids[0].ID, ids[0].ID, ids[1].ID, ids[2].ID} {
				if p := receive(t, r.posts, "a message"); p.header.Get("Tfops-Delivery") != want {
					t.Errorf("request %d is %s", i, p.header.Get("Tfops-Delivery"))
				}
			}
			if len(g.waiting())+len(g.dead()) != 0 || len(r.posts) != 0 {
				t.Errorf("waiting %v, dead %v, and %d more requests", g.waiting(), g.dead(), len(r.posts))
			}
		})
	}
}

func TestReceiverIsDown(t *testing.T) {
	door := shutGate(t)
	g := newRig(t, notify.Target{Name: "ops", URL: "http://" + door.addr})
	g.start(g.store)
	g.tell(notifytest.Notice("first", "ops"), notifytest.Notice("second", "ops"))
	if o := g.outcome(); o.Err == nil || !strings.Contains(o.Err.Error(), "did not answer") {
		t.Fatalf("outcome: %+v", o)
	}
	r := &receiver{posts: make(chan post, 10)}
	server := &http.Server{Handler: r}
	door.open(t, func(ln net.Listener) { server.Serve(ln) })
	t.Cleanup(func() { server.Close() })
	g.later()
	for i, want := range []string{"first", "second"} {
		if p := receive(t, r.posts, "a message"); !strings.Contains(string(p.body), want) {
			t.Errorf("message %d: %s", i, p.body)
		}
		if o := g.outcome(); o.Err != nil {
			t.Errorf("outcome: %+v", o)
		}
	}
}

func TestReceiverIsSlow(t *testing.T) {
	r := newReceiver(t)
	free := make(chan struct{})
	t.Cleanup(func() { close(free) })
	r.next(1, func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-free:
		case <-req.Context().Done():
		}
	})
	g := newRig(t, notify.Target{Name: "ops", URL: r.URL})
	g.options.Timeout = 100 * time.Millisecond
	g.tell(notifytest.Notice("first", "ops"))
	g.start(g.store)
	if o := g.outcome(); o.Err == nil || !strings.Contains(o.Err.Error(), "deadline exceeded") {
		t.Fatalf("outcome: %+v", o)
	}
	g.later()
	for {
		if o := g.outcome(); o.Err == nil {
			break
		}
		g.later()
	}
	first, second := receive(t, r.posts, "a message"), receive(t, r.posts, "its repetition")
	if id := first.header.Get("Tfops-Delivery"); id == "" || id != second.header.Get("Tfops-Delivery") {
		t.Errorf("sent as %q and as %q", id, second.header.Get("Tfops-Delivery"))
	}
}

func TestReceiverIsGone(t *testing.T) {
	r := newReceiver(t)
	r.next(1, status(410))
	g := newRig(t, notify.Target{Name: "ops", URL: r.URL})
	g.tell(notifytest.Notice("first", "ops"))
	g.start(g.store)
	if o := g.outcome(); !o.Dead || !strings.Contains(o.Err.Error(), "410 Gone") {
		t.Errorf("outcome: %+v", o)
	}
	dead := g.dead()
	if len(dead) != 1 || len(g.waiting()) != 0 || !strings.Contains(dead[0].LastError, "Remove the notify block") {
		t.Fatalf("dead: %+v", dead)
	}
	if err := g.store.Retry(t.Context(), dead[0].ID, audit.Record{Action: "retry"}); err != nil {
		t.Fatal(err)
	}
	g.later()
	if o := g.outcome(); o.Err != nil || o.Delivery.ID != dead[0].ID {
		t.Errorf("sent again: %+v", o)
	}
}

// TestOneMessageIsRefused: what a receiver has against one message does not
// hold up the others.
func TestOneMessageIsRefused(t *testing.T) {
	r := newReceiver(t)
	r.next(1, status(422))
	g := newRig(t, notify.Target{Name: "ops", URL: r.URL})
	g.tell(notifytest.Notice("odd", "ops"), notifytest.Notice("even", "ops"))
	g.start(g.store)
	if o := g.outcome(); o.Err == nil || o.Delivery.Notice.Title != "odd" {
		t.Errorf("outcome: %+v", o)
	}
	if o := g.outcome(); o.Err != nil || o.Delivery.Notice.Title != "even" {
		t.Errorf("outcome: %+v", o)
	}
}

func TestRetryAfter(t *testing.T) {
	c := newClock()
	n := New(nil, Options{Now: c.now})
	for in, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "-5": 0, "99999999": maxBackoff, "soon": 0, "1e9": 0,
		c.at.Add(time.Hour).Format(http.TimeFormat): time.Hour, c.at.Add(-time.Hour).Format(http.TimeFormat): 0,
		c.at.AddDate(1, 0, 0).Format(http.TimeFormat): maxBackoff,
	} {
		if got := n.retryAfter(in); got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}

func TestRetryAfterIsHeeded(t *testing.T) {
	for code, waits := range map[int]time.Duration{503: 2 * time.Hour, 429: 2 * time.Hour, 500: 2 * time.Minute} {
		r := newReceiver(t)
		r.next(1, status(code, "Retry-After", "7200"))
		g := newRig(t, notify.Target{Name: "ops", URL: r.URL})
		g.tell(notifytest.Notice("first", "ops"))
		g.start(g.store)
		o := g.outcome()
		if got := o.NextAt.Sub(g.clock.now()); o.Err == nil || got > waits || got < waits/4 {
			t.Errorf("%d: again after %v", code, got)
		}
		g.stop()
	}
}

// TestReportThatIsGone: the message arrives and says what is missing.
func TestReportThatIsGone(t *testing.T) {
	for what, reports := range map[string]func(context.Context, string, string) ([]byte, error){
		"it is not kept any more": func(context.Context, string, string) ([]byte, error) {
			return nil, errors.New("it is not kept any more")
		},
		"is no JSON": func(context.Context, string, string) ([]byte, error) { return []byte("{"), nil },
		"which is too many": func(context.Context, string, string) ([]byte,
			error) {
			return make([]byte, maxDocument+1), nil
		},
		"there are no reports here": nil,
	} {
		r := newReceiver(t)
		g := newRig(t, notify.Target{Name: "ops", URL: r.URL})
		g.options.Reports = reports
		n := notifytest.Notice("the night", "ops")
		n.Report = &run.ReportRef{ID: "r1", Formats: []string{"json"}}
		g.tell(n)
		g.start(g.store)
		if o := g.outcome(); o.Err != nil || !strings.Contains(o.Note, what) {
			t.Errorf("%s: %+v", what, o)
		}
		if p := receive(t, r.posts, "a message"); !strings.Contains(string(p.body), what) ||
			strings.Contains(string(p.body), "document") {
			t.Errorf("%s: %s", what, p.body)
		}
		g.stop()
	}
}
