package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// receiver is what a customer would write for a webhook: it believes nothing
// that is not signed, and remembers what it was told.
type receiver struct {
	tb     testing.TB
	secret string
	path   string // secret as well
	server *httptest.Server

	mu       sync.Mutex
	requests []request
	refuse   int           // how many of the next are answered otherwise
	with     int           // the status of that answer
	held     chan struct{} // closed when requests are answered again; nil: they are
}

// request is one attempt of a delivery.
type request struct {
	delivery string
	status   int // answered; 0: it got no answer
	raw      []byte
	body     map[string]any
}

// newReceiver listens until the test has ended.
func newReceiver(tb testing.TB) *receiver {
	r := &receiver{tb: tb, secret: rand.Text(), path: "/in/" + rand.Text()}
	r.server = httptest.NewServer(r)
	tb.Cleanup(func() { r.release(); r.server.Close() })
	return r
}

// url is where to send to.
func (r *receiver) url() string { return r.server.URL + r.path }

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender went away
	}
	got := request{delivery: req.Header.Get("Tfops-Delivery"), raw: raw}
	if err := r.verify(req, raw); err != nil {
		r.tb.Errorf("a request to the webhook: %v\n%s", err, raw)
		http.Error(w, "not believed", http.StatusUnauthorized)
		return
	}
	if err := json.Unmarshal(raw, &got.body); err != nil || got.body["delivery"] != got.delivery {
		r.tb.Errorf("delivery %s has the body %s: %v", got.delivery, raw, err)
	}
	r.mu.Lock()
	held, refuse := r.held, r.refuse > 0
	if refuse {
		r.refuse--
		got.status = r.with
	} else if held == nil {
		got.status = http.StatusNoContent
	}
	r.requests = append(r.requests, got)
	r.mu.Unlock()
	if got.status == 0 {
		select {
		case <-held:
		case <-req.Context().Done():
		}
		panic(http.ErrAbortHandler) // no answer
	}
	w.WriteHeader(got.status)
}

// verify does what the documentation tells receivers to do.
func (r *receiver) verify(req *http.Request, raw []byte) error {
	stamp := req.Header.Get("Tfops-Timestamp")
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute {
		return fmt.Errorf("the time %q is not of now", stamp)
	}
	mac := hmac.New(sha256.New, []byte(r.secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(raw)
	given, ok := strings.CutPrefix(req.Header.Get("Tfops-Signature"), "v1=")
	sum, err := hex.DecodeString(given)
	switch {
	case !ok || err != nil || !hmac.Equal(sum, mac.Sum(nil)):
		return fmt.Errorf("the signature %q is not right", req.Header.Get("Tfops-Signature"))
	case req.Method != http.MethodPost || req.URL.Path != r.path:
		return fmt.Errorf("it is a %s of %s", req.Method, req.URL.Path)
	case req.Header.Get("Content-Type") != "application/json" || req.Header.Get("Tfops-Delivery") == "":
		return fmt.Errorf("its headers are %v", req.Header)
	}
	return nil
}

// all are the requests so far, as scripts see them: the body, the status of the
// answer, and which attempt of its delivery it was.
func (r *receiver) all() []map[string]any {
	r.mu.Lock()
	defer r.mu.Unlock()
	attempts := map[string]int{}
	var list []map[string]any
	for _, q := range r.requests {
		attempts[q.delivery]++
		m := maps.Clone(q.body)
		m["status"], m["attempt"] = q.status, attempts[q.delivery]
		list = append(list, m)
	}
	return list
}

// taken counts by their kind the deliveries for a target that were taken, and
// tells of those that were taken twice.
func (r *receiver) taken(target string) (kinds map[string]int, twice []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kinds = map[string]int{}
	seen := map[string]bool{}
	for _, q := range r.requests {
		if q.status != http.StatusNoContent || q.body["target"] != target {
			continue
		}
		if seen[q.delivery] {
			twice = append(twice, q.delivery)
			continue
		}
		seen[q.delivery] = true
		kinds[fmt.Sprint(q.body["kind"])]++
	}
	return kinds, twice
}

// bodies are those of all requests.
func (r *receiver) bodies() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all [][]byte
	for _, q := range r.requests {
		all = append(all, q.raw)
	}
	return all
}

func (r *receiver) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		r.held = make(chan struct{})
	}
}

