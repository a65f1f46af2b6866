package diagnostics

import (
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/lazyregexp"
)

var (
	lockedText = lazyregexp.New(`Lock Info:|HTTP remote state already locked|(?i:workspace is already locked|already locked for workspace creation)`)
	lockField  = lazyregexp.New(`(?m)^\s*(ID|Who|Operation|Created):[ \t]+(.*?)\s*$`)
	// What these backends print below "Lock Info" is the attempt itself. http
	// names the lock that it met in the error, pg tells nothing of it.
	httpLocked = lazyregexp.New(`HTTP remote state already locked(?:: ?ID=(\S+))?`)
	pgLocked   = lazyregexp.New(`(?i)workspace is already locked|already locked for workspace creation`)
	errorID    = lazyregexp.New(`\bID=([0-9A-Za-z-]+)`)
)

// processBegan is when this runner began. A lock of its own name that is younger
// is its own attempt to take it.
var processBegan = time.Now()

// readLock reads of an engine's error which lock it met. self and since tell what
// the engine says of its own attempt, which some backends print in the lock's place.
func readLock(text, self string, since time.Time) *job.BackendLock {
	head, info, _ := strings.Cut(text, "Lock Info:")
	fields := map[string]string{}
	for _, m := range lockField().FindAllStringSubmatch(info, -1) {
		if fields[m[1]] == "" {
			fields[m[1]] = m[2]
		}
	}
	found := &job.BackendLock{ID: fields["ID"], Who: fields["Who"], Created: lockTime(fields["Created"]),
		Operation: strings.ToLower(strings.TrimPrefix(fields["Operation"], "OperationType"))}
	met := ""
	if m := errorID().FindStringSubmatch(head); m != nil {
		met = strings.TrimRight(m[1], ".")
	}
	switch {
	case pgLocked().MatchString(head):
		return &job.BackendLock{Session: true}
	case httpLocked().MatchString(head), met != "" && met != found.ID, found.Who == self && found.Created.After(since):
		return &job.BackendLock{ID: met}
	}
	return found
}

// lockTime reads a time as the engine prints it; zero for anything else.
func lockTime(text string) time.Time {
	for _, layout := range []string{"2006-01-02 15:04:05.999999999 -0700 MST", "2006-01-02 15:04:05.999999999 MST",
		time.RFC3339Nano} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	return time.Time{}
}

// SelfName is how an engine that this process starts signs its locks.
func SelfName() string {
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
