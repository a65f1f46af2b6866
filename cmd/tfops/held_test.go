package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
)

// TestNobodyWaitsForAPersonForEver sees that a run which only a person can
// move on ends the waiting at once, and says how.
func TestNobodyWaitsForAPersonForEver(t *testing.T) {
	for _, c := range []struct {
		status, kind, waits, next string
		ends                      int
	}{
		{"pending", "interrupted", "run 0k1v7aaaaaaa, whose apply was interrupted",
			"tfops resolve 0k1v7aaaaaaa -m WHAT_WAS_FOUND", exit.Ended},
		{"pending", "interrupted", "run 0k1v7aaaaaaa, whose apply was interrupted",
			"tfops decrypt errored.tfstate.age > errored.tfstate", exit.Ended},
		{"apply_queued", "lock", "the state, which is locked by li", "tfops unlock network-prod", exit.Approval},
		{"apply_queued", "suspended", "the applies, which are suspended", "tfops resume network-prod", exit.Approval},
		{"pending", "state", "somebody to restore the state", "tfops state restore network-prod", exit.Approval},
		{"planning", "stopped", "somebody to continue its plan, which is stopped", "kill -CONT 77", exit.Approval},
	} {
		s := newShell(t)
		d := s.fake()
		held := exampleRun()
		held.Status, held.WaitingFor, held.NextCommand, held.NeedsPerson, held.Plan = c.status, c.waits, c.next, true,
			nil
		held.Waiting = &api.Waiting{Kind: c.kind}
		d.on("POST /workspaces/network-prod/runs", held)
		d.on("GET /runs/0k1v8m3pq4rs", held)
		d.on("GET /runs/0k1v8m3pq4rs/wait", held) // the daemon's time is up, again and again
		for _, command := range []string{"wait 0k1v8m3pq4rs", "sync network-prod --wait",
			"destroy network-prod --wait", "plan network-prod --wait --timeout 1h"} {
			r := s.ends(c.ends, strings.Fields(command)...)
			if !strings.Contains(r.err, "It waits for "+c.waits+".\nNext: "+c.next+"\n") {
				t.Errorf("tfops %s says %q", command, r.err)
			}
		}
		d.on("GET /workspaces/network-prod", exampleFleet().Workspaces[1])
		if r := s.ends(exit.Ended, "drift", "network-prod", "--wait"); !strings.Contains(r.out, c.waits) ||
			!strings.Contains(r.out, "unknown") {
			t.Errorf("drift prints %q", r.out)
		}
	}
}

func TestEveryWaitHasATimeout(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	goes := endedRun("sync", "planning")
	d.on("POST /workspaces/network-prod/runs", goes)
	d.on("GET /runs/0k1v8m3pq4rs/wait", goes)
	for _, command := range []string{"sync", "plan", "destroy", "drift"} {
		r := s.ends(exit.Failed, command, "network-prod", "--wait", "--timeout", "30ms")
		if !strings.Contains(r.err, "after 30ms") || !strings.Contains(r.err, "tfops wait 0k1v8m3pq4rs") {
			t.Errorf("%s says %q", command, r.err)
		}
		if r := s.ends(exit.Usage, command, "network-prod", "--timeout", "1m"); !strings.Contains(r.err, "--wait") {
			t.Errorf("%s says %q", command, r.err)
		}
		s.ends(exit.Usage, command, "network-prod", "--wait", "--timeout", "-1m")
	}
}

// TestNothingWaitsBehindAnInterruptedRun has a real daemon say so.
func TestNothingWaitsBehindAnInterruptedRun(t *testing.T) {
	l := newLive(t)
	dir := filepath.Join(filepath.Dir(l.data), "given")
	began, gate := filepath.Join(dir, "began"), filepath.Join(dir, "gate")
	for _, pipe := range []string{began, gate} {
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l.repo.Commit("main", map[string]string{"web/main.tf": `resource "terraform_data" "web" {
  provisioner "local-exec" {
    command = "echo > ` + began + `; cat ` + gate + `"
  }
}
`})
	l.ok("poll", "infra")
	waits := l.awaiting("sync")
	l.ok("approve", waits.ID)
	if _, err := os.ReadFile(began); err != nil { // returns once the apply is in the middle of it
		t.Fatal(err)
	}
	l.ok("cancel", waits.ID, "--force")
	if r := l.ends(exit.Ended, "wait", waits.ID); !strings.Contains(r.err, "is interrupted") {
		t.Errorf("wait says\n%s", r.err)
	}
	if r := l.ends(exit.Ended, "sync", "web", "--wait"); !strings.Contains(r.err, "Next: tfops resolve "+waits.ID) {
		t.Errorf("sync says\n%s", r.err)
	}
	l.ok("resolve", waits.ID, "-m", "nothing was made")
}

// What show tells of a run stands there once, however many reasons say it.
func TestAReasonIsToldOnce(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	r := exampleRun()
	r.Status = "awaiting_approval"
	r.NewState = &api.NewState{Text: "its state is empty",
		Ways: []api.StateWay{{What: "plan anew", Command: "tfops sync network-prod"}}}
	r.WaitingFor = "somebody to put its state right (1 approval): its state is empty"
	r.Confirm = []string{"its state is empty", "the code left files out"}
	r.Needs = []api.Need{{Require: 1, Voters: []string{}, Because: []string{"its state is empty",
		"the code left files out", "of the day"}}}
	d.on("GET /runs/"+r.ID, r)
	out := s.ends(exit.Done, "show", r.ID).out
	for _, told := range []string{"its state is empty", "the code left files out", "of the day",
		"somebody to put its state right (1 approval)"} {
		if n := strings.Count(out, told); n != 1 {
			t.Errorf("%q stands there %d times\n%s", told, n, out)
		}
	}
}
