package delivery

import (
	"math/rand/v2"
	"time"

	"github.com/tfops/tfops/internal/fault"
)

const (
	firstBackoff = time.Minute
	maxBackoff   = 6 * time.Hour
	maxRest      = 5 * time.Minute

	maxAttempts = 12
	maxAge      = 24 * time.Hour
	minAttempts = 3 // within maxAge, such as after the daemon was down
)

// failure is why an attempt did not succeed, and what follows from it.
type failure struct {
	fault *fault.Error
	after time.Duration // what the target asked for, at most maxBackoff
	final bool          // trying again is of no use
	mine  bool          // it is about this message; the target may take others
}

func (f *failure) Error() string { return f.fault.Error() }
func (f *failure) Unwrap() error { return f.fault }

// down is a target that does not answer as it should.
func down(next, format string, args ...any) *failure {
	return &failure{fault: fault.New(fault.Unavailable, next, format, args...)}
}

// text is what is stored and shown of a failure.
func (f *failure) text() string {
	if f.fault.Next == "" {
		return f.Error() + "."
	}
	return f.Error() + ". " + f.fault.Next
}

// doubled is a minute after the first failure and twice as long after each
// other one.
func doubled(failures int, most time.Duration) time.Duration {
	return min(firstBackoff<<min(max(failures-1, 0), 20), most)
}

// backoff is the time until the next attempt, when so many have failed: a
// fifth more or less, so that what failed together does not come together.
func backoff(failures int) time.Duration {
	d := doubled(failures, maxBackoff)
	return d*4/5 + rand.N(d*2/5)
}

// hopeless reports whether a delivery is given up once so many attempts have failed.
func hopeless(failures int, age time.Duration) bool {
	return failures >= maxAttempts || failures >= minAttempts && age >= maxAge
}
