package show

import (
	"io"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/term"
)

func TestHowLongASuspensionLasts(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	p := term.New(io.Discard, io.Discard, term.Options{Now: func() time.Time { return noon }})
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
		if got := stretch(p, noon.Add(until)); got != want {
			t.Errorf("%v: %q, want %q", until, got, want)
		}
	}
}
