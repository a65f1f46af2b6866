package engine

import (
	"context"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/engine/outcome"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

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
	s := e.txn.Settings.Get()
	byWorkspace := map[string][]drift.Finding{}
	for _, f := range all {
		byWorkspace[f.Workspace] = append(byWorkspace[f.Workspace], f)
	}
	end := s.Drift.NextEnd(all, time.Now())
	for name, known := range byWorkspace {
		def, configured := s.Find(name)
		if !configured {
			continue
		}
		if settled, events := s.RulesOf(def).Reapply(known, time.Now()); len(events) == 0 && sameSeverities(known, settled) {
			continue
		}
		err := e.txn.ChangeWorkspace(ctx, name, func(h *run.WorkspaceTx) error {
			now, err := h.Reapply(s.RulesOf(def), h.Now)
			if err != nil {
				return err
			}
			if h.Record.Drift.Status != workspace.DriftUnknown && h.Record.Drift.Status != "" {
				h.Record.Drift = outcome.Stands(h.Record.Drift, name, now)
			}
			return nil
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
