// Package refused makes the records of what was refused. What is done is recorded by whoever
// does it, in the same transaction; what was refused, by the engine, by the store, or because
// the request itself is wrong, is in no transaction.
package refused

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/audit"
)

// Act is what becomes of a request, as far as that is known while it is answered.
type Act struct {
	Verb string // what it asks for, where its route does not say
	Why  string // why it was refused; empty: nobody said
}

// verbs are what routes ask for, by their ids, where that is not the first word of the id.
var verbs = map[string]string{"get-debug-log": "debug-log", "move-state": "move-state",
	"import-state": "import-state", "restore-state": "restore-state", "test-target": "test notify",
	"retry-delivery": "retry delivery", "drop-delivery": "drop delivery"}

// reveals are routes that only read, and whose answer is recorded.
var reveals = map[string]bool{"backup": true, "get-debug-log": true}

// Record is the record of a request that a route refused; false where none is made: routes
// that only read refuse nothing that matters, but for those that reveal what others do not.
func (a Act) Record(r *http.Request, route string, status int, who access.Actor) (audit.Record, bool) {
	if status < 400 || route == "" || r.Method == http.MethodGet && !reveals[route] {
		return audit.Record{}, false
	}
	verb, ok := verbs[route]
	if !ok {
		verb, _, _ = strings.Cut(route, "-")
	}
	if a.Verb != "" {
		verb = a.Verb
	}
	out := audit.By(who, verb, "")
	for _, name := range []string{"finding", "delivery"} {
		if v := r.PathValue(name); v != "" {
			out.Action += " " + v
		}
	}
	out.Run, out.Refused = r.PathValue("id"), a.Why
	if out.Refused == "" {
		out.Refused = http.StatusText(status)
	}
	if name := r.PathValue("name"); strings.Contains(r.Pattern, "/workspaces/") {
		out.Workspace = name
	} else if name != "" {
		out.Action += " " + name
	}
	return out, true
}

// Bound bounds how many refusals of one user are recorded, so that nobody fills the disk with
// them. It is safe for concurrent use.
type Bound struct {
	mu   sync.Mutex
	seen map[string]*count
}

type count struct {
	since      time.Time
	recorded   int
	unrecorded int
}

const (
	per      = time.Minute
	most     = 60 // of a user, in per
	mostSeen = 1000
)

// Admit says whether a refusal is recorded, and how many were not since the last one.
func (b *Bound) Admit(who string, now time.Time) (unrecorded int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen == nil || len(b.seen) > mostSeen {
		b.seen = map[string]*count{}
	}
	n := b.seen[who]
	if n == nil {
		n = &count{since: now}
		b.seen[who] = n
	}
	if now.Sub(n.since) >= per || now.Before(n.since) {
		n.since, n.recorded = now, 0
	}
	if n.recorded == most {
		n.unrecorded++
		return 0, false
	}
	n.recorded++
	unrecorded, n.unrecorded = n.unrecorded, 0
	return unrecorded, true
}
