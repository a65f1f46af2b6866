package upkeep

import (
	"context"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// KeepRules brings findings up to date with rules and acknowledgements that
// changed or ended since the last check.
func (u *Keeper) KeepRules(ctx context.Context) {
	u.mu.Lock()
	u.rulesEnd = time.Time{} // what is acknowledged from here on notes its own end
	u.mu.Unlock()
	all, err := u.journal.Findings(ctx, "")
	if err != nil {
		if ctx.Err() == nil {
			u.log.Error("findings cannot be read", "error", err)
		}
		u.RulesEndAt(time.Now().Add(time.Minute))
		return
	}
	s := u.txn.Settings.Get()
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
		if settled, events := s.RulesOf(def).Reapply(known, time.Now()); len(events) == 0 &&
			sameSeverities(known, settled) {
			continue
		}
		err := u.txn.ChangeWorkspace(ctx, name, func(h *run.WorkspaceTx) error {
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
			u.log.Error("the rules cannot be applied to findings", "workspace", name, "error", err)
			end = time.Now().Add(time.Minute)
		}
	}
	u.RulesEndAt(end)
}

// RulesEndAt notes when a rule or an acknowledgement ends, if that is before all
// others that are noted; the zero time is none.
func (u *Keeper) RulesEndAt(at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !at.IsZero() && (u.rulesEnd.IsZero() || at.Before(u.rulesEnd)) {
		u.rulesEnd = at
	}
}

func sameSeverities(a, b []drift.Finding) bool {
	return slices.EqualFunc(a, b, func(a, b drift.Finding) bool { return a.Severity == b.Severity })
}

// rulesEnded reports whether a rule or an acknowledgement has ended since the
// rules were last applied to all findings.
func (u *Keeper) rulesEnded(now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.rulesEnd.IsZero() && !now.Before(u.rulesEnd)
}
