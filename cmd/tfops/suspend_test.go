package main

import (
	"testing"
	"time"
)

func TestUntil(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 23, 30, 0, 0, paris)
	for given, want := range map[string]string{
		"90m":                       "2026-11-21T00:00:00Z",
		"1h30m":                     "2026-11-21T00:00:00Z",
		"3d":                        "2026-11-23T22:30:00Z",
		"2026-11-27":                "2026-11-26T23:00:00Z",
		"2026-11-27 18:00":          "2026-11-27T17:00:00Z",
		"2026-11-27T18:00":          "2026-11-27T17:00:00Z",
		"2026-11-27T18:00:00Z":      "2026-11-27T18:00:00Z",
		"2026-11-27T18:00:00+02:00": "2026-11-27T16:00:00Z",
	} {
		got, err := parseUntil(given, now)
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%q is %v (%v), want %s", given, got, err, want)
		}
	}
	for _, wrong := range []string{"soon", "-2h", "0s", "0d", "-1d", "d", "2026-11-20", "2026-02-30", "18:00", "2026-11-20T22:29:59Z"} {
		if got, err := parseUntil(wrong, now); err == nil {
			t.Errorf("%q is taken for %v", wrong, got)
		}
	}
	if got, err := parseUntil("", now); got != nil || err != nil {
		t.Errorf("no time is %v, %v", got, err)
	}
}

func TestHowLongASuspensionLasts(t *testing.T) {
	a := &app{now: func() time.Time { return noon }}
	for until, want := range map[time.Duration]string{
		2 * time.Hour:                    "for 2h, until 14:00 UTC",
		2*time.Hour - 3*time.Millisecond: "for 2h, until 13:59 UTC",
		90 * time.Minute:                 "for 1h30m, until 13:30 UTC",
		20 * time.Minute:                 "for 20m, until 12:20 UTC",
		3 * time.Second:                  "for 3s, until 12:00:03 UTC",
		90 * time.Second:                 "for 1m30s, until 12:01:30 UTC",
		-time.Millisecond:                "for 1s, until 11:59:59 UTC",
		14 * time.Hour:                   "for 14h, until 2026-11-21 02:00 UTC",
		72 * time.Hour:                   "for 3d, until 2026-11-23 12:00 UTC",
	} {
		if got := a.stretch(noon.Add(until)); got != want {
			t.Errorf("%v: %q, want %q", until, got, want)
		}
	}
}
