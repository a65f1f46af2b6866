package engine

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// A state that was brought waits, over a crash, as long as its run is to import
// it, and no longer; what a crash left of one that no run knows is swept.
func TestImportsWaitAsLongAsTheirRun(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		g.want("a", run.AwaitingApproval)
		if err := g.engine.Lock(context.Background(), ana, "a", "by hand"); err != nil {
			t.Fatal(err)
		}
		text := stateText("L", 7, 2)
		r, err := g.engine.ImportState(context.Background(), ana, "a", acts.Import{State: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		g.settle()
		staged := func() []string {
			found, err := filepath.Glob(g.engine.txn.Files.Workspace("a").Import("import-*"))
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		if got := staged(); len(got) != 1 || filepath.Base(got[0]) != r.Moving.Import.File {
			t.Fatalf("there are %q, and the run says %s", got, r.Moving.Import.File)
		}
		left := g.engine.txn.Files.Workspace("a").Import("import-left.tfstate.age")
		if err := os.WriteFile(left, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		g.restart()
		g.settle()
		if got := staged(); len(got) != 1 || got[0] == left {
			t.Fatalf("after the crash there are %q", got)
		}
		if err := g.engine.Unlock(context.Background(), ana, "a", ""); err != nil {
			t.Fatal(err)
		}
		g.settle()
		ph := g.runners.newest()
		if string(ph.secrets.State) != text || ph.job.Move == nil || !ph.job.Move.Import || ph.job.Move.Replace {
			t.Errorf("the runner gets %q, %+v", ph.secrets.State, ph.job.Move)
		}
		if got := g.get(r.ID); !got.Status.Terminal() || len(staged()) != 0 {
			t.Errorf("the run is %s, and there are %q", got.Status, staged())
		}
	}, define("a"))
}

func TestImportable(t *testing.T) {
	applied := func(resources int) *workspace.AppliedState {
		return &workspace.AppliedState{StateRef: ref("s", "s3", resources)}
	}
	active := func(s run.Status) run.Queue {
		return run.Listing{Active: []run.Run{{ID: "r", Workspace: "a", Status: s}}}.Queue()
	}
	for _, c := range []struct {
		name string
		q    run.Queue
		rec  workspace.Record
		in   acts.Import
		says string
	}{
		{name: "nothing applied", rec: workspace.Record{Head: "c"}},
		{name: "an empty state", rec: workspace.Record{Head: "c", AppliedState: applied(0)}},
		{name: "a plan waits", q: active(run.AwaitingApproval), rec: workspace.Record{Head: "c"}},
		{name: "an unread branch", says: "not read yet"},
		{name: "a plan", q: active(run.Planning), rec: workspace.Record{Head: "c"}, says: "is planning"},
		{name: "an apply that is about to begin", q: active(run.ApplyQueued), rec: workspace.Record{Head: "c"},
			says: "is apply_queued"},
		{name: "an apply", q: active(run.Applying), rec: workspace.Record{Head: "c"}, says: "is applying"},
		{name: "an interrupted apply", q: active(run.Interrupted), rec: workspace.Record{Head: "c"},
			says: "is interrupted"},
		{name: "a lost state", rec: workspace.Record{Head: "c",
			StateTrouble: &workspace.StateTrouble{Why: "it is gone"}}, says: "it is gone"},
		{name: "what was applied", rec: workspace.Record{Head: "c", AppliedState: applied(2)},
			says: "with 2 resources"},
		{name: "elsewhere", rec: workspace.Record{Head: "c", State: "other", AppliedState: applied(2)},
			says: "applied to another state"},
		{name: "without a reason", rec: workspace.Record{Head: "c", AppliedState: applied(2)},
			in: acts.Import{Replace: true}, says: "say why"},
		{name: "on purpose", rec: workspace.Record{Head: "c", AppliedState: applied(2)},
			in: acts.Import{Replace: true, Reason: "x"}},
		{name: "on purpose, during an apply", q: active(run.Applying),
			rec: workspace.Record{Head: "c", AppliedState: applied(2)}, in: acts.Import{Replace: true, Reason: "x"},
			says: "is applying"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.rec.Name = "a"
			err := acts.Importable(c.q, c.rec, c.in)
			if (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) ||
				fault.Next(err) == "") {
				t.Errorf("%v (%s), want %q", err, fault.Next(err), c.says)
			}
		})
	}
}
