package moment

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
		got, err := Until(given, now)
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%q is %v (%v), want %s", given, got, err, want)
		}
	}
	for _, wrong := range []string{"soon", "-2h", "0s", "0d", "-1d", "d", "2026-11-20", "2026-02-30", "18:00",
		"2026-11-20T22:29:59Z"} {
		if got, err := Until(wrong, now); err == nil {
			t.Errorf("%q is taken for %v", wrong, got)
		}
	}
	if got, err := Until("", now); got != nil || err != nil {
		t.Errorf("no time is %v, %v", got, err)
	}
}

func TestSinceIsInThePast(t *testing.T) {
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                     {},
		"24h":                  now.Add(-24 * time.Hour),
		"7d":                   now.AddDate(0, 0, -7),
		"2026-11-13":           time.Date(2026, 11, 13, 0, 0, 0, 0, time.UTC),
		"2026-11-13T18:00:00Z": time.Date(2026, 11, 13, 18, 0, 0, 0, time.UTC),
	} {
		if got, err := Since(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"2027-01-01", "soon", "-3h"} {
		if got, err := Since(text, now); err == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}
