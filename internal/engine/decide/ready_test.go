package decide

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/fleet/fleettest"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// Commits go first, the workspace that waited longest before others; then what people ask to
// see; then drift.
func TestOrderOfRuns(t *testing.T) {
	s := (&settings.Settings{Config: fleet.Config{Workspaces: []fleet.Definition{fleettest.Define("a"),
		fleettest.Define("b"), fleettest.Define("c")}}, Concurrency: 1}).Prepare()
	q := queueOf(
		someRun("r1", "a", run.Drift, run.Pending),
		someRun("r2", "a", run.Plan, run.Pending),
		someRun("r3", "b", run.Plan, run.Pending),
		someRun("r4", "b", run.Sync, run.Pending),
		someRun("r5", "c", run.Sync, run.Pending),
	)
	started := func(name string, at time.Time) {
		rec := q.Records[name]
		rec.StartedAt = at
		q.Records[name] = rec
	}
	started("a", noon.Add(-2*time.Hour))
	started("b", noon.Add(-time.Hour))
	started("c", noon.Add(-3*time.Hour))
	var order []string
	for len(q.Active) > 0 {
		var b Ready
		r, _ := b.First(q.queue(), s, StartPlan)
		if r == nil {
			r, _ = b.First(q.queue(), s, StartCheck)
		}
		if r == nil {
			t.Fatalf("nothing is ready of %d", len(q.Active))
		}
		order = append(order, r.ID)
		started(r.Workspace, noon.Add(time.Duration(len(order))*time.Minute))
		q.Active = slices.DeleteFunc(q.Active, func(o run.Run) bool { return o.ID == r.ID })
	}
	if got, want := fmt.Sprint(order), "[r5 r4 r2 r3 r1]"; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
}

// However many branches a pattern finds, a commit on the branch of a workspace block goes first,
// and so do what people ask to see and the branches that are named; for applies as for plans.
func TestPatternsGoLast(t *testing.T) {
	found := func(name, branch string) fleet.Definition {
		d := fleettest.Define(name)
		d.Origin = &workspace.Origin{Generator: "all", Branch: branch, Dir: "."}
		return d
	}
	s := &settings.Settings{Concurrency: 1}
	s.Config.Generators = []fleet.Generator{{Generator: workspace.Generator{Name: "all",
		Branches: []string{"main", "feature/*"}}}}
	prod, main := fleettest.Define("prod"), found("main", "main")
	s.Config.Workspaces = []fleet.Definition{prod, main}
	runs := []run.Run{someRun("r998", "main", run.Sync, run.Pending), someRun("r999", "prod", run.Sync, run.Pending)}
	for i := range 300 {
		name := fmt.Sprintf("f%03d", i)
		s.Config.Workspaces = append(s.Config.Workspaces, found(name, "feature/"+name))
		runs = append(runs, someRun(fmt.Sprintf("r%03d", i), name, run.Sync, run.Pending))
	}
	runs = append(runs, someRun("r997", "f000", run.Plan, run.Pending))
	s.Prepare()
	q := queueOf(runs...)
	rec := q.Records["prod"]
	rec.StartedAt = noon.Add(-time.Minute) // it ran a minute ago, and the new ones never
	q.Records["prod"] = rec
	for _, want := range []string{"r998", "r999", "r997", "r000"} {
		var b Ready
		r, _ := b.First(q.queue(), s, StartPlan)
		if r == nil || r.ID != want {
			t.Fatalf("%+v goes first, want %s", r, want)
		}
		q.Active = slices.DeleteFunc(q.Active, func(o run.Run) bool { return o.ID == r.ID })
	}
}

// choose asks about every run: what ready must answer as well, with less work.
func choose(q run.Queue, s *settings.Settings, wanted Action) string {
	var all []*run.Run
	for r := range q.Active() {
		if st, _ := About(q, s, r); st == wanted {
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return slices.MinFunc(all, func(a, b *run.Run) int {
		return cmp.Or(cmp.Compare(class(s, a), class(s, b)),
			q.Record(a.Workspace).StartedAt.Compare(q.Record(b.Workspace).StartedAt), cmp.Compare(a.ID, b.ID))
	}).ID
}

// Whatever is changed, and however time passes, what is kept is what asking about every run
// comes to. It walks at random over all that a verdict looks at.
func TestReadyIsNeverOld(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { t.Parallel(); walkReady(t, rand.New(rand.NewPCG(seed, 7))) })
	}
}

