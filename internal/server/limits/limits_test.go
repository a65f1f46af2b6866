package limits

import (
	"net"
	"net/http"
	"testing"
)

const (
	waitPattern = "GET /api/v1/runs/{id}/wait"
	planPattern = "GET /api/v1/runs/{id}/plan"
	runPattern  = "GET /api/v1/runs/{id}"
)

// Each kind of request has its bound, each user has one, and what has ended counts no more.
func TestLimits(t *testing.T) {
	var l Limits
	fill := func(uid uint32, pattern string, most int) (done []func()) {
		t.Helper()
		for range most {
			d, full := l.Take(uid, pattern)
			if d == nil {
				t.Fatalf("after %d: %s", len(done), full)
			}
			done = append(done, d)
		}
		if d, full := l.Take(uid, pattern); d != nil || full == "" {
			t.Errorf("more than %d of %s are served", most, pattern)
		}
		return done
	}
	first := fill(1, waitPattern, maxOfOneUser)
	second := fill(2, waitPattern, maxWaiting-maxOfOneUser)
	if d, _ := l.Take(3, waitPattern); d != nil {
		t.Error("more wait than may")
	}
	plans := fill(3, planPattern, maxPlans)
	others := fill(1, runPattern, maxOfOneUser) // who waits a lot can still ask
	for _, list := range [][]func(){first, second, plans, others} {
		for _, done := range list {
			done()
		}
	}
	if len(l.byUser) != 0 || l.waiting != 0 || l.plans != 0 {
		t.Errorf("left: %+v", l.byUser)
	}
	for range maxConnections + 1 {
		l.Connected(nil, http.StateNew)
	}
	if d, _ := l.Take(4, runPattern); d != nil {
		t.Error("a request is served on one connection too many")
	}
	l.Connected(nil, http.StateClosed)
	if d, _ := l.Take(4, runPattern); d == nil {
		t.Error("a request is refused though a connection has ended")
	}
	far, near := net.Pipe()
	defer near.Close()
	l.connections.Store(2 * maxConnections)
	l.Connected(far, http.StateNew)
	if _, err := near.Read(make([]byte, 1)); err == nil {
		t.Error("nobody hung up")
	}
}
