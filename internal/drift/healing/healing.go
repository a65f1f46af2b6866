// Package healing decides whether drift may be put back without anybody being asked: a heal destroys
// nothing that is not named, touches nothing that is ignored or acknowledged, and carries nothing
// along that is no drift.
package healing

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/plan"
)

// maxHeals is how often a finding is healed within 24 hours. After that something puts it back,
// and a person has to look.
const maxHeals = 3

// Repair is how a plan puts drift back.
type Repair string

// The repairs that heal_only may name.
const (
	Changed  Repair = "changed"  // what changed gets its values back
	Deleted  Repair = "deleted"  // what is gone is made again
	Replaced Repair = "replaced" // what changed is destroyed and made again
)

// repairOf is how a plan puts a finding back.
func repairOf(f drift.Finding) Repair {
	switch {
	case f.Class == drift.Deleted:
		return Deleted
	case f.Action == plan.Replace:
		return Replaced
	}
	return Changed
}

// Rules say what may be healed, and how often.
type Rules struct {
	Only     []Repair      // empty: all but Replaced, which destroys
	Cooldown time.Duration // between two heals of the same finding
}

// May reports whether drift may be put back in that way.
func (r Rules) May(way Repair) bool {
	if len(r.Only) == 0 {
		return way != Replaced
	}
	return slices.Contains(r.Only, way)
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
// after it. It may when the plan holds nothing but drift that may be healed, and
// touches nothing that a rule ignores or somebody has acknowledged. Differences
// of outputs and of what no plan acts upon do not matter.
func (r Rules) Decide(p *plan.Plan, found []drift.Finding, now time.Time) Verdict {
	heal, v := r.look(p, found, now)
	switch {
	case v.Why != "":
		return v
	case len(heal) == 0:
		return no("there is nothing to heal")
	}
	return r.often(heal, now)
}

// Against says why the plan of a sync that was to heal must not be applied: found are the
// findings as this plan shows them. It is empty where the plan does nothing else.
func (r Rules) Against(p *plan.Plan, found []drift.Finding, now time.Time) string {
	_, v := r.look(p, found, now)
	return v.Why
}

// look finds what the plan puts back, without what follows from that; the verdict says what is in the way.
func (r Rules) look(p *plan.Plan, found []drift.Finding, now time.Time) ([]drift.Finding, Verdict) {
	if p == nil || p.Errored || !p.Complete {
		return nil, no("the plan is not complete")
	}
	if len(p.Invocations) > 0 {
		return nil, no("the plan invokes actions of a provider")
	}
	var heal, follow []drift.Finding
	for _, f := range found {
		if !f.Open() {
			continue
		}
		if why := r.against(f, now); why != "" {
			return nil, no(why, f)
		}
		switch {
		case healable(f):
			heal = append(heal, f)
		case f.Class == drift.Follows:
			follow = append(follow, f)
		}
	}
	if why := r.beyond(p, slices.Concat(heal, follow)); why != "" {
		return nil, no(why)
	}
	return heal, Verdict{}
}

// healable reports whether a finding is of what may be put back.
func healable(f drift.Finding) bool {
	return f.Open() && (f.Class == drift.Changed || f.Class == drift.Deleted)
}

// beyond says what a plan does besides putting back the findings; empty when there is nothing.
func (r Rules) beyond(p *plan.Plan, found []drift.Finding) string {
	healed := map[string]Repair{}
	for _, f := range found {
		healed[f.Address] = repairOf(f)
	}
	for _, c := range p.Changes {
		repair, ok := healed[drift.Instance(&c)]
		switch {
		case c.Action == plan.ReadData:
		case !ok:
			return fmt.Sprintf("the plan changes %s, which is not drift", c.Address)
		case c.Action == plan.Delete, c.Action == plan.Forget:
			return fmt.Sprintf("the plan removes %s", c.Address)
		case c.Action == plan.Replace && (repair != Replaced || !r.May(Replaced)):
			return replaces(c.Address)
		}
	}
	return ""
}

func replaces(address string) string {
	return fmt.Sprintf(`%s would be destroyed and made again, which is healed only where heal_only names "%s"`, address,
		Replaced)
}

func no(why string, f ...drift.Finding) Verdict { return Verdict{Why: why, Findings: ids(f)} }

func ids(list []drift.Finding) []string {
	out := []string{}
	for _, f := range list {
		out = append(out, f.ID)
	}
	return out
}

// against says why a finding is in the way of a heal; empty when it is not.
func (r Rules) against(f drift.Finding, now time.Time) string {
	switch f.Class {
	case drift.StateOnly, drift.PendingCommit, drift.CheckFailed:
		return ""
	case drift.Input:
		if strings.HasPrefix(f.Address, "output.") {
			return ""
		}
	case drift.Changed, drift.Deleted, drift.Follows:
		return r.protects(f, now)
	case drift.Unchecked:
		return "the workspace could not be checked"
	}
	return fmt.Sprintf("%s is %s, which nothing but a person can settle", f.Address, f.Class)
}

// protects says why what a plan would put back is to be left as it is.
func (r Rules) protects(f drift.Finding, now time.Time) string {
	way := repairOf(f)
	switch {
	case !r.May(way) && way == Replaced:
		return replaces(f.Address)
	case !r.May(way):
		return fmt.Sprintf("%s is %s, which is not to be healed", f.Address, f.Class)
	}
	for _, a := range f.Attributes {
		what := f.Address
		if a.Path != "" {
			what += " " + a.Path
		}
		switch {
		case a.IgnoredBy != "" || f.Life == drift.Ignored:
			return fmt.Sprintf("%s is ignored by the rule %q, and a heal would put it back, too", what, a.IgnoredBy)
		case f.Ack.Covers(a.Path, now), f.Ack != nil && f.Life == drift.Acknowledged:
			return fmt.Sprintf("%s is acknowledged by %s: %s", what, f.Ack.By, f.Ack.Reason)
		case a.Wanted != nil && a.Wanted != any(drift.Unknown):
			return fmt.Sprintf("%s would get a value that was not applied before, which is more than drift", what)
		}
	}
	return ""
}

// often holds a heal against those before it.
func (r Rules) often(heal []drift.Finding, now time.Time) Verdict {
	for _, f := range heal {
		if len(f.HealedLately(now)) >= maxHeals {
			v := no(fmt.Sprintf("healing %s was begun %d times within 24 hours, and it differs still", f.Address,
				maxHeals), f)
			v.Stopped = true
			return v
		}
	}
	for _, f := range heal {
		for _, at := range f.Heals {
			if again := at.Add(r.Cooldown); now.Before(again) {
				return no(fmt.Sprintf("%s was healed at %s, and not again before %s", f.Address,
					at.Format(time.RFC3339), again.Format(time.RFC3339)), f)
			}
		}
	}
	return Verdict{Heal: true, Why: "everything in the plan is drift that may be healed", Findings: ids(heal)}
}
