package runner

import (
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/lazily"
)

// BackendLock is a lock that lies in the backend, as far as the engine's error
// tells of it. A field is empty where it does not.
type BackendLock struct {
	ID        string    `json:"id,omitempty"`
	Who       string    `json:"who,omitempty"` // e.g. "ana@laptop"
	Operation string    `json:"operation,omitempty"`
	Created   time.Time `json:"created,omitzero"`
	// Session says that the backend gives the lock back by itself when its
	// holder disconnects: no ID breaks it.
	Session bool `json:"session,omitempty"`
}

var (
	lockedText = lazily.Pattern(`Lock Info:|HTTP remote state already locked|(?i:workspace is already locked|already locked for workspace creation)`)
	lockField  = lazily.Pattern(`(?m)^\s*(ID|Who|Operation|Created):[ \t]+(.*?)\s*$`)
	// What these backends print below "Lock Info" is the attempt itself. http
	// names the lock that it met in the error, pg tells nothing of it.
	httpLocked = lazily.Pattern(`HTTP remote state already locked(?:: ?ID=(\S+))?`)
	pgLocked   = lazily.Pattern(`(?i)workspace is already locked|already locked for workspace creation`)
	errorID    = lazily.Pattern(`\bID=([0-9A-Za-z-]+)`)
)

// processBegan is when this runner began. A lock of its own name that is younger
// is its own attempt to take it.
var processBegan = time.Now()

// readLock reads of an engine's error which lock it met. self and since tell what
// the engine says of its own attempt, which some backends print in the lock's place.
func readLock(text, self string, since time.Time) *BackendLock {
	head, info, _ := strings.Cut(text, "Lock Info:")
	fields := map[string]string{}
	for _, m := range lockField().FindAllStringSubmatch(info, -1) {
		if fields[m[1]] == "" {
			fields[m[1]] = m[2]
		}
	}
	found := &BackendLock{ID: fields["ID"], Who: fields["Who"], Created: lockTime(fields["Created"]),
		Operation: strings.ToLower(strings.TrimPrefix(fields["Operation"], "OperationType"))}
	met := ""
	if m := errorID().FindStringSubmatch(head); m != nil {
		met = strings.TrimRight(m[1], ".")
	}
	switch {
	case pgLocked().MatchString(head):
		return &BackendLock{Session: true}
	case httpLocked().MatchString(head), met != "" && met != found.ID, found.Who == self && found.Created.After(since):
		return &BackendLock{ID: met}
	}
	return found
}

// lockTime reads a time as the engine prints it; zero for anything else.
func lockTime(text string) time.Time {
	for _, layout := range []string{"2006-01-02 15:04:05.999999999 -0700 MST", "2006-01-02 15:04:05.999999999 MST", time.RFC3339Nano} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	return time.Time{}
}

// selfName is how an engine that this process starts signs its locks.
func selfName() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return name + "@" + host
}

// String says who holds the lock, as far as that is known.
func (l *BackendLock) String() string {
	text := "it is locked"
	switch {
	case l.Who != "":
		text += " by " + l.Who
	case l.Session:
		text += "; PostgreSQL does not say by whom"
	default:
		text += "; the backend does not say by whom"
	}
	if !l.Created.IsZero() {
		text += " since " + l.Created.UTC().Format("2006-01-02 15:04:05 MST")
	}
	if l.Operation != "" {
		text += " for " + l.Operation
	}
	if l.ID != "" {
		text += " (lock " + l.ID + ")"
	}
	return text
}

// next is what to do about it.
func (l *BackendLock) next() string {
	switch {
	case l.Session:
		return "wait for it to end: PostgreSQL takes the lock back when its holder disconnects; who that is, " +
			"`SELECT pid, usename, client_addr FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory'` tells"
	case l.ID == "":
		return "wait for whoever holds the lock"
	}
	return "wait for it to end; if whoever holds it is gone for certain, run `force-unlock " + l.ID + "` of the engine in the root module"
}
