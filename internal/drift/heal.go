package drift

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/plan"
)

// A finding that was healed maxHeals times within healWindow is not healed
// again: something puts it back, and a person has to look.
const (
	maxHeals   = 3
	healWindow = 24 * time.Hour
)

// Healing says what may be healed, and how often.
type Healing struct {
	Only     []Class       // of changed and deleted; empty: both
	Cooldown time.Duration // between two heals of the same finding
}

// Verdict is whether a sync may put things back.
type Verdict struct {
	Heal     bool     `json:"heal"`
	Stopped  bool     `json:"stopped,omitempty"` // three heals of a finding did not last: to be announced
	Why      string   `json:"why"`               // for a person
	Findings []string `json:"findings"`          // IDs of what is healed, or of what is in the way
}

// Decide reports whether a sync at the applied commit may put back what the
// check found: p is its plan at that commit, found are the workspace's findings
// after it. It may when the plan holds nothing but drift of the healed classes.
// An acknowledged finding is somebody's work at hand, so it stops a heal; an
// ignored one does not, but asks for none either. Differences of outputs and
// of what no plan acts upon do not matter.
func (h Healing) Decide(p *plan.Plan, found []Finding, now time.Time) Verdict {
	if p == nil || p.Errored || !p.Complete {
		return no("the plan is not complete")
	}
	if len(p.Invocations) > 0 {
		return no("the plan invokes actions of a provider")
	}
	var heal []Finding
	wanted := false
	for _, f := range found {
		if !f.open() {
			continue
		}
		if why := h.against(f); why != "" {
			return no(why, f)
		}
		if healable(f) {
			heal = append(heal, f)
			wanted = wanted || f.Life != Ignored
		}
	}
	if !wanted {
		return no("there is nothing to heal")
	}
	if why := Beyond(p, heal); why != "" {
		return no(why)
	}
	return h.often(heal, now)
}

// healable reports whether a finding is of what may be put back.
func healable(f Finding) bool { return f.open() && (f.Class == Changed || f.Class == Deleted) }

// Beyond says what a plan does besides putting back what is changed or deleted
// by the findings; empty when there is nothing.
func Beyond(p *plan.Plan, found []Finding) string {
	healed := map[string]bool{}
	for _, f := range found {
		if healable(f) {
			healed[f.Address] = true
		}
	}
	for _, c := range p.Changes {
		if c.Action != plan.ReadData && !healed[Instance(&c)] {
			return fmt.Sprintf("the plan changes %s, which is not drift", c.Address)
		}
	}
	return ""
}

func no(why string, f ...Finding) Verdict { return Verdict{Why: why, Findings: ids(f)} }

func ids(list []Finding) []string {
	out := []string{}
	for _, f := range list {
		out = append(out, f.ID)
	}
	return out
}

// against says why a finding is in the way of a heal; empty when it is not.
func (h Healing) against(f Finding) string {
	switch f.Class {
	case StateOnly, PendingCommit, CheckFailed:
		return ""
	case Input:
		if strings.HasPrefix(f.Address, "output.") {
			return ""
		}
	case Changed, Deleted:
		if len(h.Only) > 0 && !slices.Contains(h.Only, f.Class) {
			return fmt.Sprintf("%s is %s, which is not to be healed", f.Address, f.Class)
		}
		if f.Life == Acknowledged && f.Ack != nil {
			return fmt.Sprintf("%s is acknowledged by %s: %s", f.Address, f.Ack.By, f.Ack.Reason)
		}
		return ""
	case Unchecked:
		return "the workspace could not be checked"
	}
	return fmt.Sprintf("%s is %s, which nothing but a person can settle", f.Address, f.Class)
}

// often holds a heal against those before it.
func (h Healing) often(heal []Finding, now time.Time) Verdict {
	for _, f := range heal {
		if len(recent(f.Heals, now)) >= maxHeals {
			v := no(fmt.Sprintf("healing %s was begun %d times within 24 hours, and it differs still", f.Address,
				maxHeals), f)
			v.Stopped = true
			return v
		}
	}
	for _, f := range heal {
		for _, at := range f.Heals {
			if again := at.Add(h.Cooldown); now.Before(again) {
				return no(fmt.Sprintf("%s was healed at %s, and not again before %s", f.Address,
					at.Format(time.RFC3339), again.Format(time.RFC3339)), f)
			}
		}
	}
	return Verdict{Heal: true, Why: "everything in the plan is drift that may be healed", Findings: ids(heal)}
}

// Healed notes a heal that was begun.
func (f Finding) Healed(now time.Time) Finding {
	f.Heals = append(recent(f.Heals, now), now)
	return f
}

// recent are the heals of the last day.
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
