package term

import (
	"fmt"
	"time"
)

// Duration says how long something took, in at most two units: 850ms, 12s,
// 3m05s, 2h10m, 4d03h.
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(-d)
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// Ago says how far a time is from now: "3m05s ago", "in 2h10m", "just now";
// "never" for the zero time.
func Ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "never"
	case d > -time.Second && d < time.Second:
		return "just now"
	case d < 0:
		return "in " + Duration(-d)
	default:
		return Duration(d) + " ago"
	}
}

// Ago says how far a time is from the printer's now.
func (p *Printer) Ago(t time.Time) string { return Ago(t, p.now()) }

// Time says a time relative and absolute: "3m05s ago (2026-11-20 22:40:12 UTC)",
// in now's time zone.
func (p *Printer) Time(t time.Time) string {
	now := p.now()
	if t.IsZero() {
		return "never"
	}
	return fmt.Sprintf("%s (%s)", Ago(t, now), t.In(now.Location()).Format("2006-01-02 15:04:05 MST"))
}

// Now is the printer's clock.
func (p *Printer) Now() time.Time { return p.now() }
