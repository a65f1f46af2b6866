package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/remains"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner"
	"github.com/tfops/tfops/internal/workspace"
)

// called is the workspace of directory "a" under a name, with the one before.
func called(name, before string, change ...func(*fleet.Definition)) fleet.Definition {
	return define(name, append(change, auto, func(d *fleet.Definition) { d.Dir, d.RenamedFrom = "a", before })...)
}

func (g *rig) record(name string) workspace.Record {
	g.t.Helper()
	all, err := g.store.Records(context.Background())
	if err != nil {
		g.t.Fatal(err)
	}
	return all[name]
}

// wantRenamed asserts that b is what a was: nothing was made anew.
func (g *rig) wantRenamed(old, name string, applied run.Run) {
	g.t.Helper()
	rec, former := g.record(name), g.record(old)
	if rec.Applied != applied.Commit.SHA || rec.AppliedState == nil || rec.RenamedFrom != old || !former.Former() ||
		former.Renamed.To != name {
		g.t.Errorf("%s is %+v and %s is %+v", name, rec, old, former)
	}
	if !slices.ContainsFunc(g.runs(name), func(r run.Run) bool { return r.ID == applied.ID && r.Workspace == name }) ||
		len(g.runs(old)) != 0 {
		g.t.Errorf("%s has runs %+v, and %s %+v", name, g.runs(name), old, g.runs(old))
	}
	applies := 0
	for _, any := range []string{"a", "b", "c"} {
		applies += g.runners.count(any, job.ApplyPhase)
	}
	if applies != 1 {
		g.t.Errorf("%d applies", applies)
	}
	if s := g.view(name); s.Sync != workspace.Synced {
		g.t.Errorf("%s is %s", name, s.Sync)
	}
}

func TestRename(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		applied := g.want("a", run.Applied)
		if err := g.engine.Suspend(context.Background(), ana, "a", "a freeze", time.Time{}); err != nil {
			t.Fatal(err)
		}
		if err := g.engine.Lock(context.Background(), ana, "a", "I work on it"); err != nil {
			t.Fatal(err)
		}
		dir := g.engine.txn.Files.Workspace("a").Dir()
		g.configure(called("b", "a"))
		g.pass(0)
		g.wantRenamed("a", "b", applied)
		if len(g.runs("b")) != 1 {
			t.Errorf("%d runs", len(g.runs("b")))
		}
		if g.engine.txn.Files.Workspace("b").Dir() != dir || g.engine.txn.Files.Workspace("a").Dir() == dir {
			t.Errorf("b lies in %s, a in %s, and a lay in %s", g.engine.txn.Files.Workspace("b").Dir(),
				g.engine.txn.Files.Workspace("a").Dir(), dir)
		}
		v := g.view("b")
		if v.Record.Suspension == nil || v.Record.Suspension.Reason != "a freeze" || v.Lock == nil ||
			v.Lock.Workspace != "b" {
			t.Errorf("suspended %+v, locked %+v", v.Record.Suspension, v.Lock)
		}
		_, err := g.engine.Start(context.Background(), ana, acts.Order{Workspace: "a", Kind: run.Sync})
		wantFault(t, err, fault.NotFound)
		if !strings.Contains(err.Error(), "called b") {
			t.Error(err)
		}
		// It stays so: through a restart, with and without the attribute.
		g.restart()
		g.wantRenamed("a", "b", applied)
		g.configure(called("b", ""))
		g.pass(0)
		g.wantRenamed("a", "b", applied)
		// And once more, and back.
		g.configure(called("c", "b"))
		g.pass(0)
		g.wantRenamed("b", "c", applied)
		g.configure(called("a", "c"))
		g.restart()
		g.wantRenamed("c", "a", applied)
		if g.engine.txn.Files.Workspace("a").Dir() != dir {
			t.Errorf("a lies in %s", g.engine.txn.Files.Workspace("a").Dir())
		}
		g.configure(called("a", "c"), called("c", "", func(d *fleet.Definition) { d.Dir = "c" })) // the name is free
		g.commit("c/main.tf")
		if r := g.want("c", run.Applied); filepath.Base(
			g.engine.txn.Files.Workspace(r.Workspace).Dir()) == filepath.Base(dir) {
			t.Error("two workspaces have one directory")
		}
	}, called("a", ""))
}

// A kill at any write finds the rename done or not begun.
func TestRenameDies(t *testing.T) {
	for n := 1; n <= 6; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, after %v", n, after), func(t *testing.T) {
				bubble(t, func(t *testing.T, g *rig) {
					g.start()
					g.commit("a/main.tf")
					applied := g.want("a", run.Applied)
					g.dying.dieAt(n, after)
					_ = g.engine.Configure(context.Background(), g.settings(called("b", "a")))
					g.pass(0)
					g.restart()
					g.wantRenamed("a", "b", applied)
					g.commit("elsewhere")
					g.wantRenamed("a", "b", applied)
				}, called("a", ""))
			})
		}
	}
}

