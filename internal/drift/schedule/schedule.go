// Package schedule tells when something is due: checks and reports.
package schedule

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// maxSpread bounds how long after its due time a check may start.
const maxSpread = 30 * time.Minute

// Schedule says when a workspace is checked. The zero Schedule is never.
//
// Clocks that change do not lose or repeat a check. A schedule that names its
// hours goes by the clock on the wall: a time that a night skips is made up
// for right after the gap, and a time that a night has twice counts once. A
// schedule of every hour ("*/15 * * * *") goes by the time that really passes,
// and so does "@every 6h", whose checks lie on fixed multiples of the interval
// whenever the daemon was started.
type Schedule struct {
	times times
	spec  string
	zone  string
}

// times is a schedule without its spread.
type times interface {
	// next is the first due time after t; zero when there is none.
	next(t time.Time) time.Time
}

// ParseSchedule reads a cron expression of five fields, or a form such as
// "@daily" or "@every 6h", in the named time zone ("" is UTC). A zone in the
// expression itself ("TZ=Asia/Tokyo 0 2 * * *") goes before the named one. An
// expression whose fields never meet, such as 30 February, is no error; its
// Next is zero.
func Parse(spec, timezone string) (Schedule, error) {
	if spec == "" {
		return Schedule{}, nil
	}
	expr, zone := spec, timezone
	for _, prefix := range []string{"TZ=", "CRON_TZ="} {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(spec), prefix); ok {
			// The parser panics on a zone that nothing follows, so it never sees one.
			zone, expr, _ = strings.Cut(rest, " ")
		}
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return Schedule{}, fmt.Errorf("time zone %q is not known: %w", zone, err)
	}
	c, err := cron.ParseStandard(strings.TrimSpace(expr))
	if err != nil {
		return Schedule{}, fmt.Errorf("schedule %q is not a cron expression: %w", spec, err)
	}
	s := Schedule{spec: spec, zone: loc.String()}
	switch c := c.(type) {
	case *cron.SpecSchedule:
		if c.Minute == 0 || c.Hour == 0 || c.Dom == 0 || c.Month == 0 || c.Dow == 0 {
			return Schedule{}, fmt.Errorf("schedule %q has a field that holds nothing", spec) // a lone comma
		}
		s.times = clock{c, loc}
	case cron.ConstantDelaySchedule:
		if s.times, err = interval(expr); err != nil {
			return Schedule{}, fmt.Errorf("schedule %q: %w", spec, err)
		}
	default:
		return Schedule{}, fmt.Errorf("schedule %q is of a form that is not known", spec)
	}
	return s, nil
}

// IsZero reports whether there is no schedule.
func (s Schedule) IsZero() bool { return s.times == nil }

// String is the expression as it is configured.
func (s Schedule) String() string { return s.spec }

// Timezone is the zone that the schedule goes by; empty for none.
func (s Schedule) Timezone() string { return s.zone }

// Time is the schedule's own first time after t, without any spread; zero when
// there is none.
func (s Schedule) Time(t time.Time) time.Time {
	if s.times == nil {
		return time.Time{}
	}
	at := s.times.next(t)
	if at.IsZero() {
		return at
	}
	return at.In(t.Location())
}

// Next is the first time after t at which the workspace is to be checked;
// zero when there is none. It lies after the schedule's own time by an offset
// that depends on the name alone: at most half an hour, and at most a tenth
// of the time until the schedule comes round again.
func (s Schedule) Next(workspace string, t time.Time) time.Time {
	if s.times == nil {
		return time.Time{}
	}
	// An offset can carry a due time past t, so begin early enough to see it.
	for due := s.times.next(t.Add(-maxSpread)); !due.IsZero(); {
		following := s.times.next(due)
		if at := due.Add(offset(workspace, following.Sub(due)/10)); at.After(t) {
			return at.In(t.Location())
		}
		due = following
	}
	return time.Time{}
}

func offset(name string, spread time.Duration) time.Duration {
	spread = min(spread, maxSpread)
	if spread <= 0 {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(name))
	return time.Duration(h.Sum64() % uint64(spread))
}
