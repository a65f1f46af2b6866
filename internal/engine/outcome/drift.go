package outcome

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/drift/places"
	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/notices"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// observe brings the findings of a run's workspace up to date with what a
// check saw, and says in the record how the world stands.
func (o Rules) observe(d *run.Tx, s Observation) error {
	s.Check.At = d.Now
	if s.Check.Took = 0; !d.Run.StartedAt.IsZero() && d.Run.Kind == run.Drift {
		s.Check.Took = d.Now.Sub(d.Run.StartedAt)
	}
	return o.Enter(&d.FindingsTx, &d.Record, s, d.Now)
}

// Enter is observe for who has no run.
func (o Rules) Enter(l *run.FindingsTx, rec *workspace.Record, s Observation, now time.Time) error {
	def, _ := o.Find(s.Check.Workspace)
	if err := l.Observe(o.RulesOf(def), run.Look{Check: s.Check, Found: s.Found, Spared: s.spared}, now); err != nil {
		return err
	}
	findings, err := l.Findings()
	if err != nil {
		return err
	}
	if len(s.Notes) > 0 {
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
	return Stands(workspace.DriftRecord{CheckedAt: c.At, DueAt: old.DueAt, HealStopped: old.HealStopped}, c.Workspace,
		findings)
}

// Stands fills in what the findings of a workspace that was checked come to.
func Stands(rec workspace.DriftRecord, name string, findings []drift.Finding) workspace.DriftRecord {
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

// NotLooked is the observation of a check that could not look.
func NotLooked(name, runID, why string) Observation {
	return Observation{Check: drift.Check{Workspace: name, Run: runID, Outcome: drift.NotChecked, Why: why,
		Blind: classify.Blinds(nil)},
		Found: classify.Differences(classify.Evidence{Failed: why})}
}

// NotChecked records that a drift run came to nothing: unknown, never clean.
// What other kinds of runs come to says nothing of drift.
func (o Rules) NotChecked(d *run.Tx, why string) error {
	if d.Run.Kind != run.Drift {
		return nil
	}
	s := NotLooked(d.Run.Workspace, d.Run.ID, why)
	s.Check.Commit = d.Run.Commit.SHA
	return o.observe(d, s)
}

// halfApplied records that nobody knows how the world stands to the applied
// commit, after an apply that may have carried out a part of its plan.
func halfApplied(d *run.Tx) {
	if d.Run.Kind != run.Refresh { // which changes nothing in the world
		d.Record.HalfDone = d.Run.ID
	}
	if d.Record.Applied != "" {
		d.Record.Drift.Status, d.Record.Drift.Why = workspace.DriftUnknown, "run "+d.Run.ID+
			" may have applied a part of its plan, and no check was made since"
	}
}

// driftFound stores what a drift check saw, and heals it where that is asked for.
func (o Rules) driftFound(d *run.Tx, def fleet.Definition, s Observation) error {
	if err := o.observe(d, s); err != nil {
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
	return o.heal(d, def, s.Plan)
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
func (o Rules) inSync(d *run.Tx, p *plan.Plan, applied bool) error {
	rec := &d.Record
	destroy := d.Run.Kind == run.Destroy
	rec.Applied, rec.AppliedFingerprint, rec.Destroyed, rec.HalfDone = d.Run.Commit.SHA, d.Run.Fingerprint, destroy, ""
	if applied {
		rec.AppliedAt = d.Now
	}
	s := Observation{Check: drift.Check{Workspace: d.Run.Workspace, Run: d.Run.ID, Commit: d.Run.Commit.SHA,
		Outcome: drift.Clean, Blind: classify.Blinds(p)}}
	switch {
	case p == nil:
	case applied: // it knows what it made as well as a check would
		s.Check.Resources = p.Left()
	default:
		s.Check.Resources = p.Compared
	}
	if applied || destroy { // what is destroyed already was found so by the run
		s.Check.LastApply, s.Check.LastApplyAt = d.Run.ID, d.Now
	}
	old := rec.Drift
	switch {
	case destroy:
		rec.Applied, rec.AppliedFingerprint = "", ""
		s.Check.Outcome = drift.NothingYet
	case applied:
		var err error
		if s.spared, err = unsaid(d, p); err != nil {
			return err
		}
	default:
		s.Found = classify.Differences(classify.Evidence{Applied: p})
	}
	if err := o.observe(d, s); err != nil {
		return err
	}
	if destroy {
		rec.Drift = workspace.DriftRecord{Status: workspace.DriftUnknown, Why: "nothing is applied: it was destroyed",
			DueAt: old.DueAt}
		return nil
	}
	rec.Drift.CheckedAt = d.Run.PlannedAt
	if applied && old.Status == workspace.Drifted && old.CheckedAt.After(d.Run.PlannedAt) {
		rec.Drift.Status, rec.Drift.Why = workspace.DriftUnknown,
			"the plan that was applied is older than the last check, which found drift; another check is on its way"
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
			f.Class != drift.Perpetual && f.LastSeen.After(d.Run.PlannedAt) && !slices.Contains(d.Run.Plan.Addresses,
				f.Address):
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

// Observation is what a check saw, before it is held against what was known.
type Observation struct {
	Check  drift.Check
	Found  []drift.Difference
	spared []string // see run.Look
	Plan   *plan.Plan
	Notes  map[string]Note // by address
}

// Note is what people want to know of an address besides what differs there.
type Note struct {
	Place     places.Place
	Owners    []string
	LastRun   string
	Approvers []string
}

// note puts what is known of an address into its findings.
func (s Observation) note(findings []drift.Finding) []drift.Finding {
	out := slices.Clone(findings)
	for i, f := range out {
		n, ok := s.Notes[f.Address]
		if !ok || f.Life == drift.Resolved {
			continue
		}
		out[i].File, out[i].Line, out[i].Owners = n.Place.File, n.Place.Line, n.Owners
		out[i].LastRun, out[i].LastApprovers = n.LastRun, n.Approvers
	}
	return out
}

// heal asks for a sync at the applied commit where everything that a check
// found may be put back. A run that is on its way, or a commit that waits,
// comes first: it would be superseded.
func (o Rules) heal(d *run.Tx, def fleet.Definition, p *plan.Plan) error {
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
		leaveDrift(d, "commit "+workspace.ShortCommit(d.Record.Desired)+
			" is wanted, and applying it puts things right or shows what does not fit")
		return nil
	case d.Run.Fingerprint != def.Fingerprint:
		leaveDrift(d, "the inputs of the workspace changed in the configuration and are not applied, and a sync "+
			"would apply them")
		return nil
	case d.Record.Obstacle != nil:
		leaveDrift(d, "the workspace cannot be planned: "+d.Record.Obstacle.Message)
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
func (o Rules) overreach(d *run.Tx, def fleet.Definition, p *plan.Plan) (string, error) {
	if d.Run.Trigger.Cause != run.ByHeal {
		return "", nil
	}
	if def.Healing == nil {
		return "not applied: it was to put back what drifted, and the workspace has heal = false now", nil
	}
	known, err := d.Findings()
	if err != nil {
		return "", err
	}
	// The plan is looked at as a check's is; what that finds is not stored.
	now, _ := o.RulesOf(def).Update(known, drift.Check{Workspace: d.Run.Workspace, Outcome: drift.Drifted},
		classify.Differences(classify.Evidence{Applied: p}), d.Now)
	if why := def.Healing.Against(p, now, d.Now); why != "" {
		return "not applied: it was to put back what drifted, and " + why, nil
	}
	return "", nil
}

// acceptance notes what the plan of a refresh takes into the state, and ends a
// run that takes nothing. done reports whether the run has ended.
func acceptance(d *run.Tx, p *plan.Plan) (done bool, err error) {
	if c := p.Counts; !p.RefreshOnly || c.Add+c.Change+c.Delete+c.Replace+c.Import+c.Move+c.Forget+len(p.Deferred)+
		len(p.Invocations) > 0 {
		// A runner of another version may not know what it was asked for.
		d.Run.Failure = &run.Failure{Message: "the plan would do more than accept the world into the state, so it " +
			"is not applied",
			Next: "restart tfops serve, so that it and its runners are of one version, then: " +
				decide.RetryCommand(d.Run)}
		return true, d.Move(run.Errored, "", d.Run.Failure.Message)
	}
	if !p.Accepts() {
		if d.Record.Drift.Status == workspace.DriftUnknown {
			checkAgain(d, run.ByRefresh)
		}
		return true, d.Move(run.PlannedAndFinished, "", p.Acceptance())
	}
	text := p.Acceptance()
	if accepted := p.Accepted(); len(accepted) > 0 {
		text += ": " + inOneLine(accepted)
	}
	d.Note("", text)
	return false, nil
}

// maxListed is how many addresses an event names; the plan has all of them.
const maxListed = 10

func inOneLine(names []string) string {
	if len(names) > maxListed {
		return strings.Join(names[:maxListed], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// refreshed records that the state took the world over. What is applied stays
// as it is; how the world stands to it only a check can tell, which follows.
func refreshed(d *run.Tx) {
	d.Record.Drift.Status, d.Record.Drift.Why = workspace.DriftUnknown, "the state was refreshed by run "+d.Run.ID+
		" and no check was made since"
	checkAgain(d, run.ByRefresh)
}

// checkAgain asks for a check of what the run has applied.
func checkAgain(d *run.Tx, cause run.Cause) {
	d.Follow(run.Drift, cause, "").Fingerprint = d.Run.Fingerprint
}
