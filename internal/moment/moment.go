// Package moment reads times as people write them: a stretch from now, a date, or a time,
// of their own clock where they name no zone.
package moment

import (
	"strconv"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/fault"
)

// forms are the forms of a time, besides a duration.
var forms = []string{time.RFC3339, "2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04",
	"2006-01-02T15:04:05"}

// Until reads the value of --until, a time in the future; nil for "".
func Until(s string, now time.Time) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	end, ok := read(s, now, 1)
	switch {
	case !ok:
		return nil, fault.New(fault.Invalid,
			`write it as 90m, 2h, 3d, 2026-11-27, "2026-11-27 18:00" or 2026-11-27T18:00:00Z`,
			"--until %q is not a time", s)
	case !end.After(now):
		return nil, fault.New(fault.Invalid, "name a time in the future", "--until %q is over already", s)
	}
	end = end.UTC()
	return &end, nil
}

// Since reads the value of --since, a time in the past; zero for "".
func Since(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	at, ok := read(s, now, -1)
	if !ok {
		return at, fault.New(fault.Invalid,
			`write it as 24h, 7d, 2026-11-13, "2026-11-13 18:00" or 2026-11-13T18:00:00Z`,
			"--since %q is not a time", s)
	}
	if at.After(now) {
		return at, fault.New(fault.Invalid, "name a time in the past; 24h is a day back", "--since %q is yet to come",
			s)
	}
	return at.UTC(), nil
}

// read reads a stretch from now (forwards for 1, back for -1), or a time.
func read(s string, now time.Time, sign int) (time.Time, bool) {
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(time.Duration(sign) * d), true
	}
	if number, ok := strings.CutSuffix(s, "d"); ok {
		if days, err := strconv.Atoi(number); err == nil {
			return now.AddDate(0, 0, sign*days), true
		}
	}
	for _, form := range forms {
		if t, err := time.ParseInLocation(form, s, now.Location()); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
