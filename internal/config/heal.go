package config

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/workspace"
)

// warnOfHealing warns of healing that cannot come about. named is how a message
// calls the workspace.
func (r *reader) warnOfHealing(w Workspace, own settings, named string) {
	at := w.Range
	if own.heal.set {
		at = own.heal.rng
	}
	switch {
	case w.Drift.Heal && w.Apply == workspace.Never:
		r.warnAt(at, "healing without applies", "With apply = \"never\" nothing is applied, so nothing is healed in %s.", named)
	case w.Drift.Heal && w.Drift.Schedule == "" && (own.heal.set || !own.schedule.set):
		r.warnAt(at, "healing without a schedule", "Nothing checks %s for drift by itself, so nothing is healed. Give it a schedule beside heal.", named)
	case !w.Drift.Heal && !r.failed():
		for name, rng := range map[string]hcl.Range{"heal_only": own.healOnly.rng, "heal_cooldown": own.healCooldown.rng} {
			if rng.Filename != "" {
				r.warnAt(rng, name+" has no effect", "Nothing is healed in %s: that takes heal = true.", named)
			}
		}
	}
}

// warnOfGenerator is warnOfHealing for all that a workspaces block makes, as
// far as its matches do not matter.
func (r *reader) warnOfGenerator(b block, own, defaults settings) {
	w := own.over(defaults).workspace("")
	w.Range = b.header
	for _, hb := range b.body.Blocks {
		if hb.Type != driftKind.typ {
			continue
		}
		if hb.Body.Attributes["schedule"] != nil && !own.schedule.set {
			w.Drift.Schedule = "of a match"
		}
		if hb.Body.Attributes["heal"] != nil && !own.heal.set {
			return
		}
	}
	if b.body.Attributes["apply"] != nil && !own.apply.set {
		w.Apply = workspace.Manual
	}
	r.warnOfHealing(w, own, "workspaces of "+quote(b.name))
}
