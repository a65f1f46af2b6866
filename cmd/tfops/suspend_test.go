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
