package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// observe brings the findings of a run's workspace up to date with what a
// check saw, and says in the record how the world stands.
func (e *Engine) observe(d *run.Tx, s observation) error {
	s.check.At = d.Now
	if s.check.Took = 0; !d.Run.StartedAt.IsZero() && d.Run.Kind == run.Drift {
		s.check.Took = d.Now.Sub(d.Run.StartedAt)
	}
	return e.enter(&d.FindingsTx, &d.Record, s, d.Now)
}

// enter is observe for who has no run.
func (e *Engine) enter(l *run.FindingsTx, rec *workspace.Record, s observation, now time.Time) error {
	set := e.txn.Settings.Get()
	def, _ := set.Find(s.check.Workspace)
	if err := l.Observe(set.RulesOf(def), run.Look{Check: s.check, Found: s.found, Spared: s.spared}, now); err != nil {
		return err
	}
	findings, err := l.Findings()
	if err != nil {
		return err
	}
	if len(s.notes) > 0 {
		findings = s.note(findings)
		l.SetFindings(findings)
	}
	rec.Drift = standing(rec.Drift, l.Checks[len(l.Checks)-1], findings)
	return nil
}

// standing is what a record says after a check.
func standing(old workspace.DriftRecord, c drift.Check, findings []drift.Finding) workspace.DriftRecord {
	if c.Outcome == drift.NotChecked {
		old.Status, old.Why = workspace.DriftUnknown, c.Why
		return old
	}
	return stands(workspace.DriftRecord{CheckedAt: c.At, DueAt: old.DueAt, HealStopped: old.HealStopped}, c.Workspace, findings)
}

// stands fills in what the findings of a workspace that was checked come to.
func stands(rec workspace.DriftRecord, name string, findings []drift.Finding) workspace.DriftRecord {
	rec.Status, rec.Addresses, rec.Since = workspace.DriftNone, nil, time.Time{}
	for _, f := range findings {
		if f.Workspace != name || !f.Stands() {
			continue
		}
		rec.Status = workspace.Drifted
		if !slices.Contains(rec.Addresses, f.Address) {
			rec.Addresses = append(rec.Addresses, f.Address)
		}
		if at := f.Since(); rec.Since.IsZero() || at.Before(rec.Since) {
			rec.Since = at
		}
	}
	if slices.Sort(rec.Addresses); rec.Status == workspace.DriftNone {
		rec.HealStopped, rec.NotHealed = "", ""
	}
	return rec
}

// failed is the observation of a check that could not look.
func failed(name, runID, why string) observation {
	return observation{check: drift.Check{Workspace: name, Run: runID, Outcome: drift.NotChecked, Why: why, Blind: classify.Blinds(nil)},
		found: classify.Differences(classify.Evidence{Failed: why})}
}

// notChecked records that a drift run came to nothing: unknown, never clean.
// What other kinds of runs come to says nothing of drift.
func (e *Engine) notChecked(d *run.Tx, why string) error {
	if d.Run.Kind != run.Drift {
		return nil
	}
	s := failed(d.Run.Workspace, d.Run.ID, why)
	s.check.Commit = d.Run.Commit.SHA
	return e.observe(d, s)
}

// notCheckable records that a check could not even be begun, of a workspace as
// its record was: what was applied meanwhile is another ground.
func (e *Engine) notCheckable(ctx context.Context, rec workspace.Record, why error) error {
	return e.txn.ChangeWorkspace(ctx, rec.Name, func(h *run.WorkspaceTx) error {
		if h.Record.Applied != rec.Applied || h.Record.AppliedFingerprint != rec.AppliedFingerprint {
			return nil
		}
		s := failed(rec.Name, "", "the check could not be made: "+why.Error())
		s.check.At = h.Now
		if err := e.enter(&h.FindingsTx, &h.Record, s, h.Now); err != nil {
			return err
		}
		return nil
	})
}

// halfApplied records that nobody knows how the world stands to the applied
// commit, after an apply that may have carried out a part of its plan.
func halfApplied(d *run.Tx) {
	if d.Run.Kind != run.Refresh { // which changes nothing in the world
		d.Record.HalfDone = d.Run.ID
	}
	if d.Record.Applied != "" {
		d.Record.Drift.Status, d.Record.Drift.Why = workspace.DriftUnknown, "run "+d.Run.ID+" may have applied a part of its plan, and no check was made since"
	}
}

