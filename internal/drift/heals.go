package drift

import (
	"time"

	"github.com/tfops/tfops/internal/plan"
)

// healWindow is for how long heals are remembered.
const healWindow = 24 * time.Hour

// Healed notes a heal that was begun.
func (f Finding) Healed(now time.Time) Finding {
	f.Heals = append(recent(f.Heals, now), now)
	return f
}

// HealedLately are the heals of the last 24 hours.
func (f Finding) HealedLately(now time.Time) []time.Time { return recent(f.Heals, now) }

// recent are those of them that are remembered.
func recent(heals []time.Time, now time.Time) []time.Time {
	var out []time.Time
	for _, at := range heals {
		if now.Sub(at) < healWindow {
			out = append(out, at)
		}
	}
	return out
}

// Instance is the address of an object, which of a deposed one is not its own.
func Instance(c *plan.Change) string {
	if c.Deposed != "" {
		return c.Address + " (deposed " + c.Deposed + ")"
	}
	return c.Address
}
