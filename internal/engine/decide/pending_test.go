package decide

import (
	"testing"

	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/fleet/fleettest"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// Who comes after a workspace that is half destroyed or half replaced waits for it,
// although the commit that is wanted was applied once.
func TestHalfDoneLetsNobodyGoOn(t *testing.T) {
	s := (&settings.Settings{Config: fleet.Config{Workspaces: []fleet.Definition{fleettest.Define("a"),
		fleettest.Define("b")}}, Concurrency: 1}).Prepare()
	print := s.Workspaces[0].Fingerprint
	q := queueOf(someRun("r1", "a", run.Sync, run.Applied), someRun("r2", "b", run.Sync, run.Discarded))
	done := workspace.Record{Name: "a", Desired: "c1", Applied: "c1", AppliedFingerprint: print}
	half := done
	half.HalfDone = "r0"
	waits := workspace.Record{Name: "b", Desired: "c1", HeldBack: "a"}
	for _, rec := range []workspace.Record{done, half} {
		q.Records["a"], q.Records["b"] = rec, waits
		q.Active = nil
		goes := rec.HalfDone == ""
		if why := NotDone(q.queue(), s, "a", run.Sync); (why == "") != goes {
			t.Errorf("half done %q: not done is %q", rec.HalfDone, why)
		}
		if after := Flowing(s, q.queue(), &s.Workspaces[1]); (after == "a") != goes {
			t.Errorf("half done %q: b is planned after %q", rec.HalfDone, after)
		}
	}
}

// A refresh is of what is applied: once that is another commit, or nothing, it
// is of no use, in whatever status it waits.
func TestRefreshOfWhatIsApplied(t *testing.T) {
	s := (&settings.Settings{Config: fleet.Config{Workspaces: []fleet.Definition{fleettest.Define("a")}},
		Concurrency: 1}).Prepare()
	for _, status := range []run.Status{run.Pending, run.ApplyQueued} {
		for _, c := range []struct {
			desired, applied string
			goesOn           bool
		}{{"c1", "c1", true}, {"c2", "c1", true}, {"c1", "c2", false}, {"c1", "", false}} {
			r := someRun("r1", "a", run.Refresh, status)
			r.Fingerprint = s.Workspaces[0].Fingerprint
			q := queueOf(r)
			q.Records["a"] = workspace.Record{Name: "a", Desired: c.desired, Applied: c.applied, State: "state:a"}
			vote(&q, &q.Active[0])
			st, w := About(q.queue(), s, &r)
			if goesOn := st == StartPlan || st == StartApply; goesOn != c.goesOn || !goesOn && st != Discard {
				t.Errorf("%s, %q wanted and %q applied: step %d (%+v)", status, c.desired, c.applied, st, w)
			}
		}
	}
}
