package plan

import "github.com/tfops/tfops/internal/plan/values"

// dependencies notes what changes depend on that may follow from others. The state has it: the
// configuration in plan JSON does not say what locals are made of.
func (d *document) dependencies(p *Plan) {
	if len(p.Drift) == 0 && !p.Since.Wrote() {
		return
	}
	waits := map[string]*Change{}
	for i := range p.Changes {
		c := &p.Changes[i]
		follows := values.AnyTrue(c.Unknown) || c.Reason == ReplaceByTriggers
		if c.Mode == "managed" && c.Deposed == "" && (c.Action == Update || c.Action == Replace) && follows {
			waits[c.Address] = c
		}
	}
	d.PriorState.Values.RootModule.dependencies(waits)
}

func (m priorModule) dependencies(of map[string]*Change) {
	for _, r := range m.Resources {
		if c := of[r.Address]; c != nil {
			c.Causes.DependsOn = r.DependsOn
		}
	}
	for _, child := range m.ChildModules {
		child.dependencies(of)
	}
}

// ReplaceByTriggers is the Reason of what is replaced since another one changes (replace_triggered_by).
const ReplaceByTriggers = "replace_by_triggers"
