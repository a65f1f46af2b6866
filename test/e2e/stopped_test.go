package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/testrig"
)

// halted stops processes of a run and waits until people can read it, with the
// command that lets them go on.
func (s *scene) halted(pids ...int) api.Run {
	s.t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			s.t.Fatal(err)
		}
	}
	var r api.Run
	s.until("the run says that its processes are stopped", func() bool {
		r = s.lab.run(s.run)
		return strings.HasPrefix(r.NextCommand, "kill -CONT ") && len(strings.Fields(r.NextCommand)) == 2+len(pids)
	})
	for _, pid := range pids {
		if !slices.Contains(strings.Fields(r.NextCommand), strconv.Itoa(pid)) ||
			!strings.Contains(r.WaitingFor, fmt.Sprintf("(pid %d)", pid)) {
			s.t.Errorf("process %d is not named: it waits for %q, next is %q", pid, r.WaitingFor, r.NextCommand)
		}
	}
	if !strings.Contains(r.WaitingFor, "tfops cancel "+s.run+" --force") {
		s.t.Errorf("it waits for %q", r.WaitingFor)
	}
	for _, args := range [][]string{{"status"}, {"status", "main"}, {"show", s.run}} {
		if a := s.tfops(0, args...); !strings.Contains(a.out, "is stopped (SIGSTOP)") &&
			!strings.Contains(a.out, "kill -CONT") {
			s.t.Errorf("tfops %v does not tell:\n%s", args, a.out)
		}
	}
	return r
}

// TestStoppedRunner stops processes of a run, as a person or a debugger may. It
// says so with a command that moves it on, and both ways out work as they stand
// there.
func TestStoppedRunner(t *testing.T) {
	for _, state := range []string{"planning", "applying"} {
		t.Run(state+"/continued", func(t *testing.T) {
			t.Parallel()
			s := newScene(t, state)
			runner := s.runnerOf(s.run, s.phase)
			r := s.halted(s.engineOf(runner), runner)
			if out, err := exec.Command("sh", "-c", r.NextCommand).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", r.NextCommand, err, out)
			}
			s.until("it says nothing of it any more",
				func() bool { return !strings.Contains(s.lab.run(s.run).WaitingFor, "SIGSTOP") })
			s.gate.open()
			s.reaches(s.run, map[string]string{"planning": "awaiting_approval", "applying": "applied"}[state])
		})
		t.Run(state+"/killed", func(t *testing.T) {
			t.Parallel()
			s := newScene(t, state)
			runner := s.runnerOf(s.run, s.phase)
			engine := s.engineOf(runner)
			pids := append(slices.Collect(maps.Keys(childrenOf(t, engine))), runner, engine)
			s.halted(pids...)
			s.crash() // what is stopped the next daemon sees, too
			s.serve()
			s.halted(pids...)
			s.tfops(0, "cancel", s.run, "--force")
			for _, pid := range pids {
				testrig.WaitGone(t, pid)
			}
			want := map[string]string{"planning": "canceled", "applying": "interrupted"}[state]
			s.reaches(s.run, want)
			s.gate.open()
			if want == "interrupted" {
				s.tfops(0, "resolve", s.run, "-m", "it was stopped")
			} else {
				s.tfops(0, "sync", "main")
			}
			fresh := s.latest("main", "awaiting_approval", s.run)
			s.tfops(0, "approve", fresh.ID)
			s.reaches(fresh.ID, "applied")
			s.doneOnce("main-first", "main-last")
		})
	}
}

// TestStoppedRunnerRunsOutOfTime: nothing of a run that is stopped notices that its
// time is up, so the daemon does.
func TestStoppedRunnerRunsOutOfTime(t *testing.T) {
	if !testrig.Long(t, "a stopped runner that runs out of time") {
		return
	}
	t.Parallel()
	l := newLab(t)
	l.configure(passCLIConfig + "workspace \"w\" {\n  repository   = \"infra\"\n  plan_timeout = \"25s\"\n}\n")
	l.write("gates/value", "one")
	g := l.gate("plan")
	l.repo.Commit("main", map[string]string{"main.tf": l.module(fmt.Sprintf("data \"lab_value\" \"in\" {\n  path = "+
		"%q\n  gate = %q\n}\n", l.path("gates", "value"), g.path))})
	l.serve()
	id := l.latest("w", "planning").ID
	g.began()
	if err := syscall.Kill(l.runnerOf(id, "plan"), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if r := l.reaches(id, "errored"); !strings.Contains(r.Error.Message, "out of time") {
		t.Errorf("it ended: %+v", r.Error)
	}
	if log := l.log(); !strings.Contains(log, "out of time and its processes are stopped") {
		t.Errorf("the daemon's log does not tell:\n%s", log)
	}
}

// TestSocketIsMadeAgain removes the socket under a daemon at work: what is
// connected stays so, and people can go on after a moment. What is not ours stays.
func TestSocketIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t, "planning")
	socket := s.path("data", "tfops.sock")
	followed := exec.Command(s.bin, "logs", s.run, "-f")
	followed.Env, followed.Dir = s.env, s.dir
	out, err := os.Create(s.path("followed"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	followed.Stdout, followed.Stderr = out, out
	if err := followed.Start(); err != nil {
		t.Fatal(err)
	}
	s.until("the log is followed", func() bool { return s.read("followed") != "" })
	s.shell("rm " + socket)
	s.until("the daemon answers again", func() bool { return s.command("status").code == 0 })
	s.write("mine", "mine\n")
	s.shell("mv -f " + s.path("mine") + " " + socket)
	s.until("a person is told what is in the way", func() bool {
		return strings.Contains(s.command("status").errout, "is in the place of the socket")
	})
	s.until("the daemon says so", func() bool { return strings.Contains(s.log(), "cannot be made again") })
	if text := s.read("data/tfops.sock"); text != "mine\n" {
		t.Errorf("what was in the way has now %q", text)
	}
	s.shell("rm " + socket)
	s.until("the daemon answers again", func() bool { return s.command("status").code == 0 })
	s.gate.open()
	if err := followed.Wait(); err != nil || !strings.Contains(s.read("followed"), "lab_thing.last") {
		t.Errorf("the log that was followed all the time: %v\n%s", err, s.read("followed"))
	}
	s.client.Close()
	s.reaches(s.run, "awaiting_approval")
	s.tfops(0, "approve", s.run)
	s.lab.gate("main-apply").open()
	s.reaches(s.run, "applied")
	if n := strings.Count(s.log(), "was made again"); n != 2 {
		t.Errorf("the log tells %d times that the socket was made again:\n%s", n, s.log())
	}
	s.terminate()
	s.serve()
}

func (l *lab) shell(command string) {
	l.t.Helper()
	if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
		l.t.Fatalf("%s: %v\n%s", command, err, out)
	}
}