// A rename waits for a runner that is at work, and for no longer.
func TestRenameWaits(t *testing.T) {
	for _, phase := range []job.Phase{job.PlanPhase, job.ApplyPhase} {
		for _, restarts := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restarts %v", phase, restarts), func(t *testing.T) {
				bubble(t, func(t *testing.T, g *rig) {
					g.runners.set(func(p *players) { p.hold[phase] = true })
					g.start()
					g.commit("a/main.tf")
					r := g.last("a")
					g.configure(called("b", "a"))
					if restarts {
						g.restart()
					}
					g.pass(0)
					if v := g.view("b"); v.Problem == nil || !strings.Contains(v.Problem.Error(), r.ID) ||
						fault.Next(v.Problem) != "tfops wait "+r.ID {
						t.Errorf("b waits for %v", v.Problem)
					}
					_, err := g.engine.Start(context.Background(), ana, acts.Order{Workspace: "b", Kind: run.Sync})
					wantFault(t, err, fault.Conflict)
					g.commit("a/main.tf") // nothing is planned meanwhile
					if len(g.runs("b")) != 0 || len(g.runs("a")) != 1 {
						t.Errorf("%d runs of b", len(g.runs("b")))
					}
					g.runners.set(func(p *players) { p.hold[phase] = false })
					g.runners.end(t)
					g.pass(0)
					if got := g.get(r.ID); got.Workspace != "b" || got.Status.Unapplied() {
						t.Errorf("%s of %s", got.Status, got.Workspace)
					}
					g.commit("a/main.tf")
					g.want("b", run.Applied)
					if v := g.view("b"); v.Problem != nil || v.Sync != workspace.Synced ||
						v.Record.AppliedState.At.Dir != "a" {
						t.Errorf("%s, %v, %+v", v.Sync, v.Problem, v.Record.AppliedState)
					}
				}, called("a", ""))
			})
		}
	}
}

// A plan that waits goes along with its votes: nothing that it stands on moves.
func TestRenameTakesWhatWaits(t *testing.T) {
	manual := func(d *fleet.Definition) { d.Apply = workspace.Manual }
	b := called("b", "a")
	manual(&b)
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		r := g.want("a", run.AwaitingApproval)
		if err := g.engine.Lock(context.Background(), ana, "a", "not now"); err != nil {
			t.Fatal(err)
		}
		g.approve(ana, r)
		g.want("a", run.ApplyQueued)
		g.configure(b)
		g.pass(0)
		if got := g.want("b", run.ApplyQueued); got.ID != r.ID {
			t.Errorf("run %s, and %s was approved", got.ID, r.ID)
		}
		if err := g.engine.Unlock(context.Background(), ana, "b", ""); err != nil {
			t.Fatal(err)
		}
		g.settle()
		if got := g.want("b", run.Applied); got.ID != r.ID {
			t.Errorf("run %s, and %s was approved", got.ID, r.ID)
		}
	}, define("a"))
}

// What is interrupted keeps its lock, and is resolved under the new name.
func TestRenameOfInterrupted(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
		g.start()
		g.commit("a/main.tf")
		g.runners.vanish(t)
		r := g.want("a", run.Interrupted)
		g.configure(called("b", "a"))
		g.pass(0)
		if got := g.want("b", run.Interrupted); got.ID != r.ID || g.view("b").Lock == nil ||
			g.view("b").Lock.Run != r.ID {
			t.Errorf("%+v", g.view("b").Lock)
		}
	}, called("a", ""))
}

// Without renamed_from nothing is made anew, either: it waits, and says what to write.
func TestRenameForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		applied := g.want("a", run.Applied)
		g.configure(called("b", ""))
		g.commit("elsewhere")
		r := g.want("b", run.AwaitingApproval)
		if r.NewState == nil || r.NewState.Was != "a" || !strings.Contains(r.NewState.String(), `renamed_from = "a"`) {
			t.Fatalf("%+v", r.NewState)
		}
		g.configure(called("b", "a"))
		g.commit("elsewhere")
		g.wantRenamed("a", "b", applied)
		if got := g.get(r.ID); got.Status != run.Discarded {
			t.Errorf("its run is %s", got.Status)
		}
	}, called("a", ""))
}

