package plan

import (
	"fmt"
	"slices"
)

// The plan of a refresh (-refresh-only) changes nothing in the world: what
// differs there (Drift), and the outputs that follow from it, go into the
// state. The engine's own "applyable" says little of such a plan: Terraform
// 1.11 says yes where nothing differs.

// Accepted lists the addresses of the resources whose values in the world the
// state takes over when a refresh-only plan is applied, in the engine's order,
// each once. A resource that is gone from the world goes from the state.
func (p *Plan) Accepted() []string {
	addresses, seen := []string{}, map[string]bool{}
	for _, c := range p.Drift {
		if !seen[c.Address] {
			seen[c.Address] = true
			addresses = append(addresses, c.Address)
		}
	}
	return addresses
}

// AcceptedTypes lists the types of the resources in Accepted, sorted, each once.
func (p *Plan) AcceptedTypes() []string {
	types := []string{}
	for _, c := range p.Drift {
		types = append(types, c.Type)
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// Accepts reports whether the state takes anything over when a refresh-only
// plan is applied.
func (p *Plan) Accepts() bool { return len(p.Drift)+len(p.Outputs) > 0 }

// Acceptance says in one line what a refresh-only plan does, e.g. "accepts 2
// resources and 1 output into the state".
func (p *Plan) Acceptance() string {
	resources, outputs := counted(len(p.Accepted()), "resource"), counted(len(p.Outputs), "output")
	switch {
	case !p.Accepts():
		return "nothing to accept: the state holds what is there"
	case len(p.Outputs) == 0:
		return "accepts " + resources + " into the state"
	case len(p.Drift) == 0:
		return "accepts " + outputs + " into the state"
	}
	return "accepts " + resources + " and " + outputs + " into the state"
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
