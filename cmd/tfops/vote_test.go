package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
)

func TestVotesWithoutATerminal(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	d.on("GET /runs/0k1v8m3pq4rs", exampleRun())
	queued := exampleRun()
	queued.Status, queued.WaitingFor, queued.NextCommand = "apply_queued", "a free worker",
		"tfops runs --status applying"
	queued.Waiting = &api.Waiting{Kind: "worker"}
	d.on("PUT /runs/0k1v8m3pq4rs/vote", queued)
	d.on("DELETE /runs/0k1v8m3pq4rs/vote", exampleRun())

	r := s.ends(exit.Done, "approve", "0k1v8m3pq4rs", "-m", "fine")
	d.sent(t, `PUT /runs/0k1v8m3pq4rs/vote {"yes":true,"digest":"`+digest+`","comment":"fine"}`)
	if r.out != "Approved plan 3f2a9c4be071 of run 0k1v8m3pq4rs (workspace network-prod). The apply starts as soon as "+
		"a worker is free.\n" {
		t.Errorf("prints %q", r.out)
	}
	s.ok("approve", "0k1v8m3pq4rs", "--digest", "3f2a9c4be071")
	d.sent(t, `PUT /runs/0k1v8m3pq4rs/vote {"yes":true,"digest":"3f2a9c4be071"}`)

	d.on("PUT /runs/0k1v8m3pq4rs/vote", endedRun("sync", "discarded"))
	s.ok("reject", "0k1v8m3pq4rs", "-m", "no")
	d.sent(t, `PUT /runs/0k1v8m3pq4rs/vote {"yes":false,"digest":"`+digest+`","comment":"no"}`)
	s.ok("reject", "0k1v8m3pq4rs", "-m", "no", "--digest", "sha256:3f2a9c4be071")
	d.sent(t, `PUT /runs/0k1v8m3pq4rs/vote {"yes":false,"digest":"sha256:3f2a9c4be071","comment":"no"}`)

	if out := s.ok("withdraw", "0k1v8m3pq4rs"); !strings.Contains(out, "Took the approval back of run") {
		t.Errorf("prints %q", out)
	}
	d.sent(t, "DELETE /runs/0k1v8m3pq4rs/vote")

	d.on("PUT /runs/0k1v8m3pq4rs/vote", exampleRun()) // one more is needed
	if r := s.ends(exit.Done, "approve", "0k1v8m3pq4rs"); r.err != "Next, by somebody else: tfops approve "+
		"0k1v8m3pq4rs\n" {
		t.Errorf("says %q", r.err)
	}
	d.on("PUT /runs/0k1v8m3pq4rs/vote", fault.New(fault.Forbidden, "", "ana wrote this commit"))
	if r := s.ends(exit.Failed, "approve", "0k1v8m3pq4rs"); !strings.Contains(r.err, "ana wrote this commit") {
		t.Errorf("says %q", r.err)
	}
}

func TestNothingToVoteOn(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	early, late := exampleRun(), endedRun("sync", "applied")
	early.Status, early.Plan = "planning", nil
	for _, c := range []struct {
		answer any
		says   string
	}{{early, "tfops wait 0k1v8m3pq4rs"}, {late, "has ended"},
		{fault.New(fault.NotFound, "tfops runs", "there is no run 0k1v8m3pq4rs"), "there is no run"}} {
		d.on("GET /runs/0k1v8m3pq4rs", c.answer)
		for _, args := range [][]string{{"approve", "0k1v8m3pq4rs"}, {"reject", "0k1v8m3pq4rs", "-m", "no"}} {
			if r := s.ends(exit.Failed, args...); !strings.Contains(r.err, c.says) {
				t.Errorf("tfops %q says %q, without %q", args, r.err, c.says)
			}
		}
	}
	if votes := d.requests("PUT"); len(votes) > 0 {
		t.Errorf("voted: %q", votes)
	}
}

// onTerminal runs a command at a terminal at which typed is typed, and
// returns what the terminal showed.
func (s *shell) onTerminal(typed string, args ...string) (string, int) {
	s.t.Helper()
	person, tty, err := pty.Open()
	if err != nil {
		s.t.Fatal(err)
	}
	defer person.Close()
	if _, err := io.WriteString(person, typed); err != nil { // it waits in the terminal until it is read
		s.t.Fatal(err)
	}
	showed := make(chan string)
	go func() {
		b, _ := io.ReadAll(person) // ends with EIO once the terminal is closed
		showed <- string(b)
	}()
	var out bytes.Buffer
	a := &app{stdin: tty, stdout: &out, stderr: tty, getenv: func(k string) string { return s.env[k] }, now: s.now}
	status := a.run(s.t.Context(), args)
	tty.Close()
	return <-showed + out.String(), status
}

