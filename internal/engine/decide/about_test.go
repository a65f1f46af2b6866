package decide

import (
	"strings"
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

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// written is a queue that a test writes.
type written struct {
	run.Listing
	Now     time.Time
	Stopped map[string][]run.Stopped
}

func (l *written) queue() run.Queue {
	q := l.Queue()
	q.Now, q.Stopped = l.Now, l.Stopped
	return q
}

// queueOf is a queue in which every run wants its workspace's desired commit.
func queueOf(runs ...run.Run) written {
	q := written{Listing: run.Queue{}.List(), Now: noon}
	for _, r := range runs {
		q.Active = append(q.Active, r)
		if _, ok := q.Records[r.Workspace]; !ok {
			q.Records[r.Workspace] = workspace.Record{Name: r.Workspace, Desired: "c1", Applied: "c1",
				AppliedFingerprint: r.Fingerprint, State: "state:" + r.Workspace}
		}
	}
	return q
}

func someRun(id, name string, k run.Kind, s run.Status) run.Run {
	r := run.Run{ID: id, Workspace: name, Kind: k, Status: s, Commit: run.Commit{SHA: "c1"}, CreatedAt: noon,
		Fingerprint: fleettest.Define(name).Workspace.Fingerprint()}
	if s != run.Pending && s != run.Planning {
		r.Plan, r.State = &run.PlanSummary{Digest: "sha256:abc", Changes: true}, "state:"+name
		r.ExpiresAt = noon.Add(time.Hour)
	}
	return r
}

// P7: whatever waits names what it waits for and the command that moves it on,
// in every status and for everything that can hold a run back.
func TestEveryWaitHasACommand(t *testing.T) {
	s := (&settings.Settings{Config: fleet.Config{Workspaces: []fleet.Definition{fleettest.Define("a"),
		fleettest.Define("b")}}, Concurrency: 1}).Prepare()
	print := s.Workspaces[0].Fingerprint
	with := func(status run.Status, change func(*written, *run.Run)) written {
		r := someRun("r1", "a", run.Sync, status)
		r.Fingerprint = print
		q := queueOf(r)
		if change != nil {
			change(&q, &q.Active[0])
		}
		return q
	}
	suspend := func(until time.Time) func(*written, *run.Run) {
		return func(q *written, r *run.Run) {
			rec := q.Records["a"]
			rec.Suspension = &workspace.Suspension{By: "li", Reason: "holidays", At: noon, Until: until}
			q.Records["a"] = rec
			vote(q, r)
		}
	}
	beside := func(o run.Run) func(*written, *run.Run) {
		return func(q *written, r *run.Run) {
			q.Active = append(q.Active, o)
			vote(q, r)
		}
	}
	of := func(k run.Kind, also func(*run.Run)) func(*written, *run.Run) {
		return func(_ *written, r *run.Run) {
			if r.Kind = k; also != nil {
				also(r)
			}
		}
	}
	halt := func(q *written, r *run.Run) {
		q.Stopped = map[string][]run.Stopped{r.ID: {{PID: 7, Name: "tfops runner"}, {PID: 8, Name: "terraform"}}}
	}
	later := func(r *run.Run) {
		r.NotBefore, r.Delayed = noon.Add(time.Minute), "terraform init failed: the network was down"
	}
	lost := func(q *written, _ *run.Run) {
		rec := q.Records["a"]
		rec.StateTrouble = &workspace.StateTrouble{Why: "it is gone", Snapshot: "00000001-x.tfstate.age"}
		q.Records["a"] = rec
	}
	for name, c := range map[string]struct {
		q       written
		words   string
		command string
	}{
		"a drift check": {with(run.Pending, of(run.Drift, nil)), "a free worker for drift checks",
			"tfops wait r1"},
		"a drift check, a retry": {with(run.Pending, of(run.Drift, later)),
			"12:01:00 UTC after: terraform init failed: the network was down", "tfops sync a"},
		"a refresh": {with(run.Pending, of(run.Refresh, nil)), "a free worker",
			"tfops wait r1"},
		"a refresh, a retry": {with(run.Pending, of(run.Refresh, later)), "12:01:00",
			"tfops sync a --refresh-only"},
		"a refresh, planned": {with(run.AwaitingApproval, of(run.Refresh, nil)), "1 approval",
			"tfops approve r1"},
		"pending": {with(run.Pending, nil), "a free worker", "tfops wait r1"},
		"pending, a retry": {with(run.Pending,
			func(_ *written, r *run.Run) { r.NotBefore = noon.Add(time.Minute) }), "12:01:00", "tfops sync a"},
		"pending behind an apply": {with(run.Pending, beside(someRun("r0", "a", run.Sync, run.Applying))),
			"r0", "tfops wait r0"},
		"pending behind a plan": {with(run.Pending, beside(someRun("r0", "a", run.Sync, run.Planning))),
			"r0", "tfops wait r0"},
		"pending behind a wreck": {with(run.Pending, beside(someRun("r0", "a", run.Sync, run.Interrupted))),
			"interrupted", "tfops resolve r0"},
		"pending, the state in use": {with(run.Pending,
			beside(func() run.Run {
				r := someRun("r0", "b", run.Sync,
					run.Applying)
				r.State = "state:a"
				return r
			}())), "r0", "tfops wait r0"},
		"planning":          {with(run.Planning, nil), "being made", "tfops logs r1 -f"},
		"awaiting approval": {with(run.AwaitingApproval, nil), "1 approval", "tfops approve r1"},
		"interrupted, a state was not saved": {with(run.Interrupted,
			func(_ *written, r *run.Run) { r.ErroredState = "/d x/errored.tfstate.age" }),
			"push the state that it could not save", "tfops decrypt '/d x/errored.tfstate.age' > errored.tfstate"},
		"an import comes first": {with(run.AwaitingApproval,
			func(_ *written, r *run.Run) { r.ImportFirst = true }), "1 approval", "tfops state import a FILE"},
		"pending, the state lost": {with(run.Pending, lost), "somebody to restore the state",
			"tfops state restore a"},
		"queued, the state lost": {with(run.ApplyQueued, func(q *written, r *run.Run) {
			lost(q, r)
			vote(q, r)
		}), "somebody to restore the state", "tfops state restore a"},
		"queued, a retry": {with(run.ApplyQueued, func(q *written, r *run.Run) {
			later(r)
			vote(q, r)
		}), "12:01:00 UTC after: terraform init failed: the network was down", "tfops wait r1"},
		"queued":            {with(run.ApplyQueued, vote), "a free worker", "tfops wait r1"},
		"queued, suspended": {with(run.ApplyQueued, suspend(time.Time{})), "holidays", "tfops resume a"},
		"queued, suspended a while": {with(run.ApplyQueued, suspend(noon.Add(time.Hour))), "until 2026-03-01 13:00 UTC",
			"tfops resume a"},
		"queued, locked": {with(run.ApplyQueued, func(q *written, r *run.Run) {
			q.Locks["state:a"] = locks.Lock{State: "state:a", Workspace: "a", Person: "li", Reason: "migrating",
				Since: noon}
			vote(q, r)
		}), "locked by li", "tfops unlock a"},
		"queued, locked before its state was known": {with(run.ApplyQueued, func(q *written, r *run.Run) {
			q.Locks["workspace:a"] = locks.Lock{State: "workspace:a", Workspace: "a", Person: "li", Reason: "migrating",
				Since: noon}
			vote(q, r)
		}), "locked by li", "tfops unlock a"},
		"queued behind another of its state": {with(run.ApplyQueued, beside(func() run.Run {
			r := someRun("r0", "b", run.Sync, run.ApplyQueued)
			r.State = "state:a"
			return r
		}())), "before it in the queue", "tfops wait r0"},
		"applying": {with(run.Applying, nil), "running", "tfops logs r1 -f"},
		"applying, to stop": {with(run.Applying, func(_ *written, r *run.Run) { r.Canceling = "li" }),
			"li asked to stop", "tfops logs r1 -f"},
		"planning, stopped": {with(run.Planning, halt),
			"continue its plan, which is stopped (SIGSTOP): tfops runner (pid 7), terraform (pid 8); to end it " +
				"instead: tfops cancel r1 --force", "kill -CONT 8 7"},
		"applying, stopped": {with(run.Applying, halt), "continue its apply", "kill -CONT 8 7"},
		"pending behind an apply that is stopped": {with(run.Pending, func(q *written, r *run.Run) {
			beside(someRun("r0", "a", run.Sync, run.Applying))(q, r)
			halt(q, &run.Run{ID: "r0"})
		}), "r0, which applies and is stopped", "kill -CONT 8 7"},
		"queued behind the lock of an apply that is stopped": {with(run.ApplyQueued, func(q *written, r *run.Run) {
			q.Locks["state:a"] = locks.Lock{State: "state:a", Workspace: "b", Run: "r0", Reason: "applying",
				Since: noon}
			beside(someRun("r0", "b", run.Sync, run.Applying))(q, r)
			halt(q, &run.Run{ID: "r0"})
		}), "r0", "kill -CONT 8 7"},
		"interrupted": {with(run.Interrupted, nil), "somebody to look", "tfops resolve r1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, w := About(c.q.queue(), s, &c.q.Active[0])
			if w.Kind == "" {
				t.Errorf("it waits for %q, of no kind", w.Sentence())
			}
			// What passes by itself, and its own approval, is no reason to stop waiting for it.
			passes := strings.HasPrefix(c.command, "tfops wait ") || strings.HasPrefix(c.command, "tfops logs ") ||
				strings.HasPrefix(c.command, "tfops approve ") ||
				strings.HasPrefix(c.command, "tfops sync ") || strings.HasPrefix(c.command, "tfops state import ")
			if w.Person == passes {
				t.Errorf("it waits for %q, %q, and only a person moves it on: %v", w.Sentence(), w.Command, w.Person)
			}
			if !strings.Contains(w.Sentence(), c.words) || !strings.HasPrefix(w.Command, c.command) {
				t.Errorf("it waits for %q, and %q moves it on; want %q and %q", w.Sentence(), w.Command, c.words,
					c.command)
			}
		})
	}
	for _, status := range run.Statuses {
		q := with(status, nil)
		step, w := About(q.queue(), s, &q.Active[0])
		if waits := w.Sentence() != ""; waits == status.Terminal() && step != Discard {
			t.Errorf("%s: step %d, waits for %q", status, step, w.Sentence())
		}
	}
}

