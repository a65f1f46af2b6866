package classify

import (
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/plan"
)

// Blinds lists what the check that made p could not see; of the plan that is
// nil, only what no check sees. It is never empty: what lies outside of
// Terraform's states is always among it.
func Blinds(p *plan.Plan) []drift.Blind {
	out := []drift.Blind{{What: "resources outside of Terraform",
		Why: "a check holds what is in the state against the world, so what was made by other means is not seen"}}
	if p == nil {
		return out
	}
	if p.Errored {
		out = append(out, drift.Blind{What: "what the engine did not come to",
			Why: "it stopped before it had planned everything"})
	}
	for _, d := range p.Deferred {
		why := "the engine put it off to a later plan"
		if d.Reason != "" {
			why += " (" + d.Reason + ")"
		}
		out = append(out, drift.Blind{Address: drift.Instance(&d), What: "the resource as a whole", Why: why})
	}
	for _, u := range p.Unseen {
		b := drift.Blind{Address: u.Address, What: "ephemeral resource",
			Why: "it is opened and closed in every run, and nothing of it is remembered"}
		if u.Argument != "" {
			b.What, b.Why = "write-only argument "+u.Argument,
				"its value is in no state, so a change of it in the world does not show"
		}
		out = append(out, b)
	}
	for _, c := range p.Changes {
		if c.Mode == "data" && c.Action == plan.ReadData && !verifies(&c) {
			out = append(out, drift.Blind{Address: c.Address, What: "data source",
				Why: "it can be read only during an apply"})
		}
	}
	slices.SortStableFunc(out[1:], func(a, b drift.Blind) int { return strings.Compare(a.Address, b.Address) })
	return out
}