func TestApprovalOnATerminal(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	d.on("GET /runs/0k1v8m3pq4rs", exampleRun())
	d.on("GET /runs/0k1v8m3pq4rs/plan", []byte(examplePlan))
	d.on("PUT /runs/0k1v8m3pq4rs/vote", endedRun("sync", "applied"))

	for _, wrong := range []string{"\n", "yes\n", "3f2a9c4be07\n", "3f2a9c4be072\n", digest + "0\n", "\x04"} {
		showed, status := s.onTerminal(wrong, "approve", "0k1v8m3pq4rs")
		if status == exit.Done || len(d.requests("PUT")) > 0 {
			t.Fatalf("%q approved the plan:\n%s", wrong, showed)
		}
	}
	showed, status := s.onTerminal("3f2a9c4be071\n", "approve", "0k1v8m3pq4rs", "-m", "fine")
	if status != exit.Done {
		t.Fatalf("status %d:\n%s", status, showed)
	}
	d.sent(t, `PUT /runs/0k1v8m3pq4rs/vote {"yes":true,"digest":"`+digest+`","comment":"fine"}`)
	for _, want := range []string{"aws_subnet.a", "forces replacement", "Widen the subnet", "Plan 3f2a9c4be071",
		"type the first 12 digits", "1 of 2 approvals"} {
		if !strings.Contains(showed, want) {
			t.Errorf("the terminal showed\n%s\nwithout %q", showed, want)
		}
	}
	if !strings.Contains(showed, "\x1b[") {
		t.Error("no colours on a terminal")
	}
	// A digest that was given is not asked back.
	if showed, status := s.onTerminal("", "approve", "0k1v8m3pq4rs", "--digest", digest); status != exit.Done ||
		strings.Contains(showed, "type the first") {
		t.Errorf("status %d:\n%s", status, showed)
	}
	// What cannot be shown is not approved.
	d.on("GET /runs/0k1v8m3pq4rs/plan", fault.New(fault.NotFound, "", "the plan is gone"))
	if showed, status := s.onTerminal("3f2a9c4be071\n", "approve", "0k1v8m3pq4rs"); status != exit.Failed {
		t.Errorf("status %d:\n%s", status, showed)
	}
}

// TestAnsweredByLeaving presses keys in a process that has the terminal to
// itself: the terminal makes a signal of Ctrl-C.
func TestAnsweredByLeaving(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	d.on("GET /runs/0k1v8m3pq4rs", exampleRun())
	d.on("GET /runs/0k1v8m3pq4rs/plan", []byte(examplePlan))
	for _, c := range []struct {
		key    string
		status int
	}{{"\x03", 130}, {"\x04", exit.Failed}} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "approve", "0k1v8m3pq4rs", "--no-color")
		cmd.Env = append(os.Environ(), beTfops+"=1", "TFOPS_SERVER="+s.env["TFOPS_SERVER"])
		person, err := pty.Start(cmd)
		if err != nil {
			t.Fatal(err)
		}
		defer person.Close()
		screen := bufio.NewReader(person)
		for showed := ""; !strings.HasSuffix(showed, "digest: "); { // the question
			b, err := screen.ReadByte()
			if err != nil {
				t.Fatalf("%v after %q", err, showed)
			}
			showed += string(b)
		}
		if _, err := io.WriteString(person, c.key); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(screen) // ends with EIO once the process is gone
		_ = cmd.Wait()
		if cmd.ProcessState.ExitCode() != c.status || !strings.HasSuffix(string(rest),
			"\r\nNothing was approved. To try again: tfops approve 0k1v8m3pq4rs\r\n") {
			t.Errorf("%q: %v, the terminal showed %q", c.key, cmd.ProcessState, rest)
		}
	}
	if votes := d.requests("PUT"); len(votes) > 0 {
		t.Errorf("voted: %q", votes)
	}
}

func TestSecretsDoNotGoToATerminal(t *testing.T) {
	s := newShell(t)
	person, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer person.Close()
	defer tty.Close()
	var out bytes.Buffer
	a := &app{stdin: os.Stdin, stdout: tty, stderr: &out, getenv: func(k string) string { return s.env[k] }, now: s.now}
	if status := a.run(t.Context(), []string{"decrypt", "x.age"}); status != exit.Usage ||
		!strings.Contains(out.String(), "--force") {
		t.Errorf("status %d, says %q", status, out.String())
	}
}

// A destroy that nobody asked for is approved by the name of its workspace.
func TestRemovalIsApprovedByName(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	r := exampleRun()
	r.Kind, r.Trigger.Cause, r.WaitingFor = "destroy", "removed",
		"1 approval by the name of the workspace: it destroys 3 resources of workspace network-prod"
	d.on("GET /runs/0k1v8m3pq4rs", r)
	d.on("GET /runs/0k1v8m3pq4rs/plan", []byte(examplePlan))
	d.on("PUT /runs/0k1v8m3pq4rs/vote", endedRun("destroy", "applied"))
	for _, wrong := range []string{"3f2a9c4be071\n\x04", "3f2a9c4be071\n\n", "3f2a9c4be071\nyes\n",
		"3f2a9c4be071\nnetwork-pro\n", "network-prod\n"} {
		showed, status := s.onTerminal(wrong, "approve", "0k1v8m3pq4rs")
		if status == exit.Done || len(d.requests("PUT")) > 0 {
			t.Fatalf("%q approved the plan:\n%s", wrong, showed)
		}
	}
	showed, status := s.onTerminal("3f2a9c4be071\nnetwork-prod\n", "approve", "0k1v8m3pq4rs")
	if status != exit.Done || !strings.Contains(showed, "it destroys 3 resources of workspace network-prod") {
		t.Fatalf("status %d:\n%s", status, showed)
	}
	d.sent(t, `PUT /runs/0k1v8m3pq4rs/vote {"yes":true,"digest":"`+digest+`","workspace":"network-prod"}`)
	s.ok("approve", "0k1v8m3pq4rs", "--workspace", "network-prod")
	d.sent(t, `PUT /runs/0k1v8m3pq4rs/vote {"yes":true,"digest":"`+digest+`","workspace":"network-prod"}`)
}
