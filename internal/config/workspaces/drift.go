package workspaces

import (
	"strconv"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/workspace"
)

// warnOfHealing warns of healing that cannot come about. named is how a message
// calls the workspace.
func (r reader) warnOfHealing(w Workspace, own settings, named string) {
	at, heal := w.Range, own.flag["heal"]
	if heal.Set {
		at = heal.Range
	}
	switch {
	case w.Drift.Heal && w.Apply == workspace.Never:
		r.Warnf(at, "healing without applies",
			"With apply = \"never\" nothing is applied, so nothing is healed in %s.", named)
	case w.Drift.Heal && w.Drift.Schedule == "" && (heal.Set || !own.text["schedule"].Set):
		r.Warnf(at, "healing without a schedule", "Nothing checks %s for drift by itself, so nothing is healed. "+
			"Give it a schedule beside heal.", named)
	case !w.Drift.Heal && !r.Failed():
		const noEffect = " has no effect"
		if only := own.list["heal_only"]; only.Set {
			r.Warnf(only.Range, "heal_only"+noEffect, "Nothing is healed in %s: that takes heal = true.", named)
		}
		if cooldown := own.duration["heal_cooldown"]; cooldown.Set {
			r.Warnf(cooldown.Range, "heal_cooldown"+noEffect, "Nothing is healed in %s: that takes heal = true.", named)
		}
	}
}

// warnOfGenerator is warnOfHealing for all that a workspaces block makes, as
// far as its matches do not matter.
func (r reader) warnOfGenerator(b decode.Block, own, defaults settings) {
	w := own.over(defaults).workspace("")
	w.Range = b.Header
	for _, hb := range b.Body.Blocks {
		if hb.Type != schema.Drift.Type {
			continue
		}
		if hb.Body.Attributes["schedule"] != nil && !own.text["schedule"].Set {
			w.Drift.Schedule = "of a match"
		}
		if hb.Body.Attributes["heal"] != nil && !own.flag["heal"].Set {
			return
		}
	}
	if b.Has("apply") && !own.text["apply"].Set {
		w.Apply = workspace.Manual
	}
	r.warnOfHealing(w, own, "workspaces of "+strconv.Quote(b.Name))
}
