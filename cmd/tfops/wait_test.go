package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
)

func TestExitStatusOfWaiting(t *testing.T) {
	noChanges := endedRun("sync", "planned_and_finished")
	noChanges.Plan = &api.Plan{Digest: digest}
	interrupted := exampleRun()
	interrupted.Status, interrupted.WaitingFor, interrupted.NextCommand = "interrupted", "somebody",
		"tfops resolve 0k1v8m3pq4rs -m WHAT_WAS_FOUND"
	superseded := endedRun("sync", "discarded")
	superseded.Reason, superseded.SupersededBy = "superseded", "0k1v9ccccccc"
	errored := endedRun("sync", "errored")
	errored.Error = &api.Failure{Message: "apply failed", Detail: "Error: quota", Next: "raise the quota"}
	checked := func(drift string) api.Run {
		r := endedRun("drift", "planned_and_finished")
		r.Found = &api.Found{Drift: drift}
		return r
	}
	for name, c := range map[string]struct {
		run    api.Run
		status int
		says   string
	}{
		"applied":          {endedRun("sync", "applied"), exit.Done, "is applied: 1 to add, 1 to replace, after"},
		"nothing to do":    {noChanges, exit.Done, "no changes"},
		"never applies":    {endedRun("sync", "planned_and_finished"), exit.Changes, "It will not be applied."},
		"speculative plan": {endedRun("plan", "planned_and_finished"), exit.Changes, "1 to add"},
		"drift":            {checked("drifted"), exit.Changes, "is planned_and_finished"},
		"drift, explained": {checked("none"), exit.Done, "is planned_and_finished"}, // though its plan has changes
		"drift, unknown":   {checked("unknown"), exit.Ended, "is planned_and_finished"},
		"awaits approval":  {exampleRun(), exit.Approval, "Next: tfops approve 0k1v8m3pq4rs"},
		"errored":          {errored, exit.Ended, "raise the quota"},
		"policy":           {endedRun("sync", "policy_failed"), exit.Ended, "is policy_failed"},
		"canceled":         {endedRun("sync", "canceled"), exit.Ended, "is canceled"},
		"superseded":       {superseded, exit.Ended, "tfops wait 0k1v9ccccccc"},
		"interrupted":      {interrupted, exit.Ended, "tfops resolve 0k1v8m3pq4rs"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShell(t)
			d := s.fake()
			d.on("GET /runs/0k1v8m3pq4rs/wait", c.run)
			r := s.ends(c.status, "wait", "0k1v8m3pq4rs")
			if !strings.Contains(r.err, c.says) || r.out != "" {
				t.Errorf("prints %q and %q", r.out, r.err)
			}
			if strings.Contains(r.err, "Warning") {
				t.Errorf("only warns: %q", r.err)
			}
			if !strings.Contains(r.err, "planning") {
				t.Errorf("does not tell what happened: %q", r.err)
			}
			r = s.ends(c.status, "wait", "0k1v8m3pq4rs", "-o", "json")
			var got api.Run
			if err := json.Unmarshal([]byte(r.out), &got); err != nil || got.Status != c.run.Status {
				t.Errorf("-o json prints %q", r.out)
			}
		})
	}
}