func TestRenameRefused(t *testing.T) {
	other := define("b", auto)
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.want("a", run.Applied)
		g.want("b", run.Applied)
		refused := func(says string, defs ...fleet.Definition) {
			t.Helper()
			g.configure(defs...)
			g.commit("a/main.tf", "b/main.tf")
			name := defs[0].Name
			if v := g.view(name); v.Problem == nil || !strings.Contains(v.Problem.Error(), says) ||
				fault.Next(v.Problem) == "" {
				t.Errorf("%s has the problem %v, want %q", name, v.Problem, says)
			}
			if g.record("a").Renamed != nil {
				t.Error("it was done all the same")
			}
		}
		b := other
		b.RenamedFrom = "a"
		refused("was applied itself", b)
		refused("still configured", called("c", "a"), called("a", ""))
		refused("can become only one", called("c", "a"), called("d", "a"))
		g.configure(called("c", "nobody"), b) // a name that nothing is known of asks for nothing
		g.settle()
		if v := g.view("c"); v.Problem != nil {
			t.Error(v.Problem)
		}
	}, called("a", ""), other)
}

// A directory tells whose it is on the day on which the store is lost.
func TestRenameIsRecollected(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		r := g.want("a", run.Applied)
		old, err := g.store.Records(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		g.configure(called("b", "a"))
		g.pass(0)
		if err := os.WriteFile(filepath.Join(g.engine.txn.Files.Workspace("b").Dir(), "terraform.tfstate"),
			[]byte(stateText("L", 1, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		stands, err := artifacts.Open(g.dir).Standing()
		if err != nil || !stands["b"] || stands["a"] {
			t.Errorf("%v, %v", stands, err)
		}
		found, _, err := remains.Read(artifacts.Open(g.dir), &runner.Local{})
		if err != nil || len(found) != 1 || found[0].Run.ID != r.ID || found[0].Run.Workspace != "b" {
			t.Errorf("%+v, %v", found, err)
		}
		for _, c := range []struct {
			records map[string]workspace.Record
			renames int
		}{{nil, 0}, {old, 1}, {map[string]workspace.Record{"b": g.record("b"), "a": g.record("a")}, 0}} {
			got, err := artifacts.Open(g.dir).Recollect(c.records)
			if err != nil || got.Folders["b"] != "a" || len(got.Renames) != c.renames {
				t.Errorf("%+v, %v", got, err)
			}
		}
		files := artifacts.Open(g.dir)
		err = files.LearnFolders(map[string]workspace.Record{"b": {Name: "b"}}) // its record was lost and made anew
		if dir := files.Workspace("b").Dir(); err != nil || filepath.Base(dir) != "a" {
			t.Errorf("%s, %v", dir, err)
		}
	}, called("a", ""))
}

// A directory that moves, of which a generator makes a workspace with another
// name: nothing is destroyed for the one that is gone.
func TestRenameOfGenerated(t *testing.T) {
	for _, applying := range []bool{false, true} {
		t.Run(fmt.Sprintf("during an apply %v", applying), func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				gen := generator(workspace.DestroyOnRemoved, auto)
				gen.Dirs = []string{"live/*"}
				makes := gen.Make
				gen.Make = func(o workspace.Origin) (fleet.Definition, error) {
					d, err := makes(o)
					if d.Name == "y" {
						d.RenamedFrom = "x"
					}
					return d, err
				}
				g.generate(gen)
				g.git.add("live/x/main.tf")
				g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = applying })
				g.start()
				g.commit("live/x/main.tf")
				if applying {
					g.want("x", run.Applying)
				}
				g.git.remove("live/x/main.tf")
				g.git.add("live/y/main.tf")
				g.commit("live/x/main.tf", "live/y/main.tf")
				if applying {
					if v := g.view("y"); v.Problem == nil || len(g.runs("y")) != 0 {
						t.Errorf("it did not wait: %v, %+v", v.Problem, g.runs("y"))
					}
					g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = false })
					g.runners.end(t)
				}
				g.pass(time.Minute)
				r := g.want("y", run.Applied)
				if rec := g.record("y"); rec.RenamedFrom != "x" || rec.Origin == nil || rec.Origin.Dir != "live/y" ||
					rec.Orphan != nil || !g.record("x").Former() {
					t.Errorf("%+v", rec)
				}
				for _, o := range append(g.runs("y"), g.runs("x")...) {
					if o.Kind == run.Destroy || o.Workspace != "y" {
						t.Errorf("a run of kind %s of %s", o.Kind, o.Workspace)
					}
				}
				if len(g.runs("y")) < 2 || r.NewState != nil {
					t.Errorf("%d runs, %+v", len(g.runs("y")), r.NewState)
				}
			})
		})
	}
}