func (r *receiver) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held != nil {
		close(r.held)
		r.held = nil
	}
}

// cmdReceiver runs a webhook receiver: receiver start puts its address into
// HOOK and what bodies are signed with into HOOK_SECRET, for the daemons that
// follow; receiver refuse N STATUS answers the next N requests so; receiver hold
// reads requests and answers none of them, until receiver release.
func cmdReceiver(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	if neg || len(args) == 0 || args[0] == "refuse" && len(args) != 3 {
		ts.Fatalf("usage: receiver (start | refuse N STATUS | hold | release)")
	}
	switch args[0] {
	case "start":
		s.receiver = newReceiver(s.t)
		ts.Setenv("HOOK", s.receiver.url())
		ts.Setenv("HOOK_SECRET", s.receiver.secret)
		s.vars = append(s.vars, "HOOK", "HOOK_SECRET")
	case "refuse":
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		status, err := strconv.Atoi(args[2])
		ts.Check(err)
		s.receiver.mu.Lock()
		s.receiver.refuse, s.receiver.with = n, status
		s.receiver.mu.Unlock()
	case "hold":
		s.receiver.hold()
	case "release":
		s.receiver.release()
	default:
		ts.Fatalf("receiver %s is not known", args[0])
	}
}

// cmdReceived waits until a request to the receiver meets all conditions, and
// leaves the newest one that does in stdout: received CONDITION…
func cmdReceived(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	if neg || len(args) == 0 {
		ts.Fatalf("usage: received CONDITION…")
	}
	s.until(ts, fmt.Sprintf("a request with %q", args), func(context.Context) (bool, string) {
		all := s.receiver.all()
		for _, m := range slices.Backward(all) {
			if done, _ := s.meets(ts, m, args); done {
				return true, ""
			}
		}
		return false, "there were\n" + told(all)
	})
}

// cmdTally waits until nothing is on its way any more. Then exactly so many
// deliveries of these kinds, and none else, must have been taken for a target,
// each once: tally TARGET KIND=N…
func cmdTally(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	id, args := instance(args)
	if neg || len(args) == 0 {
		ts.Fatalf("usage: tally [@ID] TARGET KIND=N…")
	}
	c := s.client(ts, id)
	defer c.Close()
	s.until(ts, "an empty outbox", func(ctx context.Context) (bool, string) {
		targets, err := c.NotifyTargets(ctx)
		if err != nil {
			return false, err.Error()
		}
		for _, t := range targets {
			if t.Waiting > 0 {
				return false, fmt.Sprintf("%d wait for %s: %s", t.Waiting, t.Name, t.LastError)
			}
		}
		return true, ""
	})
	want := map[string]int{}
	for _, a := range args[1:] {
		kind, text, _ := strings.Cut(a, "=")
		n, err := strconv.Atoi(text)
		ts.Check(err)
		want[kind] = n
	}
	kinds, twice := s.receiver.taken(args[0])
	if !maps.Equal(kinds, want) || len(twice) > 0 {
		ts.Fatalf("taken were %v, expected %v; twice: %v\n%s", kinds, want, twice, told(s.receiver.all()))
	}
}

// told are requests, one a line.
func told(all []map[string]any) string {
	var b strings.Builder
	for _, m := range all {
		fmt.Fprintf(&b, "%v: %v, attempt %v: %v: %v\n", m["delivery"], m["status"], m["attempt"], m["kind"], m["title"])
	}
	return b.String()
}
