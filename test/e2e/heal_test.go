package e2e

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store"
)

// cmdHealed puts the heals of a finding back in time, in the store of a daemon
// that is stopped: healed FINDING DURATION. The least time between two heals is
// a minute, which no script need wait for.
func cmdHealed(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	id, args := instance(args)
	if p := s.daemons[id]; neg || len(args) != 2 || p == nil || p.running() {
		ts.Fatalf("usage: healed [@ID] FINDING DURATION, once the daemon has stopped")
	}
	ago, err := time.ParseDuration(args[1])
	ts.Check(err)
	st, err := store.Open(filepath.Join(s.work, id, "tfops.db"), store.Options{})
	ts.Check(err)
	defer st.Close()
	ctx := context.Background()
	f, err := st.Finding(ctx, args[0])
	ts.Check(err)
	ts.Check(st.ChangeWorkspace(ctx, f.Workspace, func(h *run.WorkspaceTx) error {
		known, err := h.Findings()
		if err != nil {
			return err
		}
		known = slices.Clone(known)
		i := slices.IndexFunc(known, func(k drift.Finding) bool { return k.ID == f.ID })
		known[i].Heals = slices.Clone(known[i].Heals)
		for n, at := range known[i].Heals {
			known[i].Heals[n] = at.Add(-ago)
		}
		h.SetFindings(known)
		return nil
	}))
}
