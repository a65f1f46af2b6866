package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// every is a fixed interval. Its due times are the multiples of the interval
// since a fixed moment and not since the last check: otherwise each look would
// move them.
type every time.Duration

// interval reads the duration of "@every 6h".
func interval(expr string) (every, error) {
	_, text, _ := strings.Cut(expr, "@every ")
	d, err := time.ParseDuration(strings.TrimSpace(text))
	switch {
	case err != nil:
		return 0, err
	case d < time.Second:
		return 0, fmt.Errorf("an interval of %s is shorter than a second", d)
	}
	return every(d.Truncate(time.Second)), nil
}

// Truncate rounds down since the zero time, whatever the zone.
func (e every) next(t time.Time) time.Time {
	return t.Truncate(time.Duration(e)).Add(time.Duration(e))
}

// clock is a cron expression in a place whose clocks may change.
type clock struct {
	spec *cron.SpecSchedule
	loc  *time.Location
}

// maxShift is more than any clock is put forward or back in one night.
const maxShift = 3 * time.Hour

// everyHour is the bit that cron sets for a field written as "*".
const everyHour = 1 << 63

func (c clock) next(t time.Time) time.Time {
	spec := *c.spec
	if spec.Hour&everyHour != 0 {
		spec.Location = c.loc
		return spec.Next(t.In(c.loc))
	}
	// Walk the clock on the wall as if it were UTC, which never changes, and
	// see when it really shows what was found. Around a change the order of
	// the two differs by no more than the shift, so look that far both ways.
	spec.Location = time.UTC
	var first time.Time
	var until time.Time
	for wall := spec.Next(asUTC(t.In(c.loc)).Add(-maxShift)); !wall.IsZero(); wall = spec.Next(wall) {
		if !first.IsZero() && wall.After(until) {
			break
		}
		real := c.shown(wall)
		if !real.After(t) {
			continue
		}
		if first.IsZero() {
			until = wall.Add(maxShift)
		}
		if first.IsZero() || real.Before(first) {
			first = real
		}
	}
	return first
}

// shown is when the clock shows the time wall: the first time when it shows
// it twice, and as much later as the clock was put forward when it never does.
func (c clock) shown(wall time.Time) time.Time {
	guess := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, c.loc)
	_, before := guess.Add(-maxShift).Zone() // as long as nothing changed
	early := wall.Add(-time.Duration(before) * time.Second).In(c.loc)
	if asUTC(early).Equal(wall) || !asUTC(guess).Equal(wall) {
		return early
	}
	return guess
}

// asUTC is what the clock shows at t, read as a time in UTC.
func asUTC(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}
