package acts

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/natural"
	"github.com/tfops/tfops/internal/run"
)

// FindingQuery selects findings.
type FindingQuery struct {
	Workspace string       // "" for all
	Lives     []drift.Life // none: all that are not resolved
}

// Findings lists findings of the workspaces that are configured, worst first.
func (act *Actions) Findings(ctx context.Context, q FindingQuery) ([]drift.Finding, error) {
	if q.Workspace != "" {
		if _, err := act.Txn.Settings.Get().Workspace(q.Workspace); err != nil {
			return nil, err
		}
	}
	all, err := act.Journal.Findings(ctx, q.Workspace)
	if err != nil {
		return nil, err
	}
	s := act.Txn.Settings.Get()
	out := []drift.Finding{}
	for _, f := range all {
		if _, known := s.Find(f.Workspace); !known {
			continue
		}
		if len(q.Lives) == 0 && f.Life != drift.Resolved || slices.Contains(q.Lives, f.Life) {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b drift.Finding) int {
		return cmp.Or(a.Severity.Compare(b.Severity), natural.Compare(a.Workspace, b.Workspace),
			natural.Compare(a.Address, b.Address), strings.Compare(string(a.Class), string(b.Class)))
	})
	return out, nil
}

// Finding shows one finding.
func (act *Actions) Finding(ctx context.Context, id string) (drift.Finding, error) {
	return act.Journal.Finding(ctx, id)
}

// Acknowledge records that a person knows of a finding: until a time, or,
// without one, until it is resolved.
func (act *Actions) Acknowledge(ctx context.Context, a access.Actor, id, reason string, until time.Time) (drift.Finding,
	error) {
	f, err := act.changeFinding(ctx, id, func(h *run.WorkspaceTx, f drift.Finding) (drift.Finding, error) {
		f, _, err := drift.Acknowledge(f, drift.Ack{By: a.Name, Reason: strings.TrimSpace(reason), Until: until}, h.Now)
		h.Audit(a, "acknowledge "+id, reason)
		return f, err
	})
	if err == nil && !until.IsZero() {
		act.Upkeep.RulesEndAt(until)
		act.Txn.Calendar.Send()
	}
	return f, err
}

// Unacknowledge takes an acknowledgement back.
func (act *Actions) Unacknowledge(ctx context.Context, a access.Actor, id string) (drift.Finding, error) {
	return act.changeFinding(ctx, id, func(h *run.WorkspaceTx, f drift.Finding) (drift.Finding, error) {
		f, _, err := drift.Unacknowledge(f, h.Now)
		h.Audit(a, "unacknowledge "+id, "")
		return f, err
	})
}

// changeFinding lets fn decide about one finding, in one transaction.
func (act *Actions) changeFinding(ctx context.Context, id string,
	fn func(*run.WorkspaceTx, drift.Finding) (drift.Finding, error)) (drift.Finding, error) {
	f, err := act.Journal.Finding(ctx, id)
	if err != nil {
		return f, err
	}
	err = act.holds(ctx, f.Workspace, func(h *run.WorkspaceTx) error {
		known, err := h.Findings()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(known, func(k drift.Finding) bool { return k.ID == id })
		if i < 0 {
			return fault.New(fault.NotFound, "tfops drift findings", "finding %s is not there any more", id)
		}
		if f, err = fn(h, known[i]); err != nil {
			return err
		}
		now := slices.Clone(known)
		now[i] = f
		h.SetFindings(now)
		return nil
	})
	return f, err
}
