package engine

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

// machine is memory, as a test says.
type machine struct{ free, taken atomic.Int64 }

func (m *machine) Free() (int64, bool)   { return m.free.Load(), true }
func (m *machine) Taken(string) int64    { return m.taken.Load() }
func (m *machine) has(free, taken int64) { m.free.Store(free); m.taken.Store(taken) }

const mib = 1 << 20

// An engine begins where there is room for it beside those at work, or where none is at work; one that waits says
// for what, and goes on by itself.
func TestMemoryDecidesHowManyBegin(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		m := &machine{}
		m.has(8000*mib, 0)
		g.close()
		g.memory = m
		g.open()
		g.runners.set(func(p *players) { p.peak = 600 * mib })
		g.start()
		g.commit()
		g.want("a", run.PlannedAndFinished)
		g.want("b", run.PlannedAndFinished)
		if r := g.view("a").Record; r.PeakMemory != 600*mib {
			t.Fatalf("remembered: %d", r.PeakMemory)
		}

		m.has(100*mib, 0) // too little for any, and yet one goes
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		g.commit("a/main.tf", "b/main.tf")
		g.pass(time.Minute)
		if n := len(atWork(g)); n != 1 {
			t.Fatalf("%d engines are at work", n)
		}
		var waits run.Run
		for _, name := range []string{"a", "b"} {
			if r := g.last(name); r.Status == run.Pending {
				waits = r
			}
		}
		v, err := g.engine.Show(t.Context(), waits.ID)
		if err != nil || v.Wait.Kind != decide.WaitsForMachine || !strings.Contains(v.Wait.Sentence(),
			"its memory has no room for the engine of workspace "+waits.Workspace+" (600MiB)") {
			t.Errorf("it waits for %q: %v", v.Wait.Sentence(), err)
		}

		m.has(900*mib, 100*mib) // the one at work is going to take 500 MiB more
		g.pass(time.Minute)
		if n := len(atWork(g)); n != 1 {
			t.Fatalf("%d engines are at work", n)
		}
		m.has(900*mib, 600*mib) // it has taken it
		g.pass(time.Minute)
		if n := len(atWork(g)); n != 2 {
			t.Fatalf("%d engines are at work", n)
		}
		g.runners.end(t)
		g.runners.end(t)
		g.want("a", run.PlannedAndFinished)
		g.want("b", run.PlannedAndFinished)
	}, define("a", never), define("b", never))
}

// atWork are the runs whose plan is being made.
func atWork(g *rig) (found []run.Run) {
	for _, name := range []string{"a", "b"} {
		if r := g.last(name); r.Status == run.Planning {
			found = append(found, r)
		}
	}
	return found
}

// What a workspace took once is given up slowly, and a limit bounds what it is taken to need.
func TestPeakIsForgottenSlowly(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		last := int64(1 << 62)
		for i, peak := range []int64{800 * mib, 80 * mib, 80 * mib, 80 * mib} {
			g.runners.set(func(p *players) { p.peak = peak })
			g.commit("a/main.tf")
			g.want("a", run.PlannedAndFinished)
			now := g.view("a").Record.PeakMemory
			if now < 80*mib || now > 800*mib || i > 0 && now >= last || i == 1 && now < 700*mib {
				t.Errorf("after %d MiB: %d MiB", peak/mib, now/mib)
			}
			last = now
		}
		g.runners.set(func(p *players) { p.peak = 900 * mib })
		g.commit("a/main.tf")
		g.want("a", run.PlannedAndFinished)
		if now := g.view("a").Record.PeakMemory; now != 900*mib {
			t.Errorf("after more than ever: %d MiB", now/mib)
		}
	}, define("a", never))
}
