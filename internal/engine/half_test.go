package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/engine/settings"

	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// What was destroyed or replaced by half is not in sync, whatever was planned and
// thrown away since, until a run has ended well.
func TestHalfDoneIsNotSynced(t *testing.T) {
	for _, kind := range []run.Kind{run.Destroy, run.Sync} {
		t.Run(string(kind), func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.start()
				g.commit("a/main.tf")
				g.approve(li, g.want("a", run.AwaitingApproval))
				if v := g.view("a"); v.Sync != workspace.Synced {
					t.Fatalf("it is %s", v.Sync)
				}
				g.runners.set(func(p *players) {
					p.fail = func(j job.Job) *job.Result {
						if j.Phase != job.ApplyPhase {
							return nil
						}
						return &job.Result{Outcome: job.Failed, Message: "the second of three failed"}
					}
				})
				again := func(k run.Kind) run.Run {
					if _, err := g.engine.Start(t.Context(), ana, Order{Workspace: "a", Kind: k}); err != nil {
						t.Fatal(err)
					}
					g.settle()
					return g.want("a", run.AwaitingApproval)
				}
				g.approve(li, again(kind))
				failed := g.want("a", run.Errored)
				if err := g.vote(li, again(run.Sync), false); err != nil {
					t.Fatal(err)
				}
				g.restart()
				v := g.view("a")
				if v.Sync != workspace.Errored || !strings.Contains(v.Wait.For, failed.ID) || v.Wait.Command != "tfops sync a" {
					t.Errorf("it is %s and waits for %+v", v.Sync, v.Wait)
				}
				g.runners.set(func(p *players) { p.fail = nil })
				g.approve(li, again(run.Sync))
				if v := g.view("a"); v.Sync != workspace.Synced {
					t.Errorf("after a sync it is %s", v.Sync)
				}
			}, define("a"))
		})
	}
}

// Nobody knows what a repository says that cannot be read.
func TestUnreadableRepositoryIsUnknown(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		g.approve(li, g.want("a", run.AwaitingApproval))
		g.git.broken(errors.New("no route to host"))
		g.pass(60e9)
		if v := g.view("a"); v.Sync != workspace.Unknown || !strings.Contains(v.Wait.For, "no route to host") {
			t.Errorf("it is %s and waits for %+v", v.Sync, v.Wait)
		}
		g.git.broken(nil)
		g.pass(3600e9)
		if v := g.view("a"); v.Sync != workspace.Synced {
			t.Errorf("read again it is %s", v.Sync)
		}
	}, define("a"))
}

// Who comes after a workspace that is half destroyed or half replaced waits for it,
// although the commit that is wanted was applied once.
func TestHalfDoneLetsNobodyGoOn(t *testing.T) {
	s := (&settings.Settings{Config: fleet.Config{Workspaces: []fleet.Definition{define("a"), define("b")}}, Concurrency: 1}).Prepare()
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
		if why := notDone(q.queue(), s, "a", run.Sync); (why == "") != goes {
			t.Errorf("half done %q: not done is %q", rec.HalfDone, why)
		}
		if after := flowing(s, q.queue(), &s.Workspaces[1]); (after == "a") != goes {
			t.Errorf("half done %q: b is planned after %q", rec.HalfDone, after)
		}
	}
}
