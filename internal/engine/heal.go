package engine

import (
	"slices"
	"time"

	"github.com/tfops/tfops/internal/engine/notices"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// heal asks for a sync at the applied commit where everything that a check
// found may be put back. A run that is on its way, or a commit that waits,
// comes first: it would be superseded.
func (e *Engine) heal(d *run.Tx, def fleet.Definition, p *plan.Plan) error {
	if def.Healing == nil || d.Record.Drift.Status != workspace.Drifted {
		return nil
	}
	findings, err := d.Findings()
	if err != nil {
		return err
	}
	others := []run.Run{}
	if d.Others != nil {
		if others, err = d.Others(); err != nil {
			return err
		}
	}
	v := def.Healing.Decide(p, findings, d.Now)
	busy := slices.IndexFunc(others, func(r run.Run) bool { return r.Kind.Applies() })
	switch {
	case v.Stopped:
		if d.Record.Drift.HealStopped == "" {
			d.Note("", "healing is stopped: "+v.Why)
			notices.HealStopped(d, v.Why)
		}
		d.Record.Drift.HealStopped = v.Why
		return nil
	case !v.Heal:
		leaveDrift(d, v.Why)
		return nil
	case busy >= 0:
		leaveDrift(d, "run "+others[busy].ID+" goes first")
		return nil
	case d.Record.Desired != d.Run.Commit.SHA:
		leaveDrift(d, "commit "+workspace.ShortCommit(d.Record.Desired)+" is wanted, and applying it puts things right or shows what does not fit")
		return nil
	case d.Run.Fingerprint != def.Fingerprint:
		leaveDrift(d, "the inputs of the workspace changed in the configuration and are not applied, and a sync would apply them")
		return nil
	case e.problem(def.Name) != nil:
		leaveDrift(d, "the workspace cannot be planned: "+e.problem(def.Name).Error())
		return nil
	case def.Apply == workspace.Never:
		leaveDrift(d, `the workspace has apply = "never"`)
		return nil
	}
	d.Record.Drift.HealStopped = ""
	d.SetFindings(healed(findings, v.Findings, d.Now))
	d.Note("", "healing: a sync is queued that puts it back")
	d.Follow(run.Sync, run.ByHeal, "").Fingerprint = def.Fingerprint
	return nil
}

// leaveDrift notes why a check that found drift heals nothing.
func leaveDrift(d *run.Tx, why string) {
	d.Note("", "not healed: "+why)
	d.Record.Drift.NotHealed = why
}

// healed notes the heal in the findings that it is of.
func healed(findings []drift.Finding, ids []string, now time.Time) []drift.Finding {
	out := slices.Clone(findings)
	for i, f := range out {
		if slices.Contains(ids, f.ID) {
			out[i] = f.Healed(now)
		}
	}
	return out
}

// overreach says why the plan of a run that was to heal is not applied: something
// came up between the check and the plan, and nobody has asked for that.
func overreach(d *run.Tx, p *plan.Plan) (string, error) {
	if d.Run.Trigger.Cause != run.ByHeal {
		return "", nil
	}
	findings, err := d.Findings()
	if err != nil {
		return "", err
	}
	if why := drift.Beyond(p, findings); why != "" {
		return "not applied: it was to put back what drifted, and " + why, nil
	}
	return "", nil
}
