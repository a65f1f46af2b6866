package engine

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/fault"
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
					if _, err := g.engine.Start(t.Context(), ana, acts.Order{Workspace: "a", Kind: k}); err != nil {
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
				if v.Sync != workspace.Errored || !strings.Contains(v.Wait.Sentence(), failed.ID) ||
					v.Wait.Command != "tfops sync a" {
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
		if v := g.view("a"); v.Sync != workspace.Unknown || !strings.Contains(v.Wait.Sentence(), "no route to host") {
			t.Errorf("it is %s and waits for %+v", v.Sync, v.Wait)
		}
		g.git.broken(nil)
		g.pass(3600e9)
		if v := g.view("a"); v.Sync != workspace.Synced {
			t.Errorf("read again it is %s", v.Sync)
		}
	}, define("a"))
}

// Why a workspace cannot be planned is known to the next daemon too, before it has read
// anything, and is gone once a look finds that it can.
func TestObstacleOutlivesTheDaemon(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.git.remove("a/main.tf")
		g.git.commit("main", "b/main.tf")
		g.start()
		g.want("b", run.AwaitingApproval)
		says := func(when string) {
			t.Helper()
			v := g.view("a")
			if v.Problem == nil || !strings.Contains(v.Problem.Error(), "directory a") || fault.Next(v.Problem) == "" {
				t.Errorf("%s: %v (%s)", when, v.Problem, fault.Next(v.Problem))
			}
		}
		says("where it was found")
		g.git.broken(errors.New("no route to host"))
		g.restart()
		says("after a restart, without the remote")
		g.git.broken(nil)
		g.git.add("a/main.tf")
		g.commit("a/main.tf")
		g.pass(time.Hour) // the next poll is not soon after so many that failed
		g.want("a", run.AwaitingApproval)
		if v := g.view("a"); v.Problem != nil || v.Record.Obstacle != nil {
			t.Errorf("once the directory is there: %v, %+v", v.Problem, v.Record.Obstacle)
		}
	}, define("a"), define("b"))
}
