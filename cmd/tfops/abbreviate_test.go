package main

import (
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
)

func TestARunByTheBeginningOfItsID(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	first, second := exampleRun(), exampleRun()
	second.ID = "0k1v9ccccccc"
	d.on("GET /runs", []api.Run{second, first})
	d.on("GET /runs/"+first.ID, first)
	d.on("GET /runs/"+first.ID+"/plan", []byte(examplePlan))
	d.on("GET /runs/"+first.ID+"/log", []byte{})
	d.on("GET /runs/"+first.ID+"/wait", endedRun("sync", "applied"))
	d.on("PUT /runs/"+first.ID+"/vote", first)
	d.on("DELETE /runs/"+first.ID+"/vote", first)
	d.on("POST /runs/"+first.ID+"/cancel", first)
	d.on("POST /runs/"+first.ID+"/resolve", first)
	for _, command := range []string{"show R", "logs R", "wait R", "approve R", "reject R -m no", "withdraw R",
		"cancel R", "resolve R -m fine",
		"approve R --digest 3f2a9c4be071"} {
		s.ok(strings.Fields(strings.ReplaceAll(command, " R", " 0k1v8"))...)
		r := s.ends(exit.Usage, strings.Fields(strings.ReplaceAll(command, " R", " 0k1v"))...)
		if !strings.Contains(r.err, "0k1v9ccccccc, 0k1v8m3pq4rs") {
			t.Errorf("tfops %s: an ambiguous prefix: %q", command, r.err)
		}
		if r := s.ends(exit.Failed, strings.Fields(strings.ReplaceAll(command, " R", " 0k1"))...); !strings.Contains(
			r.err, "there is no") {
			t.Errorf("tfops %s: too short a prefix: %q", command, r.err)
		}
	}
	if r := s.ends(exit.Failed, "show", "0k1v8m3pq4rz"); !strings.Contains(r.err, "did you mean 0k1v8m3pq4rs?") {
		t.Errorf("a slip of the finger: %q", r.err)
	}
	asked := len(d.requests("GET"))
	if s.ok("show", first.ID); len(d.requests("GET")) != asked+2 {
		t.Error("a whole id is looked up")
	}
}

func TestAWorkspaceThatWasProbablyMeant(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	d.on("GET /workspaces", exampleFleet().Workspaces)
	for _, command := range []string{"status W", "history W", "sync W", "plan W", "destroy W", "drift W",
		"lock W -m why", "unlock W", "suspend W -m why", "resume W"} {
		r := s.ends(exit.Failed, strings.Fields(strings.ReplaceAll(command, "W", "network-prd"))...)
		if !strings.Contains(r.err, "did you mean network-prod? Otherwise: tfops status") {
			t.Errorf("tfops %s says %q", command, r.err)
		}
		if r := s.ends(exit.Failed, strings.Fields(strings.ReplaceAll(command, "W",
			"elsewhere"))...); strings.Contains(r.err, "did you mean") {
			t.Errorf("tfops %s guesses: %q", command, r.err)
		}
	}
	d.on("GET /workspaces/dns", fault.New(fault.NotFound, "", "its repository is gone"))
	if r := s.ends(exit.Failed, "status", "dns"); strings.Contains(r.err, "did you mean") {
		t.Errorf("a workspace that there is: %q", r.err)
	}
}