// driftFound stores what a drift check saw, and heals it where that is asked for.
func (e *Engine) driftFound(d *run.Tx, def fleet.Definition, s observation) error {
	if err := e.observe(d, s); err != nil {
		return err
	}
	text := "no drift"
	switch c := d.Checks[len(d.Checks)-1]; c.Outcome {
	case drift.Drifted:
		text = "drifted: " + foundText(c)
	case drift.NotChecked:
		text = "not checked: " + c.Why
	default:
		if len(c.Counts) > 0 {
			text = "no drift but " + foundText(c)
		}
	}
	d.Run.Found = &run.Found{Drift: d.Record.Drift.Status, Addresses: d.Record.Drift.Addresses}
	if d.Run.Found.Drift == workspace.DriftUnknown { // the record tells what was known before, too
		d.Run.Found = &run.Found{Drift: workspace.DriftUnknown, Why: d.Record.Drift.Why}
	}
	if err := d.Move(run.PlannedAndFinished, "", text); err != nil {
		return err
	}
	return e.heal(d, def, s.plan)
}

// foundText counts what a check found, by class in the order of reports.
func foundText(c drift.Check) string {
	text := ""
	for _, class := range drift.Classes() {
		if n := c.Counts[class]; n > 0 {
			if text != "" {
				text += ", "
			}
			text += fmt.Sprintf("%d %s", n, class)
		}
	}
	return text
}

// inSync records that the world is what the run's commit says: p is the plan
// that said so, or that was carried out.
func (e *Engine) inSync(d *run.Tx, p *plan.Plan, applied bool) error {
	rec := &d.Record
	destroy := d.Run.Kind == run.Destroy
	rec.Applied, rec.AppliedFingerprint, rec.Destroyed, rec.HalfDone = d.Run.Commit.SHA, d.Run.Fingerprint, destroy, ""
	if applied {
		rec.AppliedAt = d.Now
	}
	s := observation{check: drift.Check{Workspace: d.Run.Workspace, Run: d.Run.ID, Commit: d.Run.Commit.SHA, Outcome: drift.Clean, Blind: classify.Blinds(p)}}
	switch {
	case p == nil:
	case applied: // it knows what it made as well as a check would
		s.check.Resources = p.Left()
	default:
		s.check.Resources = p.Compared
	}
	if applied || destroy { // what is destroyed already was found so by the run
		s.check.LastApply, s.check.LastApplyAt = d.Run.ID, d.Now
	}
	old := rec.Drift
	switch {
	case destroy:
		rec.Applied, rec.AppliedFingerprint = "", ""
		s.check.Outcome = drift.NothingYet
	case applied:
		var err error
		if s.spared, err = unsaid(d, p); err != nil {
			return err
		}
	default:
		s.found = classify.Differences(classify.Evidence{Applied: p})
	}
	if err := e.observe(d, s); err != nil {
		return err
	}
	if destroy {
		rec.Drift = workspace.DriftRecord{Status: workspace.DriftUnknown, Why: "nothing is applied: it was destroyed", DueAt: old.DueAt}
		return nil
	}
	rec.Drift.CheckedAt = d.Run.PlannedAt
	if applied && old.Status == workspace.Drifted && old.CheckedAt.After(d.Run.PlannedAt) {
		rec.Drift.Status, rec.Drift.Why = workspace.DriftUnknown, "the plan that was applied is older than the last check, which found drift; another check is on its way"
		checkAgain(d, run.ByApply)
	}
	return nil
}

// unsaid are the findings that an apply says nothing of, so that it does not
// resolve them: what checks saw after its plan was made and the plan does nothing
// about; what comes back right after an apply, unless it was taken out of the
// state; and conditions, whose outcome an apply does not tell.
func unsaid(d *run.Tx, p *plan.Plan) (ids []string, err error) {
	findings, err := d.Findings()
	for _, f := range findings {
		switch {
		case f.Life == drift.Resolved, f.Class == drift.Unchecked, f.Class == drift.PendingCommit:
		case f.Class == drift.CheckFailed,
			f.Class == drift.Perpetual && !takes(p, f.Address),
			f.Class != drift.Perpetual && f.LastSeen.After(d.Run.PlannedAt) && !slices.Contains(d.Run.Plan.Addresses, f.Address):
			ids = append(ids, f.ID)
		}
	}
	return ids, err
}

// takes reports whether a plan takes a resource out of the state; nil takes none.
func takes(p *plan.Plan, address string) bool {
	return p != nil && slices.ContainsFunc(p.Changes, func(c plan.Change) bool {
		return c.Address == address && c.Deposed == "" && (c.Action == plan.Delete || c.Action == plan.Forget)
	})
}
