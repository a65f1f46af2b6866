package server

import (
	"bytes"
	"encoding/json"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store"
	"github.com/tfops/tfops/internal/testrig"
)

func me(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

// TestARunFromCommitToApplied drives a run through the client alone.
func TestARunFromCommitToApplied(t *testing.T) {
	r := newRig(t, []fleet.Definition{define("a")})
	ctx, c := t.Context(), r.client
	waiting := r.awaiting("a")
	if waiting.WaitingFor == "" || waiting.NextCommand != "tfops approve "+waiting.ID || waiting.ExpiresAt == nil {
		t.Errorf("a run that waits says %q, %q, expires %v", waiting.WaitingFor, waiting.NextCommand, waiting.ExpiresAt)
	}
	if waiting.Commit.CoAuthors[0] != "Li <li@example.com>" || waiting.Commit.Time.Location() != time.UTC ||
		waiting.Plan.Add != 1 {
		t.Errorf("commit %+v, plan %+v", waiting.Commit, waiting.Plan)
	}
	list, err := c.Approvals(ctx)
	if err != nil || len(list) != 1 || list[0].ID != waiting.ID || list[0].CanApprove != nil {
		t.Fatalf("approvals: %+v, %v", list, err)
	}
	_, err = c.Vote(ctx, waiting.ID, api.Ballot{Yes: true, Digest: strings.Repeat("0", 64)})
	testrig.WantFault(t, err, fault.Conflict, "tfops show "+waiting.ID)

	voted, err := c.Vote(ctx, waiting.ID, api.Ballot{Yes: true, Digest: waiting.Plan.Digest, Comment: "fine"})
	if err != nil || len(voted.Approvals) != 1 || voted.Approvals[0].Voter != me(t) ||
		voted.Approvals[0].Comment != "fine" {
		t.Fatalf("after the vote: %+v, %v", voted, err)
	}
	done, err := c.Wait(ctx, waiting.ID)
	for err == nil && done.Status == "awaiting_approval" { // seen before the vote was counted
		done, err = c.Wait(ctx, waiting.ID)
	}
	if err != nil || done.Status != "applied" || done.FinishedAt == nil || done.WaitingFor != "" ||
		len(done.Events) < 4 {
		t.Fatalf("in the end: %+v, %v", done, err)
	}
	if done.ExpiresAt != nil {
		t.Error("a run that has ended still expires")
	}
	history, err := c.History(ctx, "a", 0)
	if err != nil || len(history) != 1 || len(history[0].Approvals) != 1 {
		t.Errorf("history: %+v, %v", history, err)
	}
	w, err := c.Workspace(ctx, "a")
	if err != nil || w.Sync != "synced" || w.Drift != "none" || w.LastRun.ID != done.ID ||
		w.AppliedCommit != done.Commit.SHA {
		t.Errorf("workspace: %+v, %v", w, err)
	}
	audit, err := c.Audit(ctx, 0)
	if err != nil || len(audit) != 2 || audit[0].Action != "approve" || audit[0].Actor != me(t) ||
		audit[0].Via != "socket" || !audit[0].Allowed || audit[0].Digest != done.Plan.Digest ||
		audit[0].Commit != done.Commit.SHA || audit[0].UID == "" || int(audit[0].PID) != os.Getpid() ||
		audit[1].Action != "approve" || audit[1].Allowed || audit[1].Refused == "" || audit[1].Workspace != "a" {
		t.Errorf("audit: %+v, %v", audit, err)
	}
	whole, err := c.Plan(ctx, done.ID)
	if err != nil || !bytes.Contains(whole, []byte("12345678901234567890")) {
		t.Errorf("plan: %s, %v", whole, err)
	}
	var lines []string
	for line, err := range c.Log(ctx, done.ID, false) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	if len(lines) != 4 || !json.Valid([]byte(lines[0])) {
		t.Errorf("log: %q", lines)
	}
}

func TestPeopleHoldAWorkspaceBack(t *testing.T) {
	r := newRig(t, []fleet.Definition{define("a"), define("b")})
	ctx, c := t.Context(), r.client
	waiting := r.awaiting("a")
	w, err := c.Lock(ctx, "a", "maintenance")
	if err != nil || w.Lock == nil || w.Lock.Person != me(t) || w.Lock.Reason != "maintenance" {
		t.Fatalf("lock: %+v, %v", w, err)
	}
	_, err = c.Lock(ctx, "a", "again")
	testrig.WantFault(t, err, fault.Conflict, "tfops unlock a", "maintenance")
	if _, err := c.Vote(ctx, waiting.ID, api.Ballot{Yes: true, Digest: waiting.Plan.Digest}); err != nil {
		t.Fatal(err)
	}
	held, err := c.Locks(ctx)
	if err != nil || len(held) != 1 || held[0].Waiting[0] != waiting.ID || held[0].Holder != me(t) {
		t.Fatalf("locks: %+v, %v", held, err)
	}
	status, err := c.Status(ctx)
	if err != nil || status.Workspaces[0].Lock.Waiting[0] != waiting.ID || status.Version != "v0" ||
		status.Repositories[0].PolledAt == nil {
		t.Fatalf("status: %+v, %v", status, err)
	}
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	if w, err = c.Suspend(ctx, "a", api.Suspend{Reason: "weekend", Until: &until}); err != nil ||
		!w.Suspended.Until.Equal(until) {
		t.Fatalf("suspend: %+v, %v", w, err)
	}
	if w, err = c.Resume(ctx, "a"); err != nil || w.Suspended != nil {
		t.Fatalf("resume: %+v, %v", w, err)
	}
	if w, err = c.Unlock(ctx, "a", ""); err != nil {
		t.Fatal(err)
	}
	if done := r.until("a", "applied"); done.ID != waiting.ID {
		t.Errorf("run %s was applied, want %s", done.ID, waiting.ID)
	}
	if held, err = c.Locks(ctx); err != nil || held == nil || len(held) != 0 {
		t.Errorf("locks in the end: %#v, %v", held, err)
	}
	if err := c.Poll(ctx, "infra"); err != nil {
		t.Error(err)
	}
	testrig.WantFault(t, c.Poll(ctx, "nope"), fault.NotFound)
}

func TestRunsAreEndedByPeople(t *testing.T) {
	r := newRig(t, []fleet.Definition{define("a")})
	ctx, c := t.Context(), r.client
	first := r.awaiting("a")
	if _, err := c.Suspend(ctx, "a", api.Suspend{Reason: "nothing is applied here"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Vote(ctx, first.ID, api.Ballot{Yes: true, Digest: first.Plan.Digest}); err != nil {
		t.Fatal(err)
	}
	back, err := c.Withdraw(ctx, first.ID)
	if err != nil || len(back.Approvals) != 0 {
		t.Fatalf("withdraw: %+v, %v", back, err)
	}
	_, err = c.Vote(ctx, first.ID, api.Ballot{Digest: first.Plan.Digest})
	testrig.WantFault(t, err, fault.Invalid, "comment")
	rejected, err := c.Vote(ctx, first.ID, api.Ballot{Digest: first.Plan.Digest, Comment: "not now"})
	if err != nil || rejected.Status != "discarded" || rejected.Reason != "rejected" {
		t.Fatalf("reject: %+v, %v", rejected, err)
	}
	second, err := c.StartRun(ctx, "a", api.StartRun{Kind: "sync"})
	if err != nil || second.Trigger.Cause != "person" || second.Trigger.Actor != me(t) {
		t.Fatalf("start: %+v, %v", second, err)
	}
	if second, err = c.Wait(ctx, second.ID); err != nil || second.Status != "awaiting_approval" {
		t.Fatalf("wait: %+v, %v", second, err)
	}
	canceled, err := c.Cancel(ctx, second.ID, false)
	if err != nil || canceled.Status != "canceled" {
		t.Fatalf("cancel: %+v, %v", canceled, err)
	}
	_, err = c.Cancel(ctx, second.ID, false)
	testrig.WantFault(t, err, fault.Conflict)
	_, err = c.Resolve(ctx, second.ID, "nothing")
	testrig.WantFault(t, err, fault.Conflict, "only an interrupted run")
	_, err = c.StartRun(ctx, "a", api.StartRun{Kind: "plan", Ref: "nope"})
	testrig.WantFault(t, err, fault.NotFound, "nope", "push it")

	page, err := c.Runs(ctx, api.RunsQuery{Statuses: []string{"discarded", "canceled"}, Kinds: []string{"sync"}})
	if err != nil || len(page) != 2 || page[0].ID != second.ID {
		t.Fatalf("runs: %+v, %v", page, err)
	}
	page, err = c.Runs(ctx, api.RunsQuery{Limit: 1, Before: second.ID})
	if err != nil || len(page) != 1 || page[0].ID != first.ID {
		t.Fatalf("the page before: %+v, %v", page, err)
	}
}

func TestApprovalsTellWhoMay(t *testing.T) {
	defs := []fleet.Definition{define("a"), define("b", approvals.Rule{Name: "li only", From: []string{"li"}})}
	r := newRig(t, defs, func(r *rig, o *Options) { o.MayApprove = r.engine.MayApprove })
	r.awaiting("a")
	r.awaiting("b")
	list, err := r.client.Approvals(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("approvals: %+v, %v", list, err)
	}
	for _, l := range list {
		why := ""
		if l.Workspace == "b" {
			why = me(t) + ` cannot approve this plan: rule "li only" takes approvals of li only`
		}
		if *l.CanApprove != (why == "") || l.CannotApproveBecause != why {
			t.Errorf("%s: %v because %q", l.Workspace, *l.CanApprove, l.CannotApproveBecause)
		}
	}
}

// TestALogIsFollowedToItsEnd reads the log of a run while it grows.
func TestALogIsFollowedToItsEnd(t *testing.T) {
	var letPlan func()
	r := newRig(t, []fleet.Definition{define("a")},
		func(r *rig, _ *Options) { letPlan = r.runners.hold(job.PlanPhase) })
	dir := <-r.runners.started
	id := filepath.Base(filepath.Dir(dir))
	var got []string
	for line, err := range r.client.Log(t.Context(), id, true) {
		if err != nil {
			t.Fatal(err)
		}
		var m struct {
			Message string `json:"@message"`
		}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Message)
		switch len(got) {
		case 1: // the stream is open, and brings what is written from now on
			if err := r.runners.say(dir, "still planning"); err != nil {
				t.Fatal(err)
			}
		case 2:
			letPlan()
		}
	}
	if want := "plan begins, still planning, plan ends"; strings.Join(got, ", ") != want {
		t.Errorf("the log had %q, want %s", got, want)
	}
	for _, err := range r.client.Log(t.Context(), "nope", true) {
		testrig.WantFault(t, err, fault.NotFound, "nope")
	}
}

func TestBackupIsAWholeStore(t *testing.T) {
	r := newRig(t, []fleet.Definition{define("a")})
	waiting := r.awaiting("a")
	path := filepath.Join(t.TempDir(), "copy.db")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.client.Backup(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	copied, err := store.Open(path, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	if _, _, err := copied.Load(t.Context(), waiting.ID); err != nil {
		t.Error(err)
	}
}

func TestStoppingEndsWhatWaits(t *testing.T) {
	asked := make(chan struct{}, 2)
	r := newRig(t, []fleet.Definition{define("a")}, func(r *rig, _ *Options) {
		r.asked = asked
		r.runners.hold(job.PlanPhase)
	})
	id := filepath.Base(filepath.Dir(<-r.runners.started))
	waited, followed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := r.client.Wait(t.Context(), id)
		waited <- err
	}()
	go func() {
		var last error
		for _, err := range r.client.Log(t.Context(), id, true) {
			last = err
		}
		followed <- last
	}()
	<-asked
	<-asked
	r.stopServer()
	testrig.WantFault(t, <-waited, fault.Unavailable, "tfops serve is stopping", "tfops wait "+id)
	testrig.WantFault(t, <-followed, fault.Unavailable)
	if log := r.log.String(); strings.Contains(log, "cut off") || strings.Contains(log, "a request failed") {
		t.Errorf("they did not end by themselves:\n%s", log)
	}
	if _, err := os.Stat(r.socket); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
	_, err := r.client.Run(t.Context(), id)
	testrig.WantFault(t, err, fault.Unavailable, "start it: tfops serve")
}

func TestWaitAnswersWhenTheTimeIsUp(t *testing.T) {
	r := newRig(t, []fleet.Definition{define("a")}, func(r *rig, _ *Options) { r.runners.hold(job.PlanPhase) })
	id := filepath.Base(filepath.Dir(<-r.runners.started))
	resp, b := r.ask("GET", "/api/v1/runs/"+id+"/wait?timeout_seconds=1", "")
	var got api.Run
	if err := json.Unmarshal(b, &got); err != nil || resp.StatusCode != 200 || got.Status != "planning" {
		t.Errorf("%s: %s", resp.Status, b)
	}
}

func TestSettledAgreesWithTheStates(t *testing.T) {
	for _, s := range run.Statuses {
		want := s.Terminal() || s == run.AwaitingApproval || s == run.Interrupted
		if got := api.Settled(string(s)); got != want {
			t.Errorf("Settled(%s) is %v", s, got)
		}
	}
}

// TestLogThatCannotBeRead is told with what to do, and not as an answer that was cut off.
func TestLogThatCannotBeRead(t *testing.T) {
	r := newRig(t, []fleet.Definition{define("a")})
	waiting := r.awaiting("a")
	for _, phase := range []string{"plan", "apply"} {
		log := filepath.Join(r.dir, "runs", waiting.ID, phase, "events.jsonl")
		if err := os.RemoveAll(filepath.Dir(log)); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../../../tfops.db", log); err != nil {
			t.Fatal(err)
		}
		for _, follow := range []bool{false, true} {
			var last error
			for line, err := range r.client.Log(t.Context(), waiting.ID, follow) {
				if last = err; err == nil {
					t.Errorf("%s: a line was shown: %q", phase, line)
				}
			}
			testrig.WantFault(t, last, fault.Internal, "move it away", "the log of run "+waiting.ID+" cannot be read",
				"no regular file")
		}
		if err := os.RemoveAll(filepath.Dir(log)); err != nil {
			t.Fatal(err)
		}
	}
}
