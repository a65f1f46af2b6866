// Package drift holds when a workspace is checked for drift: a cron schedule
// in a time zone, spread so that a thousand nightly checks do not start at
// the same second.
package drift

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/robfig/cron/v3"
)

// maxSpread bounds how long after its due time a check may start.
const maxSpread = 30 * time.Minute

// Schedule says when a workspace is checked. The zero Schedule is never.
type Schedule struct {
	cron cron.Schedule
	spec string
}

// ParseSchedule reads a cron expression of five fields, or a form such as
// "@daily", in the named time zone ("" is UTC).
func ParseSchedule(spec, timezone string) (Schedule, error) {
	if spec == "" {
		return Schedule{}, nil
	}
	loc, err := time.LoadLocation(timezone)
	if err != nil {
		return Schedule{}, fmt.Errorf("time zone %q is not known: %w", timezone, err)
	}
	c, err := cron.ParseStandard(spec)
	if err != nil {
		return Schedule{}, fmt.Errorf("schedule %q is not a cron expression: %w", spec, err)
	}
	if s, ok := c.(*cron.SpecSchedule); ok {
		if s.Location == time.Local { // no TZ= in the expression itself
			s.Location = loc
		}
	}
	return Schedule{cron: c, spec: spec}, nil
}

// IsZero reports whether there is no schedule.
func (s Schedule) IsZero() bool { return s.cron == nil }

// String is the expression as it is configured.
func (s Schedule) String() string { return s.spec }

// Next is the first time after t at which the workspace is to be checked;
// zero when there is none. It lies after the schedule's own time by an offset
// that depends on the name alone: at most half an hour, and at most a tenth
// of the time until the schedule comes round again.
func (s Schedule) Next(workspace string, t time.Time) time.Time {
	if s.cron == nil {
		return time.Time{}
	}
	// An offset can carry a due time past t, so begin early enough to see it.
	for due := s.cron.Next(t.Add(-maxSpread)); !due.IsZero(); due = s.cron.Next(due) {
		following := s.cron.Next(due)
		if at := due.Add(offset(workspace, following.Sub(due)/10)); at.After(t) {
			return at
		}
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
