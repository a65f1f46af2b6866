package egress

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tfops/tfops/internal/job"
)

// Ledger is whom the engine of a phase spoke to, and whom it wanted to.
type Ledger struct {
	mu      sync.Mutex
	entries map[key]*entry
	more    int // contacts that found no room
}

type key struct {
	host    string
	port    int
	refused string
}

type entry struct {
	key
	first   time.Time
	count   int
	in, out atomic.Int64
}

// most is how many hosts are told apart: an engine may ask for as many as it likes.
const most = 1000

// mostText is how much is kept of what was asked for.
const mostText = 300

// add counts a contact.
func (l *Ledger) add(host string, port int, refused string) *entry {
	if len(host) > mostText {
		host = host[:mostText] + "…"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k := key{host, port, refused}
	e := l.entries[k]
	if e == nil {
		e = &entry{key: k, first: time.Now().UTC()}
		if len(l.entries) >= most {
			l.more++
			return e
		}
		if l.entries == nil {
			l.entries = map[key]*entry{}
		}
		l.entries[k] = e
	}
	e.count++
	return e
}

// Contacts are all, in the order in which they were seen first.
func (l *Ledger) Contacts() []job.Contact {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := []job.Contact{}
	for _, e := range l.entries {
		all = append(all, job.Contact{Host: e.host, Port: e.port, In: e.in.Load(), Out: e.out.Load(), Count: e.count,
			First: e.first, Refused: e.refused})
	}
	slices.SortFunc(all, func(a, b job.Contact) int { return a.First.Compare(b.First) })
	if l.more > 0 {
		all = append(all, job.Contact{Host: "others", Count: l.more, First: time.Now().UTC(),
			Refused: "too many hosts to name each"})
	}
	return all
}

// counted is a connection to a host whose bytes are counted.
type counted struct {
	net.Conn
	entry *entry
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.entry.in.Add(int64(n))
	return n, err
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.entry.out.Add(int64(n))
	return n, err
}

func (c counted) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
