package gitrepo

import "time"

const (
	defaultPoll = 30 * time.Second
	maxBackOff  = 10 * time.Minute
	maxDoubling = 20 // 2^20 times any sensible interval is past maxBackOff
)

// Pace says how long to wait before a remote is polled again.
type Pace struct {
	Every time.Duration // between polls of a remote that answers; 30 seconds when zero
}

// Interval is the time between polls of a remote that answers.
func (p Pace) Interval() time.Duration {
	if p.Every <= 0 {
		return defaultPoll
	}
	return p.Every
}

// Next is the time to wait before the next poll after that many consecutive
// failures. The wait doubles with each failure, up to ten minutes, or Every if
// that is longer; then rnd, in [0, 1), spreads it evenly by ten percent to
// either side, so that many repositories are not polled in one instant.
func (p Pace) Next(failures int, rnd float64) time.Duration {
	wait := p.Interval()
	limit := max(wait, maxBackOff)
	for range min(failures, maxDoubling) {
		wait = min(2*wait, limit)
	}
	rnd = min(max(rnd, 0), 1)
	return time.Duration(float64(wait) * (0.9 + 0.2*rnd))
}
