package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/testrig"
)

// unknown holds that nobody takes the run's apply for ended: it is interrupted, its
// state stays locked, and nothing is repeated.
func (s *scene) unknown() api.Run {
	s.t.Helper()
	r := s.reaches(s.run, "interrupted")
	locks, err := s.client.Locks(s.t.Context())
	if err != nil || !slices.ContainsFunc(locks, func(l api.Lock) bool { return l.Run == s.run }) {
		s.t.Errorf("the lock was not kept: %+v, %v", locks, err)
	}
	if r.Error == nil || r.NextCommand != "tfops resolve "+s.run+" -m WHAT_WAS_FOUND" {
		s.t.Errorf("next is %q, the error %+v", r.NextCommand, r.Error)
	}
	if runs := s.runsOf("main"); runs[0].ID != s.run {
		s.t.Errorf("another run was made by itself: %+v", runs[0])
	}
	return r
}

// resolved has a person close the run, and what is left to do be done.
func (s *scene) resolved() {
	s.t.Helper()
	s.tfops(0, "resolve", s.run, "-m", "looked at the world")
	fresh := s.latest("main", "planned_and_finished", s.run)
	if fresh.Plan == nil || fresh.Plan.Add+fresh.Plan.Change+fresh.Plan.Delete+fresh.Plan.Replace != 0 {
		s.t.Errorf("the apply had come to its end, and yet there is something to do: %+v", fresh.Plan)
	}
	s.doneOnce("main-first", "main-last")
	s.noTemporaryFiles(s.run)
}

// torn are results that tell nothing of how an apply ended.
var torn = map[string]string{
	"empty object": "{}", "empty": "", "null": "null", "list": "[]", "half": `{"format_version":1,"outcome":"succ`,
	"no outcome": `{"format_version":1,"started_at":"2026-01-01T00:00:00Z","finished_at":"2026-01-01T00:00:01Z"}`,
}

// TestTornResultOfAnApply: what lies there when the apply has ended is not what its runner
// wrote. The daemon that follows it and one that finds it later say the same.
func TestTornResultOfAnApply(t *testing.T) {
	if !testrig.Long(t, "torn results of applies") {
		return
	}
	for name, text := range torn {
		t.Run("followed/"+name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "applying")
			runner := s.runnerOf(s.run, "apply")
			engine := s.engineOf(runner)
			s.write(filepath.Join("data", "runs", s.run, "apply", "result.json"), text)
			s.kill(runner)
			s.unknown()
			s.gate.open()
			testrig.WaitGone(t, engine)
		})
		t.Run("found/"+name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "applying")
			s.terminate()
			s.gate.open()
			result := filepath.Join("data", "runs", s.run, "apply", "result.json")
			testrig.WaitFile(t, s.path(result))
			testrig.WaitGone(t, s.runnerOf(s.run, "apply"))
			s.write(result, text)
			s.serve()
			s.unknown()
			s.resolved()
		})
	}
}

// TestRunDirectoryRemovedInApply removes the directory of a run while its engine is at
// work: nobody can say any more how that ends, now or after a restart of the daemon.
func TestRunDirectoryRemovedInApply(t *testing.T) {
	remove := func(s *scene) {
		// Moved away, since the engine's private /tmp, below which it has this test's world, lies in there.
		if err := os.Rename(filepath.Join(s.data, "runs", s.run), s.path("aside")); err != nil {
			s.t.Fatal(err)
		}
	}
	t.Run("followed", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, "applying")
		runner := s.runnerOf(s.run, "apply")
		remove(s)
		s.gate.open()
		if r := s.unknown(); !strings.Contains(r.Error.Message, "directory of the run was removed") {
			t.Errorf("the error: %+v", r.Error)
		}
		testrig.WaitGone(t, runner)
		s.resolved()
	})
	t.Run("restarted while the engine lives", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, "applying")
		runner := s.runnerOf(s.run, "apply")
		engine := s.engineOf(runner)
		s.crash()
		remove(s)
		s.serve()
		r := s.unknown()
		if !strings.Contains(r.Error.Message, "directory of the run was removed") ||
			!strings.Contains(r.Error.Message, fmt.Sprintf("(pid %d)", engine)) {
			t.Errorf("the error: %+v", r.Error)
		}
		s.tfops(1, "resolve", s.run, "-m", "I did not look").says(t, "still running")
		s.gate.open()
		testrig.WaitGone(t, engine)
		testrig.WaitGone(t, runner)
		s.resolved()
	})
}

var temporary = regexp.MustCompile(`^\..+\.\d+$|\.tmp$`)

// noTemporaryFiles holds that nothing is left of what a killed process was writing.
func (l *lab) noTemporaryFiles(run string) {
	l.t.Helper()
	err := filepath.WalkDir(filepath.Join(l.data, "runs", run), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && temporary.MatchString(d.Name()) {
			l.t.Errorf("%s is left", path)
		}
		if os.IsNotExist(err) {
			return nil
		}
		return err
	})
	if err != nil {
		l.t.Error(err)
	}
}

// TestKilledRunnersLeaveNothing kills runners of plans and of applies until their runs
// have ended: what they were about to write goes with them, at once or at the next start.
func TestKilledRunnersLeaveNothing(t *testing.T) {
	t.Run("a plan, four times", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, "planning")
		for range 4 {
			s.gate.began()
			pid := s.runnerOf(s.run, "plan")
			s.gate.forget()
			s.kill(pid)
			testrig.WaitGone(t, pid)
			if s.lab.run(s.run).Status == "errored" {
				break
			}
			s.until("another runner, or the end", func() bool {
				b, err := os.ReadFile(filepath.Join(s.data, "runs", s.run, "plan", "runner.lock"))
				return s.lab.run(s.run).Status == "errored" || err == nil && len(b) > 0 &&
					strings.TrimSpace(string(b)) != fmt.Sprint(pid)
			})
		}
		s.reaches(s.run, "errored")
		s.until("nothing of it is left", func() bool { return len(s.glob("data/runs/"+s.run+"/plan/*.tmp")) == 0 })
		s.noTemporaryFiles(s.run)
	})
	t.Run("a plan that was canceled", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, "planning")
		s.gate.began()
		pid := s.runnerOf(s.run, "plan")
		s.crash()
		s.kill(pid)
		testrig.WaitGone(t, pid)
		s.write(filepath.Join("data", "runs", s.run, ".ground.json.12345"), "half")
		s.serve()
		s.tfops(0, "cancel", s.run)
		s.reaches(s.run, "canceled")
		s.gate.open()
		s.until("nothing of it is left", func() bool { return len(s.glob("data/runs/"+s.run+"/.*.12345")) == 0 })
		s.terminate()
		s.serve()
		s.noTemporaryFiles(s.run)
	})
	t.Run("an apply", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, "applying")
		pid := s.runnerOf(s.run, "apply")
		engine := s.engineOf(pid)
		s.kill(pid)
		s.unknown()
		s.noTemporaryFiles(s.run)
		s.gate.open()
		testrig.WaitGone(t, engine)
	})
}
