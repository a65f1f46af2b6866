package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/testrig"
)

// session is what one script has started.
type session struct {
	t        testing.TB
	work     string
	vars     []string // names of the variables that a daemon gets
	repos    map[string]*gittest.Repo
	daemons  map[string]*process // by the name of the data directory
	releases *testrig.Releases
	registry *testrig.Registry
	receiver *receiver
}

type sessionKey struct{}

// newSession prepares a script's directory, and its end.
func newSession(env *testscript.Env) error {
	s := &session{t: env.T().(testing.TB), work: env.WorkDir, repos: map[string]*gittest.Repo{},
		daemons: map[string]*process{}}
	for _, v := range env.Vars {
		name, _, _ := strings.Cut(v, "=")
		s.vars = append(s.vars, name)
	}
	env.Values[sessionKey{}] = s
	env.Defer(s.end)
	for _, dir := range []string{"home", "world"} {
		if err := os.MkdirAll(filepath.Join(env.WorkDir, dir), 0o755); err != nil {
			return err
		}
	}
	return fill(env.WorkDir, env.Getenv("ME"))
}

func sessionOf(ts *testscript.TestScript) *session { return ts.Value(sessionKey{}).(*session) }

// instance takes "@ID" off the arguments: which data directory, hence which
// daemon, is meant. Without it that is "data".
func instance(args []string) (id string, rest []string) {
	if len(args) > 0 && strings.HasPrefix(args[0], "@") {
		return args[0][1:], args[1:]
	}
	return "data", args
}

// process is a daemon.
type process struct {
	cmd    *exec.Cmd
	log    string // path
	exited chan struct{}
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// serve starts a daemon and waits until it answers.
func (s *session) serve(ts *testscript.TestScript, id string, args []string) {
	if p := s.daemons[id]; p != nil && p.running() {
		ts.Fatalf("the daemon %s is running already", id)
	}
	p := &process{log: filepath.Join(s.work, id+".log"), exited: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	ts.Check(err)
	defer log.Close()
	var env []string
	for _, name := range s.vars {
		env = append(env, name+"="+ts.Getenv(name))
	}
	for len(args) > 0 && strings.Contains(args[0], "=") && !strings.HasPrefix(args[0], "-") {
		env, args = append(env, args[0]), args[1:]
	}
	p.cmd = exec.Command(filepath.Join(ts.Getenv("BIN"), "tfops"), append([]string{"serve"}, args...)...)
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = ts.MkAbs("."), env, log, log
	ts.Check(p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.exited) }()
	s.daemons[id] = p
	c := s.client(ts, id)
	defer c.Close()
	s.until(ts, "the daemon's answer", func(ctx context.Context) (bool, string) {
		if !p.running() {
			ts.Fatalf("tfops serve ended (%s):\n%s", p.cmd.ProcessState, tail(p.log))
		}
		_, err := c.Health(ctx)
		return err == nil, fmt.Sprint(err)
	})
}

// client talks to a daemon by its socket.
func (s *session) client(ts *testscript.TestScript, id string) *api.Client {
	c, err := api.New(api.ClientOptions{Server: "unix://" + filepath.Join(s.work, id, "tfops.sock")})
	ts.Check(err)
	return c
}

// stopsWithin is how soon a daemon ends that is asked to.
const stopsWithin = 10 * time.Second

// stop asks a daemon to stop, and expects it to do so soon and in good order.
func (s *session) stop(ts *testscript.TestScript, id string) {
	p := s.daemon(ts, id)
	ts.Check(p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.exited:
	case <-time.After(stopsWithin):
		ts.Fatalf("tfops serve did not stop within %s:\n%s", stopsWithin, tail(p.log))
	}
	if !p.cmd.ProcessState.Success() {
		ts.Fatalf("tfops serve stopped: %s\n%s", p.cmd.ProcessState, tail(p.log))
	}
}

func (s *session) daemon(ts *testscript.TestScript, id string) *process {
	p := s.daemons[id]
	if p == nil || !p.running() {
		ts.Fatalf("no daemon %s is running", id)
	}
	return p
}

// end stops the daemons, and whatever else the script left behind, which is a
// failure unless the script had failed before.
func (s *session) end() {
	for id, p := range s.daemons {
		if p.running() {
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
			select {
			case <-p.exited:
			case <-time.After(2 * stopsWithin):
				s.t.Errorf("daemon %s did not stop", id)
				testrig.Kill(s.t, p.cmd.Process.Pid)
				<-p.exited
			}
		}
		if text, err := os.ReadFile(p.log); err == nil && bytes.Contains(text, []byte("WARNING: DATA RACE")) {
			s.t.Errorf("daemon %s has a data race:\n%s", id, text)
		} else if s.t.Failed() {
			s.t.Logf("log of daemon %s:\n%s", id, tail(p.log))
		}
	}
	left := leftBehind(s.work)
	if len(left) > 0 && !s.t.Failed() {
		s.t.Errorf("left running: %v", left)
	}
	for pid := range left {
		testrig.Kill(s.t, pid)
		testrig.WaitGone(s.t, pid)
	}
}

// leftBehind finds the processes that have to do with a directory which only
// one script has: by what they run, where, and in which environment. The test
// itself is not among them.
func leftBehind(dir string) map[int]string {
	found := map[int]string{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		proc := filepath.Join("/proc", e.Name())
		command, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
		environ, _ := os.ReadFile(filepath.Join(proc, "environ"))
		cwd, _ := os.Readlink(filepath.Join(proc, "cwd"))
		// Names of directories may begin alike: what follows must end this one.
		for _, text := range []string{string(command), string(environ), cwd} {
			if strings.Contains(text+"\x00", dir+"/") || strings.Contains(text+"\x00", dir+"\x00") {
				found[pid] = strings.TrimSpace(strings.ReplaceAll(string(command), "\x00", " "))
			}
		}
	}
	return found
}

func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// status is the exit status of a command that ran, and -1 otherwise.
func status(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// files reads a directory: contents by slash-separated path.
func files(dir string) (map[string]string, error) {
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if d.Type()&os.ModeSymlink != 0 {
			target, err := os.Readlink(path)
			all[filepath.ToSlash(rel)] = gittest.Symlink(target)
			return err
		}
		b, err := os.ReadFile(path)
		all[filepath.ToSlash(rel)] = string(b)
		return err
	})
	return all, err
}

// flagged takes a flag off the arguments, and its value when it has one.
func flagged(args []string, name string, values int) (value string, given bool, rest []string) {
	i := slices.Index(args, name)
	if i < 0 || i+values >= len(args) {
		return "", false, args
	}
	if values == 1 {
		value = args[i+1]
	}
	return value, true, slices.Delete(slices.Clone(args), i, i+1+values)
}
