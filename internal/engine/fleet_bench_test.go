package engine

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// BenchmarkFleet measures what the daemon itself does for a commit that touches every
// workspace, from the poll to the last apply, with runners that take no time. What it costs a
// workspace must not depend on how many there are: see "cpu-µs/workspace".
func BenchmarkFleet(b *testing.B) {
	for _, n := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var defs []fleet.Definition
			for i := range n {
				defs = append(defs, define(fmt.Sprintf("w%04d", i), auto))
			}
			g := &rig{dir: b.TempDir(), git: newRepository(), runners: newPlayers()}
			g.git.bare = true
			for _, d := range defs {
				g.git.files[d.Dir+"/main.tf"] = &fstest.MapFile{Data: []byte(`resource "terraform_data" "x" {}`)}
			}
			g.openFor(b, defs)
			ctx, stop := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			go func() { ended <- g.engine.Run(ctx) }()
			pass := func() {
				var paths []string
				for _, d := range defs {
					paths = append(paths, d.Dir+"/main.tf")
				}
				sha := g.git.commit("main", paths...)
				if err := g.engine.watcher.Poll(ctx, "infra"); err != nil {
					b.Fatal(err)
				}
				g.allApplied(b, sha, n)
			}
			pass() // the first look at a repository is another thing
			var cpu time.Duration
			b.ResetTimer()
			for b.Loop() {
				before := processorTime(b)
				pass()
				cpu += processorTime(b) - before
			}
			b.ReportMetric(float64(cpu.Microseconds())/float64(b.N*n), "cpu-µs/workspace")
			stop()
			if err := <-ended; err != nil {
				b.Error(err)
			}
			g.runners.endAll()
			g.store.Close()
		})
	}
}

func (g *rig) openFor(b *testing.B, defs []fleet.Definition) {
	b.Helper()
	g.settings(defs...)
	if err := g.openStore(); err != nil {
		b.Fatal(err)
	}
}

// allApplied waits until every workspace has a commit.
func (g *rig) allApplied(b *testing.B, sha string, n int) {
	b.Helper()
	for {
		changed := g.engine.Changed()
		q, err := g.store.Queue(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if q.Len() == 0 {
			applied := 0
			for rec := range q.Records() {
				if rec.Applied == sha {
					applied++
				}
			}
			if applied == n {
				return
			}
			runs, _ := g.store.Runs(b.Context(), run.Query{Limit: 1})
			b.Fatalf("%d of %d are applied; %+v", applied, n, runs)
		}
		<-changed
	}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkStatusOfBranches is the status of everything where a pattern finds many branches.
func BenchmarkStatusOfBranches(b *testing.B) {
	const n = 1500
	gen := generator(workspace.Keep)
	gen.Branches = []string{"env/*"}
	g := &rig{dir: b.TempDir(), git: newRepository(), runners: newPlayers()}
	g.git.bare = true
	for i := range n {
		g.git.commit(fmt.Sprintf("env/n%04d", i), "a/main.tf")
	}
	g.adjust = func(s *settings.Settings) { s.Config.Generators = []fleet.Generator{gen} }
	g.openFor(b, nil)
	if err := g.engine.watcher.Poll(b.Context(), "infra"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		views, err := g.engine.Workspaces(b.Context())
		if err != nil || len(views) < n {
			b.Fatal(len(views), err)
		}
	}
	g.store.Close()
}
