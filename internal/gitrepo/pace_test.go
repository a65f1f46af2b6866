package gitrepo

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	for _, c := range []struct {
		name     string
		every    time.Duration
		failures int
		rnd      float64
		want     time.Duration
	}{
		{"healthy, middle", 30 * time.Second, 0, 0.5, 30 * time.Second},
		{"healthy, earliest", 30 * time.Second, 0, 0, 27 * time.Second},
		{"healthy, latest", 30 * time.Second, 0, 1, 33 * time.Second},
		{"one failure", 30 * time.Second, 1, 0.5, time.Minute},
		{"four failures", 30 * time.Second, 4, 0.5, 8 * time.Minute},
		{"back-off ends at ten minutes", 30 * time.Second, 5, 0.5, 10 * time.Minute},
		{"and stays there", 30 * time.Second, 1_000_000, 0.5, 10 * time.Minute},
		{"a longer interval is its own limit", time.Hour, 7, 0.5, time.Hour},
		{"nothing set", 0, 0, 0.5, 30 * time.Second},
		{"negative numbers do no harm", -1, -1, -1, 27 * time.Second},
		{"a random number out of range", time.Minute, 0, 7, 66 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (Pace{Every: c.every}).Next(c.failures, c.rnd); got.Round(time.Millisecond) != c.want {
				t.Errorf("Next(%d, %v) = %v, want %v", c.failures, c.rnd, got, c.want)
			}
		})
	}
}