func walkReady(t *testing.T, random *rand.Rand) {
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	names := []string{"a", "b", "c", "d", "gone"}
	uses := func(d *fleet.Definition) {
		d.Inputs = map[string]workspace.Input{"x": {Refs: []workspace.OutputRef{{Workspace: "a", Output: "o"}}}}
	}
	settings := func() *settings.Settings {
		return (&settings.Settings{Config: fleet.Config{Workspaces: []fleet.Definition{fleettest.Define("a"),
			fleettest.Define("b", fleettest.Auto), fleettest.Define("c", uses), fleettest.Define("d", fleettest.Auto)}},
			Concurrency: 1}).Prepare()
	}
	s := settings()
	states := []string{"", "s", "t"}
	some := func(id string) run.Run {
		r := someRun(id, one(names...), []run.Kind{run.Sync, run.Sync, run.Drift, run.Destroy, run.Plan, run.Refresh,
			run.Move}[random.IntN(7)],
			[]run.Status{run.Pending, run.Pending, run.Planning, run.AwaitingApproval, run.ApplyQueued, run.ApplyQueued,
				run.Applying, run.Interrupted, run.Applied}[random.IntN(9)])
		r.State = one(states...)
		if def, ok := s.Definition(r.Workspace); ok && random.IntN(8) > 0 {
			r.Fingerprint = def.Fingerprint
		}
		if random.IntN(3) == 0 {
			r.Upstream = []string{one("a", "b")}
		}
		if r.Kind == run.Move {
			r.Moving = &run.StateMove{From: workspace.StateRef{Identity: one(states...)}}
		}
		return r
	}
	soon := func(now time.Time) time.Time {
		if random.IntN(3) > 0 {
			return time.Time{}
		}
		return now.Add(time.Duration(random.IntN(600)) * time.Second)
	}
	var b Ready
	q, now := run.Queue{}, noon
	for n := range 400 {
		d := q.Edit()
		for range 1 + random.IntN(3) {
			id, name := fmt.Sprintf("r%02d", random.IntN(25)), one(names...)
			switch random.IntN(8) {
			case 0:
				d.PutLock(locks.Lock{State: one("s", "t", "workspace:a", "workspace:b"), Workspace: name, Person: "li",
					Run: "", Since: now})
			case 1, 2:
				d.DropLock(one("s", "t", "workspace:a", "workspace:b"))
			case 3, 4:
				rec := workspace.Record{Name: name, Desired: one("c1", "c1", "c2"), Applied: one("c1", "c2", ""),
					State: one(states...), StartedAt: noon.Add(-time.Duration(random.IntN(9)) * time.Minute)}
				if random.IntN(3) == 0 {
					rec.Suspension = &workspace.Suspension{By: "li", Until: soon(now)}
				}
				if random.IntN(2) == 0 {
					rec.Outputs = map[string]workspace.Output{"o": {Digest: one("1", "2")}}
				}
				def, _ := s.Definition(name)
				rec.Fingerprint, rec.AppliedFingerprint = def.Fingerprint, def.Fingerprint
				d.PutRecord(&rec)
			default:
				r := some(id)
				r.NotBefore = soon(now)
				if random.IntN(2) == 0 {
					r.ExpiresAt = soon(now)
				}
				if random.IntN(4) == 0 {
					r.Inputs = map[string]run.InputUsed{"a.o": {Digest: one("1", "2")}}
				}
				var votes []approvals.Vote
				if r.Plan != nil && random.IntN(3) > 0 {
					votes = []approvals.Vote{{Run: id, Digest: "sha256:abc", Commit: "c1", Voter: "ana", Yes: true,
						At: now}}
				}
				d.PutRun(&r, votes)
			}
		}
		old := q
		q = d.Queue()
		switch random.IntN(12) {
		case 0:
			s = settings()
		case 1:
			now = now.Add(-time.Hour) // somebody set the clock
		case 2:
			continue // nobody looked at this one
		case 3:
			b.First(old, s, StartPlan) // somebody looks with what was
		default:
			now = now.Add(time.Duration(random.IntN(200)) * time.Second)
		}
		q.Now = now
		for st := StartPlan; st <= HoldBack; st++ {
			want := choose(q, s, st)
			got, alarm := b.First(q, s, st)
			if (got == nil) != (want == "") || got != nil && got.ID != want {
				t.Fatalf("at %d, for step %d: %v, want %q", n, st, got, want)
			}
			var next time.Time
			for r := range q.Active() {
				if at := alarmOf(q, r); !at.IsZero() && (next.IsZero() || at.Before(next)) {
					next = at
				}
			}
			if !alarm.Equal(next) {
				t.Fatalf("at %d: the next alarm is at %v, want %v", n, alarm, next)
			}
		}
	}
	if want := len(b.entries); want != q.Len() {
		t.Errorf("%d runs are remembered, of %d", want, q.Len())
	}
	for d, ids := range b.asks {
		for id := range ids {
			if _, ok := q.Run(id); !ok {
				t.Errorf("run %s has ended and is asked for %+v", id, d)
			}
		}
	}
}

