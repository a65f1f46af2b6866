package engine

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/testrig"
)

// kept are the files that a workspace's directory has of runs.
func (g *rig) kept(name string) []string {
	g.t.Helper()
	entries, err := os.ReadDir(g.engine.txn.Files.Workspace(name).Dir())
	if err != nil {
		g.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json.age") || strings.HasSuffix(e.Name(), ".tmp") {
			names = append(names, e.Name())
		}
	}
	return names
}

// What a run leaves its workspace lies there before the record names it, and what the record
// named before is dropped after: in a crash at any write, what the record names is there.
func TestKeptFiles(t *testing.T) {
	for n, step := 1, testrig.Every(t, 4); n <= 40; n += step {
		for _, after := range []bool{false, true} {
			died := false
			bubble(t, func(t *testing.T, g *rig) {
				o := &state{next: map[string]string{"o": "before"}}
				g.outputs(o)
				g.start()
				g.commit("a/main.tf", "b/main.tf")
				g.want("a", run.Applied)
				g.want("b", run.Applied)
				o.next = map[string]string{"o": "after"}
				g.dying.dieAt(n, after)
				g.git.commit("main", "a/main.tf", "b/main.tf")
				g.pass(40 * time.Second)
				died = g.dying.dead.Load()
				g.restart()
				g.pass(2 * time.Minute)
				for _, name := range []string{"a", "b"} {
					if r := g.last(name); r.Status == run.Interrupted { // nobody knows what it did
						if _, err := g.engine.Resolve(context.Background(), ana, r.ID, "looked"); err != nil {
							t.Fatal(err)
						}
						g.pass(time.Minute)
					}
				}
				g.pass(2 * time.Minute)
				rec := g.view("a").Record
				if rec.Applied != rec.Desired {
					t.Fatalf("%+v", g.last("a"))
				}
				w := g.engine.txn.Files.Workspace("a")
				want := []string{filepath.Base(w.Kept(artifacts.Applied, rec.AppliedOf)),
					filepath.Base(w.Kept(artifacts.Outputs, rec.OutputsOf))}
				if got := g.kept("a"); !slices.Equal(got, want) {
					t.Errorf("dying at write %d (after it: %v): %v is kept, want %v", n, after, got, want)
				}
				all, err := g.engine.phases.Jobs.Outputs(w.Kept(artifacts.Outputs, rec.OutputsOf))
				if err != nil || g.engine.phases.Jobs.Digests(all)["o"] != rec.Outputs["o"] {
					t.Errorf("the record has %+v, and the file %s (%v)", rec.Outputs, all["o"].Value, err)
				}
				if f, err := g.engine.phases.Jobs.SnapshotOf("a"); err != nil ||
					f.Fingerprint != rec.AppliedFingerprint {
					t.Errorf("what is known of what was applied: %+v, %v", f, err)
				}
				if outputs, applied := w.Newest(artifacts.Outputs),
					w.Newest(artifacts.Applied); outputs != rec.OutputsOf || applied != rec.AppliedOf {
					t.Errorf("a recovery finds %s and %s", outputs, applied)
				}
			}, define("a", auto), define("b", auto, from("x", "a", "o")))
			if !died {
				if n < 8 {
					t.Fatalf("the daemon made %d writes in all", n)
				}
				return
			}
		}
	}
}

// What an earlier tfops kept, under one name for all runs, counts until a run leaves its own.
func TestKeptByAnEarlierOne(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		g.want("a", run.Applied)
		rec := g.view("a").Record
		w := g.engine.txn.Files.Workspace("a")
		if err := os.Rename(w.Kept(artifacts.Applied, rec.AppliedOf), w.Kept(artifacts.Applied, "")); err != nil {
			t.Fatal(err)
		}
		if err := g.store.ChangeWorkspace(context.Background(), "a",
			func(h *run.WorkspaceTx) error { h.Record.AppliedOf = ""; return nil }); err != nil {
			t.Fatal(err)
		}
		g.restart()
		if f, err := g.engine.phases.Jobs.SnapshotOf("a"); err != nil || f.Fingerprint != rec.AppliedFingerprint {
			t.Errorf("%+v, %v", f, err)
		}
		g.commit("a/main.tf")
		rec = g.view("a").Record
		if got, want := g.kept("a"), []string{filepath.Base(w.Kept(artifacts.Applied,
			rec.AppliedOf))}; rec.AppliedOf == "" || !slices.Equal(got, want) {
			t.Errorf("%v is kept, want %v", got, want)
		}
	}, define("a", auto))
}
