package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// observe brings the findings of a dossier's workspace up to date with what a
// check saw, and says in the record how the world stands.
func (e *Engine) observe(d *run.Dossier, s sighting) error {
	s.check.At = d.Now
	if s.check.Took = 0; !d.Run.StartedAt.IsZero() && d.Run.Kind == run.Drift {
		s.check.Took = d.Now.Sub(d.Run.StartedAt)
	}
	return e.enter(&d.Ledger, &d.Record, s, d.Now)
}

// enter is observe for who has no run.
func (e *Engine) enter(l *run.Ledger, rec *workspace.Record, s sighting, now time.Time) error {
	settings := e.current()
	def, _ := settings.find(s.check.Workspace)
	if err := l.Observe(settings.rulesOf(def), s.check, s.found, now); err != nil {
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

// keepRules brings findings up to date with rules and acknowledgements that
// changed or ended since the last check.
func (e *Engine) keepRules(ctx context.Context) {
	e.mu.Lock()
	e.rulesEnd = time.Time{} // what is acknowledged from here on notes its own end
	e.mu.Unlock()
	all, err := e.Journal.Findings(ctx, "")
	if err != nil {
		if ctx.Err() == nil {
			e.Log.Error("findings cannot be read", "error", err)
		}
		e.rulesEndAt(time.Now().Add(time.Minute))
		return
	}
	s := e.current()
	byWorkspace := map[string][]drift.Finding{}
	for _, f := range all {
		byWorkspace[f.Workspace] = append(byWorkspace[f.Workspace], f)
	}
	end := s.Drift.NextEnd(all, time.Now())
	for name, known := range byWorkspace {
		def, configured := s.find(name)
		if !configured {
			continue
		}
		if settled, events := s.rulesOf(def).Reapply(known, time.Now()); len(events) == 0 && sameSeverities(known, settled) {
			continue
		}
		err := e.Store.ChangeHolds(ctx, name, func(h *run.Holds) error {
			now, err := h.Reapply(s.rulesOf(def), h.Now)
			if err != nil {
				return err
			}
			if h.Record.Drift.Status != workspace.DriftUnknown && h.Record.Drift.Status != "" {
				h.Record.Drift = stands(h.Record.Drift, name, now)
			}
			return e.announceHolds(h)
		})
		if err != nil && ctx.Err() == nil {
			e.Log.Error("the rules cannot be applied to findings", "workspace", name, "error", err)
			end = time.Now().Add(time.Minute)
		}
	}
	e.rulesEndAt(end)
}

// rulesEndAt notes when a rule or an acknowledgement ends, if that is before all
// others that are noted; the zero time is none.
func (e *Engine) rulesEndAt(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !at.IsZero() && (e.rulesEnd.IsZero() || at.Before(e.rulesEnd)) {
		e.rulesEnd = at
	}
}

func sameSeverities(a, b []drift.Finding) bool {
	return slices.EqualFunc(a, b, func(a, b drift.Finding) bool { return a.Severity == b.Severity })
}

// rulesEnded reports whether a rule or an acknowledgement has ended since the
// rules were last applied to all findings.
func (e *Engine) rulesEnded(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.rulesEnd.IsZero() && !now.Before(e.rulesEnd)
}

// rulesOf are the rules that concern a workspace.
func (s *Settings) rulesOf(def Definition) drift.Rules {
	rules := drift.Rules{Severity: s.Drift.Severity}
	for _, r := range s.Drift.Ignore {
		if r.Concerns(def.Name, def.Labels) {
			rules.Ignore = append(rules.Ignore, r)
		}
	}
	return rules
}

// failed is the sighting of a check that could not look.
func failed(name, runID, why string) sighting {
	return sighting{check: drift.Check{Workspace: name, Run: runID, Outcome: drift.NotChecked, Why: why, Blind: drift.Blinds(nil)},
		found: drift.Classify(drift.Evidence{Failed: why})}
}

// notChecked records that a drift run came to nothing: unknown, never clean.
// What other kinds of runs come to says nothing of drift.
func (e *Engine) notChecked(d *run.Dossier, why string) error {
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
	return e.Store.ChangeHolds(ctx, rec.Name, func(h *run.Holds) error {
		if h.Record.Applied != rec.Applied || h.Record.AppliedFingerprint != rec.AppliedFingerprint {
			return nil
		}
		s := failed(rec.Name, "", "the check could not be made: "+why.Error())
		s.check.At = h.Now
		if err := e.enter(&h.Ledger, &h.Record, s, h.Now); err != nil {
			return err
		}
		return e.announceHolds(h)
	})
}

// halfApplied records that nobody knows how the world stands to the applied
// commit, after an apply that may have carried out a part of its plan.
func halfApplied(d *run.Dossier) {
	if d.Record.Applied != "" {
		d.Record.Drift.Status, d.Record.Drift.Why = workspace.DriftUnknown, "run "+d.Run.ID+" may have applied a part of its plan, and no check was made since"
	}
}

// driftFound stores what a drift check saw, and heals it where that is asked for.
func (e *Engine) driftFound(d *run.Dossier, def Definition, s sighting) error {
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

// heal asks for a sync at the applied commit where everything that a check
// found may be put back. A run that is on its way, or a commit that waits,
// comes first: it would be superseded.
func (e *Engine) heal(d *run.Dossier, def Definition, p *plan.Plan) error {
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
			healStopped(d, v.Why)
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
		leaveDrift(d, "commit "+short(d.Record.Desired)+" is wanted, and applying it puts things right or shows what does not fit")
		return nil
	case d.Run.Fingerprint != def.fingerprint:
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
	d.Follow(run.Sync, run.ByHeal, "").Fingerprint = def.fingerprint
	return nil
}

// leaveDrift notes why a check that found drift heals nothing.
func leaveDrift(d *run.Dossier, why string) {
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
func overreach(d *run.Dossier, p *plan.Plan) (string, error) {
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

// inSync records that the world is what the run's commit says: p is the plan
// that said so, or that was carried out.
func (e *Engine) inSync(d *run.Dossier, p *plan.Plan, applied bool) error {
	rec := &d.Record
	destroy := d.Run.Kind == run.Destroy
	rec.Applied, rec.AppliedFingerprint, rec.Destroyed = d.Run.Commit.SHA, d.Run.Fingerprint, destroy
	if applied {
		rec.AppliedAt = d.Now
	}
	s := sighting{check: drift.Check{Workspace: d.Run.Workspace, Run: d.Run.ID, Commit: d.Run.Commit.SHA, Outcome: drift.Clean, Blind: drift.Blinds(p)}}
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
	var newer []drift.Finding
	switch {
	case destroy:
		rec.Applied, rec.AppliedFingerprint = "", ""
		s.check.Outcome = drift.NothingYet
	case applied:
		var err error
		if s.found, err = outlasting(d, p); err != nil {
			return err
		}
		if newer, err = aside(d); err != nil {
			return err
		}
	default:
		s.found = drift.Classify(drift.Evidence{Applied: p})
	}
	if err := e.observe(d, s); err != nil {
		return err
	}
	if err := back(d, newer, s.found); err != nil {
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

// outlasting are the differences that an apply says nothing of: what comes
// back right after one, and checks, whose outcome an apply does not tell.
// What the apply took out of the state does not come back.
func outlasting(d *run.Dossier, p *plan.Plan) ([]drift.Difference, error) {
	findings, err := d.Findings()
	var kept []drift.Difference
	for _, f := range findings {
		if f.Life != drift.Resolved && (f.Class == drift.Perpetual && !takes(p, f.Address) || f.Class == drift.CheckFailed) {
			kept = append(kept, f.Difference)
		}
	}
	return kept, err
}

// takes reports whether a plan takes a resource out of the state; nil takes none.
func takes(p *plan.Plan, address string) bool {
	return p != nil && slices.ContainsFunc(p.Changes, func(c plan.Change) bool {
		return c.Address == address && c.Deposed == "" && (c.Action == plan.Delete || c.Action == plan.Forget)
	})
}

// aside takes out of a dossier what checks saw after the run's plan was made and
// the plan does nothing about: its apply leaves that as it is.
func aside(d *run.Dossier) (newer []drift.Finding, err error) {
	findings, err := d.Findings()
	if err != nil {
		return nil, err
	}
	var rest []drift.Finding
	for _, f := range findings {
		if f.Life != drift.Resolved && f.LastSeen.After(d.Run.PlannedAt) && !slices.Contains(d.Run.Plan.Addresses, f.Address) &&
			f.Class != drift.Unchecked && f.Class != drift.PendingCommit && f.Class != drift.Perpetual && f.Class != drift.CheckFailed {
			newer = append(newer, f)
		} else {
			rest = append(rest, f)
		}
	}
	if len(newer) > 0 {
		d.SetFindings(rest)
	}
	return newer, nil
}

// back puts what was taken aside back into the dossier, its record and its check.
func back(d *run.Dossier, newer []drift.Finding, found []drift.Difference) error {
	if len(newer) == 0 {
		return nil
	}
	findings, err := d.Findings()
	if err != nil {
		return err
	}
	all := append(slices.Clone(findings), newer...)
	d.SetFindings(all)
	check := &d.Checks[len(d.Checks)-1]
	*check = check.Concluded(found, all)
	d.Record.Drift = stands(d.Record.Drift, d.Run.Workspace, all)
	return nil
}