// Who waits for a run is woken by what concerns it, and by nothing else.
func TestWatchedRuns(t *testing.T) {
	s := (&settings.Settings{Config: fleet.Config{Workspaces: []fleet.Definition{fleettest.Define("a"),
		fleettest.Define("b"), fleettest.Define("c")}}, Concurrency: 1}).Prepare()
	waits := someRun("r2", "b", run.Sync, run.Pending)
	waits.Upstream = []string{"a"}
	w := queueOf(someRun("r1", "a", run.Sync, run.Pending), waits, someRun("r3", "c", run.Sync, run.Pending))
	q := w.queue()
	var b Ready
	b.First(q, s, StartPlan)
	woken := func(id string, change func(*run.Draft)) bool {
		t.Helper()
		changed, stop := b.Watch(id)
		defer stop()
		d := q.Edit()
		change(d)
		now := q.Now
		q = d.Queue()
		q.Now = now
		b.First(q, s, StartPlan)
		select {
		case <-changed:
			return true
		default:
			return false
		}
	}
	put := func(r run.Run) func(*run.Draft) { return func(d *run.Draft) { d.PutRun(&r, nil) } }
	if !woken("r1", put(someRun("r1", "a", run.Sync, run.Planning))) {
		t.Error("not woken by its own change")
	}
	if !woken("r2", put(someRun("r1", "a", run.Sync, run.Applied))) {
		t.Error("not woken by the end of a run that it waits for")
	}
	if woken("r2", put(someRun("r3", "c", run.Sync, run.Planning))) {
		t.Error("woken by a run that does not concern it")
	}
	if woken("r2", func(d *run.Draft) { d.PutRecord(&workspace.Record{Name: "c", Desired: "c9"}) }) {
		t.Error("woken by a workspace that does not concern it")
	}
	if !woken("r2", func(d *run.Draft) { d.PutRecord(&workspace.Record{Name: "b", Desired: "c9"}) }) {
		t.Error("not woken by its workspace")
	}
	if len(b.told) != 0 {
		t.Errorf("%d are remembered that nobody watches", len(b.told))
	}
}

func BenchmarkReady(b *testing.B) {
	for _, n := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var defs []fleet.Definition
			var runs []run.Run
			for i := range n {
				defs = append(defs, fleettest.Define(fmt.Sprintf("w%04d", i)))
				runs = append(runs, someRun(fmt.Sprintf("r%04d", i), defs[i].Name, run.Sync, run.Pending))
			}
			s := (&settings.Settings{Config: fleet.Config{Workspaces: defs}, Concurrency: 1}).Prepare()
			w := queueOf(runs...)
			q := w.queue()
			b.Run("all", func(b *testing.B) { // as at the start, or under new settings
				for b.Loop() {
					var all Ready
					if r, _ := all.First(q, s, StartPlan); r == nil {
						b.Fatal("nothing is ready")
					}
				}
			})
			b.Run("change", func(b *testing.B) { // as after each change of a run, by each of four loops
				var kept Ready
				kept.First(q, s, StartPlan)
				q, i := q, 0
				for b.Loop() {
					r := runs[i%n]
					i++
					d := q.Edit()
					d.PutRun(&r, nil)
					now := q.Now
					q = d.Queue()
					q.Now = now
					for _, st := range []Action{StartPlan, StartCheck, StartApply} {
						kept.First(q, s, st)
					}
					kept.All(q, s, Allow, Discard, Expire, HoldBack)
				}
			})
		})
	}
}

// BenchmarkWaiting is a change of one run while a thousand clients wait, each for its own.
func BenchmarkWaiting(b *testing.B) {
	const n = 1000
	var defs []fleet.Definition
	var runs []run.Run
	for i := range n {
		defs = append(defs, fleettest.Define(fmt.Sprintf("w%04d", i)))
		runs = append(runs, someRun(fmt.Sprintf("r%04d", i), defs[i].Name, run.Sync, run.Pending))
	}
	s := (&settings.Settings{Config: fleet.Config{Workspaces: defs}, Concurrency: 1}).Prepare()
	w := queueOf(runs...)
	q := w.queue()
	var kept Ready
	kept.First(q, s, StartPlan)
	waiting := make([]<-chan struct{}, n)
	for i := range n {
		waiting[i], _ = kept.Watch(runs[i].ID)
	}
	i := 0
	for b.Loop() {
		d := q.Edit()
		d.PutRun(&runs[i%n], nil)
		now := q.Now
		q = d.Queue()
		q.Now = now
		kept.First(q, s, StartPlan)
		<-waiting[i%n]
		waiting[i%n], _ = kept.Watch(runs[i%n].ID)
		i++
	}
	for j, ch := range waiting {
		select {
		case <-ch:
			b.Fatalf("the client of run %d was woken, and nothing concerned it", j)
		default:
		}
	}
}
