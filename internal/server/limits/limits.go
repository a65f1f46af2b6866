// Package limits counts what the daemon serves at once, and says what is too much.
package limits

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// How much is served at once. Whoever may use the socket could otherwise take all memory and all
// open files of the daemon, and with them the applies of everybody.
const (
	maxConnections = 4096 // what comes beyond is told to come later; beyond twice as many it is hung up on
	maxWaiting     = 2048 // requests that wait for something
	maxOfOneUser   = 1024 // requests, of those that wait and of the others
	maxPlans       = 4    // whole plans: each may be half a gigabyte
	retryAfter     = "1"  // seconds
)

// Limits count what is served. The zero value serves nothing yet.
type Limits struct {
	connections atomic.Int64

	mu      sync.Mutex
	byUser  map[asker]int
	waiting int
	plans   int
}

// asker is a user with the requests that wait, or with the others: who waits a lot can still ask.
type asker struct {
	uid   uint32
	waits bool
}

// counter tells which bound besides that of its user a request has.
func (l *Limits) counter(pattern string) (count *int, most int) {
	switch pattern {
	case "GET /api/v1/runs/{id}/wait", "GET /api/v1/runs/{id}/log":
		return &l.waiting, maxWaiting
	case "GET /api/v1/runs/{id}/plan":
		return &l.plans, maxPlans
	}
	return nil, 0
}

// Take has a request be served; done follows. Otherwise it says why not.
func (l *Limits) Take(uid uint32, pattern string) (done func(), full string) {
	if l.connections.Load() > maxConnections {
		return nil, "the daemon has too many connections"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byUser == nil {
		l.byUser = map[asker]int{}
	}
	count, most := l.counter(pattern)
	who := asker{uid, count == &l.waiting}
	switch {
	case l.byUser[who] >= maxOfOneUser:
		return nil, "you have too many requests under way"
	case count != nil && *count >= most:
		return nil, "the daemon has too many such requests under way"
	}
	l.byUser[who]++
	if count != nil {
		*count++
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.byUser[who]--; l.byUser[who] == 0 {
			delete(l.byUser, who)
		}
		if count != nil {
			*count--
		}
	}, ""
}

// Connected counts connections, and hangs up on those that are far too many.
func (l *Limits) Connected(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if l.connections.Add(1) > 2*maxConnections {
			c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		l.connections.Add(-1)
	}
}

// Next is what to do about a request that is not served now.
const Next = "try again in a second; end clients that wait and are not needed"

// ComeLater has the answer to a request that is not served say when to ask again.
func ComeLater(h http.Header) {
	h.Set("Retry-After", retryAfter)
	h.Set("Connection", "close")
}