// vote gives the queue's first run the approval that it needs.
func vote(q *written, r *run.Run) {
	q.Votes[r.ID] = []approvals.Vote{{Run: r.ID, Digest: "sha256:abc", Commit: "c1", Voter: "ana", Yes: true, At: noon}}
}

func TestVerdictBeforeTheApply(t *testing.T) {
	s := (&settings.Settings{Config: fleet.Config{Workspaces: []fleet.Definition{fleettest.Define("a")}},
		Concurrency: 1}).Prepare()
	base := func() written {
		r := someRun("r1", "a", run.Sync, run.ApplyQueued)
		r.Fingerprint, r.StartedAt = s.Workspaces[0].Fingerprint, noon.Add(-time.Hour)
		q := queueOf(r)
		vote(&q, &q.Active[0])
		return q
	}
	record := func(change func(*workspace.Record)) func(*written) {
		return func(q *written) {
			rec := q.Records["a"]
			change(&rec)
			q.Records["a"] = rec
		}
	}
	for name, c := range map[string]struct {
		change func(*written)
		want   Action
	}{
		"all is as it was":         {func(*written) {}, StartApply},
		"another commit is wanted": {record(func(r *workspace.Record) { r.Desired = "c2" }), Discard},
		"an apply began since": {record(func(r *workspace.Record) {
			r.ApplyStartedAt = noon.Add(-2 * time.Hour)
		}), Discard},
		"the inputs changed":           {func(q *written) { q.Active[0].Fingerprint = "other" }, Discard},
		"the vote is gone":             {func(q *written) { clear(q.Votes) }, Discard},
		"the vote is for another plan": {func(q *written) { q.Active[0].Plan.Digest = "sha256:def" }, Discard},
		"a second person said no": {func(q *written) {
			v := q.Votes["r1"][0]
			v.Yes, v.Voter = false, "li"
			q.Votes["r1"] = append(q.Votes["r1"], v)
		}, Discard},
		"it expired":            {func(q *written) { q.Now = noon.Add(2 * time.Hour) }, Expire},
		"the workspace is gone": {func(q *written) { q.Active[0].Workspace = "gone" }, Discard},
	} {
		t.Run(name, func(t *testing.T) {
			q := base()
			c.change(&q)
			if got, w := About(q.queue(), s, &q.Active[0]); got != c.want {
				t.Errorf("step %d (%+v), want %d", got, w, c.want)
			}
		})
	}
}