func TestWaitGivesUp(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	d.on("GET /runs/0k1v8m3pq4rs/wait", endedRun("sync", "applying")) // the daemon's time is up, again and again
	if r := s.ends(exit.Failed, "wait", "0k1v8m3pq4rs", "--timeout", "30ms"); !strings.Contains(r.err,
		"after 30ms") || !strings.Contains(r.err, "tfops wait 0k1v8m3pq4rs") {
		t.Errorf("says %q", r.err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := s.runIn(ctx, "wait", "0k1v8m3pq4rs"); r.status != exit.Failed ||
		!strings.Contains(r.err, "tfops wait 0k1v8m3pq4rs") {
		t.Errorf("status %d, says %q", r.status, r.err)
	}
	if r := s.runIn(ctx, "locks"); r.status != exit.Failed || r.err != "Error: stopped by a signal\n" {
		t.Errorf("status %d, says %q", r.status, r.err)
	}
	if r := s.ends(exit.Failed, "wait", "unknown"); !strings.Contains(r.err, "there is no") {
		t.Errorf("an unknown run: %q", r.err)
	}
}

func TestPlanSyncDestroy(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	fresh := exampleRun()
	fresh.Status, fresh.Plan, fresh.Events, fresh.Approvals = "pending", nil, nil, nil
	d.on("POST /workspaces/network-prod/runs", fresh)
	d.on("GET /runs/0k1v8m3pq4rs/plan", []byte(examplePlan))

	for _, c := range []struct{ args, body string }{
		{"plan network-prod", `{"kind":"plan"}`},
		{"plan network-prod --ref feature/x", `{"kind":"plan","ref":"feature/x"}`},
		{"sync network-prod", `{"kind":"sync"}`},
		{"sync network-prod --refresh-only", `{"kind":"refresh"}`},
		{"destroy network-prod", `{"kind":"destroy"}`},
	} {
		r := s.ends(exit.Done, strings.Fields(c.args)...)
		if r.out != "0k1v8m3pq4rs\n" || !strings.Contains(r.err, "tfops logs 0k1v8m3pq4rs -f") {
			t.Errorf("tfops %s prints %q and %q", c.args, r.out, r.err)
		}
		d.sent(t, "POST /workspaces/network-prod/runs "+c.body)
	}

	d.on("GET /runs/0k1v8m3pq4rs/wait", endedRun("plan", "planned_and_finished"))
	r := s.ends(exit.Changes, "plan", "network-prod", "--wait")
	if !strings.Contains(r.out, "aws_subnet.a must be replaced") || strings.Contains(r.out, "planning") {
		t.Errorf("stdout is %q", r.out)
	}
	for _, want := range []string{"Run 0k1v8m3pq4rs: sync of workspace network-prod at commit 8c5f3e21 Widen the " +
		"subnet", "planning", "ready in 1m00s: 1 to add"} {
		if !strings.Contains(r.err, want) {
			t.Errorf("stderr is %q, without %q", r.err, want)
		}
	}
	var whole struct {
		api.Run
		Changes struct {
			Changes []struct{ Address string }
		}
	}
	r = s.ends(exit.Changes, "plan", "network-prod", "--wait", "-o", "json")
	if err := json.Unmarshal([]byte(r.out), &whole); err != nil || len(whole.Changes.Changes) != 2 ||
		whole.ID != "0k1v8m3pq4rs" {
		t.Errorf("%v: %s", err, r.out)
	}

	d.on("GET /runs/0k1v8m3pq4rs/wait", exampleRun())
	if r := s.ends(exit.Approval, "sync", "network-prod", "--wait"); r.out != "" ||
		!strings.Contains(r.err, "tfops approve 0k1v8m3pq4rs") {
		t.Errorf("prints %q and %q", r.out, r.err)
	}
	accepting := exampleRun()
	accepting.Kind, accepting.Plan = "refresh", &api.Plan{Digest: digest, Drifted: 2, Accept: 2, Changes: true}
	d.on("GET /runs/0k1v8m3pq4rs/wait", accepting)
	if r := s.ends(exit.Approval, "sync", "network-prod", "--refresh-only", "--wait"); !strings.Contains(r.err,
		"is awaiting_approval: 2 to accept") {
		t.Errorf("prints %q and %q", r.out, r.err)
	}
	d.on("POST /workspaces/network-prod/runs", fault.New(fault.Conflict, "tfops status network-prod",
		"it cannot be planned"))
	s.ends(exit.Failed, "sync", "network-prod", "--wait")
}

func TestDrift(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	fleet := exampleFleet().Workspaces // accounts-prod is clean, network-prod drifted, dns was never applied
	d.on("GET /workspaces", fleet)
	for i, end := range []api.Run{endedRun("drift", "planned_and_finished"),
		endedRun("drift", "planned_and_finished")} {
		end.ID, end.Workspace = "0kdrift"+string(rune('a'+i)), fleet[i].Name
		end.Found = &api.Found{Drift: fleet[i].Drift, Addresses: fleet[i].Drifted}
		if i == 0 {
			end.Plan = &api.Plan{}
		}
		d.on("POST /workspaces/"+end.Workspace+"/runs", end)
		d.on("GET /runs/"+end.ID+"/wait", end)
		d.on("GET /workspaces/"+end.Workspace, fleet[i])
	}
	r := s.ends(exit.Done, "drift")
	if r.out != "0kdrifta\n0kdriftb\n" || !strings.Contains(r.err, "tfops runs --kind drift --limit 2") {
		t.Errorf("prints %q and %q", r.out, r.err)
	}
	s.ends(exit.Done, "drift", "accounts-prod", "accounts-prod", "--wait")
	r = s.ends(exit.Changes, "drift", "--wait")
	golden(t, "drift-wait.table", r.out+divider(r.err))
	r = s.ends(exit.Changes, "drift", "--wait", "-o", "json")
	golden(t, "drift-wait.json", r.out)

	// What could not be checked is unknown, never clean.
	unknown := endedRun("drift", "planned_and_finished")
	unknown.ID, unknown.Workspace, unknown.Found = "0kdrifta", "accounts-prod",
		&api.Found{Drift: "unknown", Why: "the engine could not plan everything"}
	d.on("GET /runs/0kdrifta/wait", unknown)
	if r := s.ends(exit.Ended, "drift", "--wait"); !strings.Contains(r.out, "could not plan everything") {
		t.Errorf("prints %q", r.out)
	}
	failed := endedRun("drift", "errored")
	failed.ID, failed.Workspace, failed.Error = "0kdrifta", "accounts-prod", &api.Failure{Message: "no credentials"}
	d.on("GET /runs/0kdrifta/wait", failed)
	if r := s.ends(exit.Ended, "drift", "--wait", "accounts-prod"); !strings.Contains(r.out, "no credentials") ||
		!strings.Contains(r.err, "in full: tfops show "+failed.ID+"\n") {
		t.Errorf("prints %q", r.out)
	}
	// One that cannot be started is a failure, and the others are checked all the same.
	if r := s.ends(exit.Failed, "drift", "--wait", "network-prod", "nothere"); !strings.Contains(r.out, "drifted") ||
		!strings.Contains(r.err, "Error: there is no") {
		t.Errorf("prints %q and %q", r.out, r.err)
	}
	// Of several faults, each is told with what to do about it.
	d.on("POST /workspaces/a/runs", fault.New(fault.Conflict, "do a", "a is wrong"))
	d.on("POST /workspaces/b/runs", fault.New(fault.Conflict, "do b", "b is wrong"))
	if r := s.ends(exit.Failed, "drift", "a", "b"); r.err != "Error: a is wrong\nNext: do a\nError: b is wrong\nNext: "+
		"do b\n" {
		t.Errorf("says %q", r.err)
	}
	if r := s.ends(exit.Failed, "drift", "a", "--wait"); r.out != "" || r.err != "Error: a is wrong\nNext: do a\n" {
		t.Errorf("of no check it prints %q and %q", r.out, r.err)
	}
	d.on("GET /workspaces", fleet[2:])
	if r := s.ends(exit.Done, "drift", "--wait", "-o", "json"); r.out != "[]\n" ||
		!strings.Contains(r.err, "No workspace has anything applied") {
		t.Errorf("prints %q and %q", r.out, r.err)
	}
}
