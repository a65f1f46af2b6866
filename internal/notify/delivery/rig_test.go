package delivery

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2027, 3, 1, 2, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// rig is an outbox in a file, and a notifier over it.
type rig struct {
	t        *testing.T
	clock    *clock
	store    *store.Store
	options  Options
	outcomes chan Outcome
	notifier *Notifier
	stop     func()
}

func newRig(t *testing.T, targets ...notify.Target) *rig {
	t.Helper()
	g := &rig{t: t, clock: newClock(), outcomes: make(chan Outcome, 1000), stop: func() {}}
	s, err := store.Open(filepath.Join(t.TempDir(), "tfops.db"), store.Options{Now: g.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.stop()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	g.store = s
	g.options = Options{Targets: func() []notify.Target { return targets }, Now: g.clock.now,
		Tell: func(o Outcome) { g.outcomes <- o }, Timeout: patience}
	for _, target := range targets {
		if err := target.CheckURL(); err != nil {
			t.Fatalf("%s: %v", target.Name, err)
		}
	}
	return g
}

// start runs a notifier over the store, or over what stands before it.
func (g *rig) start(s Store) {
	ctx, cancel := context.WithCancel(g.t.Context())
	n := New(s, g.options)
	ended := make(chan struct{})
	go func() { defer close(ended); n.Run(ctx) }()
	g.notifier = n
	g.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(patience):
			g.t.Error("the notifier does not stop")
		}
	})
}

// tell puts notices into the outbox and says so.
func (g *rig) tell(notices ...run.Notice) {
	g.t.Helper()
	if _, _, err := g.store.Enqueue(g.t.Context(), run.Batch{Notices: notices}); err != nil {
		g.t.Fatal(err)
	}
	if g.notifier != nil {
		g.notifier.Wake()
	}
}

// outcome waits for the next.
func (g *rig) outcome() Outcome {
	g.t.Helper()
	return receive(g.t, g.outcomes, "an outcome")
}

// later moves the clock beyond the first waits and has the notifier look again.
func (g *rig) later() {
	g.clock.pass(3 * time.Hour)
	g.notifier.Wake()
}

func (g *rig) waiting() []run.Delivery {
	g.t.Helper()
	all, err := g.store.Waiting(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	return all
}

func (g *rig) dead() []run.Delivery {
	g.t.Helper()
	all, err := g.store.Dead(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	return all
}

func receive[T any](t *testing.T, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatalf("%s does not come", what)
	}
	return v
}

// post is one request that a receiver got whole.
type post struct {
	header http.Header
	body   []byte
}

// receiver is a webhook that does as it is told.
type receiver struct {
	*httptest.Server
	posts chan post
	mu    sync.Mutex
	does  []http.HandlerFunc // to the next requests; then it takes them
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{posts: make(chan post, 1000)}
	r.Server = httptest.NewServer(r)
	r.Config.ErrorLog = nil
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.posts <- post{req.Header.Clone(), body}
	r.mu.Lock()
	var do http.HandlerFunc
	if len(r.does) > 0 {
		do, r.does = r.does[0], r.does[1:]
	}
	r.mu.Unlock()
	if do != nil {
		do(w, req)
	}
}

// next has the receiver do something to each of the next requests.
func (r *receiver) next(n int, do http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range n {
		r.does = append(r.does, do)
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, "a page of the receiver's own, which nobody trusts")
	}
}

// raw answers with bytes that are no HTTP, and hangs up.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		io.WriteString(conn, text)
		conn.Close()
	}
}

// gate is a door before a server: what connects to it is let through, or
// refused while it is shut.
type gate struct {
	addr string
	ln   net.Listener
}

// shutGate reserves an address where nobody listens.
func shutGate(t *testing.T) *gate {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{addr: ln.Addr().String()}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	return g
}

// open makes a server listen at the gate's address.
func (g *gate) open(t *testing.T, serve func(net.Listener)) {
	t.Helper()
	ln, err := net.Listen("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	g.ln = ln
	go serve(ln)
	t.Cleanup(func() {
		if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// flawed is a store some of whose methods fail while told so.
type flawed struct {
	Store
	mu    sync.Mutex
	fails string
}

var errDisk = errors.New("the disk is full")

func (f *flawed) set(fails string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails = fails
}

func (f *flawed) failing(what string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Contains(f.fails, what)
}

func (f *flawed) Due(ctx context.Context, now time.Time, perTarget int) ([]run.Delivery, time.Time, error) {
	if f.failing("due") {
		return nil, time.Time{}, errDisk
	}
	return f.Store.Due(ctx, now, perTarget)
}

func (f *flawed) Delivered(ctx context.Context, id string) error {
	if f.failing("delivered") {
		return errDisk
	}
	return f.Store.Delivered(ctx, id)
}

func (f *flawed) Failed(ctx context.Context, id, text string, nextAt time.Time, dead bool) ([]run.Delivery, error) {
	if f.failing("failed") {
		return nil, errDisk
	}
	return f.Store.Failed(ctx, id, text, nextAt, dead)
}

func (f *flawed) MakeDue(ctx context.Context, target string) (int, error) {
	if f.failing("makeDue") {
		return 0, errDisk
	}
	return f.Store.MakeDue(ctx, target)
}
