package e2e

import (
	"bytes"
	"context"
	"encoding/json"
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

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/runner"
	"github.com/tfops/tfops/internal/testrig"
)

// lab is one data directory with a repository, a world for the test provider,
// and daemons that come and go as real processes.
type lab struct {
	t     *testing.T
	bin   string // the tfops of the next daemon and of every command
	dir   string // holds everything of this lab
	data  string // data_dir
	world string
	repo  *gittest.Repo
	env   []string // the daemon's whole environment; commands get it too

	engine string // "terraform" or "tofu"

	daemon *serving
	client *api.Client
}

// newLab makes a lab without a daemon. Its directory has a short name, since
// the path of a socket must be short, and other users may pass through it.
func newLab(t *testing.T) *lab {
	t.Helper()
	bin, cliConfig := testrig.Binary(t), testrig.Provider(t)
	dir, err := os.MkdirTemp("", "tfops-e2e-")
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, engine: "terraform", bin: bin, dir: dir, data: filepath.Join(dir, "data"),
		world: filepath.Join(dir, "world")}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("the lab cannot be removed: %v", err)
		}
	})
	for _, sub := range []string{"world", "gates", "home"} {
		if err := os.Mkdir(l.path(sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	l.repo = gittest.NewRepoAt(t, l.path("repo.git"))
	l.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + l.path("home"), "TF_CLI_CONFIG_FILE=" + cliConfig,
		"TFOPS_CONFIG=" + l.path("tfops.hcl"), "GORACE=atexit_sleep_ms=0", "NO_COLOR=1", "TFOPS_SANDBOX=" + level}
	t.Cleanup(l.close)
	return l
}

// close ends every process of the lab, and fails the test where one of them
// panicked or raced.
func (l *lab) close() {
	if l.t.Failed() && l.daemon != nil {
		l.t.Logf("the daemon's log:\n%s", l.log())
	}
	if l.daemon != nil && !l.daemon.ended() {
		l.crash()
	}
	for _, dir := range l.glob("data/runs/*/*/runner.lock") {
		dir = filepath.Dir(dir)
		local := &runner.Local{}
		if alive, err := local.Alive(dir); err != nil || alive {
			_ = local.Interrupt(dir, true) // it may end by itself just now
			_, _ = local.Wait(context.Background(), dir)
		}
	}
	for _, dir := range l.glob("data/runs/*") {
		left, err := (&runner.Local{}).Survivors(filepath.Base(dir))
		if err != nil {
			l.t.Error(err)
		}
		for _, p := range left {
			l.kill(p.PID)
			testrig.WaitGone(detached{l.t}, p.PID)
		}
	}
	for _, path := range append(l.glob("data/runs/*/*/runner.log"), l.glob("daemon*.log")...) {
		text, err := os.ReadFile(path)
		if err != nil || bytes.Contains(text, []byte("DATA RACE")) || bytes.Contains(text, []byte("goroutine ")) {
			l.t.Errorf("%s: %v\n%s", path, err, text)
		}
	}
}

// detached lets a wait go on in a cleanup, when the test's context has ended.
type detached struct{ testing.TB }

func (detached) Context() context.Context { return context.Background() }

func (l *lab) glob(pattern string) []string {
	found, err := filepath.Glob(l.path(filepath.FromSlash(pattern)))
	if err != nil {
		l.t.Fatal(err)
	}
	return found
}

func (l *lab) path(elem ...string) string { return filepath.Join(append([]string{l.dir}, elem...)...) }

func (l *lab) write(name, content string) {
	l.t.Helper()
	if err := os.WriteFile(l.path(name), []byte(content), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) read(name string) string {
	l.t.Helper()
	b, err := os.ReadFile(l.path(name))
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}

func (l *lab) log() string {
	var all strings.Builder
	for _, path := range l.glob("daemon*.log") {
		b, _ := os.ReadFile(path)
		all.Write(b)
	}
	return all.String()
}

// configure writes tfops.hcl; rest follows the data directory and the repository.
func (l *lab) configure(rest string) {
	l.t.Helper()
	l.write("tfops.hcl", fmt.Sprintf("data_dir = %q\n\nrepository \"infra\" {\n  url  = %q\n  poll = \"1s\"\n}\n\n",
		l.data, l.repo.Dir)+l.given(rest))
}

// given has the engines of a configuration write into the world and to the gates, as into a cloud, and read
// modules on the disk.
func (l *lab) given(config string) string {
	write := fmt.Sprintf("  write = [%q, %q, %q]\n  read = [%q, %q]\n", l.world, l.path("gates"), l.path("states"),
		l.path("module.git"), l.path("modules.git"))
	if strings.Contains(config, "runner {") {
		return strings.Replace(config, "runner {", "runner {\n"+write, 1)
	}
	return config + "\nrunner {\n" + write + "}\n"
}

// passCLIConfig lets the engine find the test provider.
const passCLIConfig = "runner {\n  pass_env    = [\"TF_CLI_CONFIG_FILE\"]\n  concurrency = 4\n}\n"

// module is the text of a root module that uses the test provider.
func (l *lab) module(body string) string {
	return testrig.RequiredProviders + fmt.Sprintf("provider \"lab\" {\n  world = %q\n}\n", l.world) + body
}

// serving is a daemon.
type serving struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how it ended
}

func (s *serving) pid() int { return s.cmd.Process.Pid }

func (s *serving) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// launch starts a daemon and does not wait until it answers.
func (l *lab) launch() *serving {
	l.t.Helper()
	log, err := os.OpenFile(l.path("daemon.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		l.t.Fatal(err)
	}
	defer log.Close()
	s := &serving{cmd: exec.Command(l.bin, "serve"), done: make(chan struct{})}
	s.cmd.Env, s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = l.env, l.dir, log, log
	if err := s.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	go func() { s.err = s.cmd.Wait(); close(s.done) }()
	l.daemon = s
	if l.client != nil {
		l.client.Close()
	}
	if l.client, err = api.New(api.ClientOptions{Server: "unix://" + filepath.Join(l.data, "tfops.sock")}); err != nil {
		l.t.Fatal(err)
	}
	return s
}

// serve starts a daemon and waits until it answers.
func (l *lab) serve() *serving {
	l.t.Helper()
	s := l.launch()
	l.answers(s)
	return s
}

func (l *lab) answers(s *serving) {
	l.t.Helper()
	l.until("the daemon answers", func() bool {
		if s.ended() {
			l.t.Fatalf("the daemon ended: %v\n%s", s.err, l.log())
		}
		_, err := l.client.Health(l.t.Context())
		return err == nil
	})
}

// crash kills the daemon.
func (l *lab) crash() {
	l.t.Helper()
	l.kill(l.daemon.pid())
	<-l.daemon.done
}

// terminate asks the daemon to stop and returns how long it took.
func (l *lab) terminate() time.Duration {
	l.t.Helper()
	begin := time.Now()
	if err := l.daemon.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := testrig.Deadline(l.t)
	defer cancel()
	select {
	case <-l.daemon.done:
	case <-ctx.Done():
		l.t.Fatal("the daemon did not stop")
	}
	if l.daemon.err != nil {
		l.t.Errorf("the daemon stopped with %v", l.daemon.err)
	}
	return time.Since(begin)
}

func (l *lab) kill(pid int) {
	l.t.Helper()
	testrig.Kill(l.t, pid)
}

// until asks again and again whether it is so. What is asked is the daemon or
// the file system, which cannot tell by themselves.
func (l *lab) until(what string, so func() bool) {
	l.t.Helper()
	ctx, cancel := testrig.Deadline(l.t)
	defer cancel()
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			l.t.Fatalf("it did not come to this: %s\n%s", what, l.overview())
		}
	}
}

// overview says how everything stands, for a test that failed.
func (l *lab) overview() string {
	runs, err := l.client.Runs(context.Background(), api.RunsQuery{})
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, r := range runs {
		fmt.Fprintf(&b, "%s %s %s %s %s %q", r.ID, r.Workspace, r.Kind, r.Status, r.Reason, r.WaitingFor)
		if r.Error != nil {
			fmt.Fprintf(&b, " %s\n%s", r.Error.Message, r.Error.Detail)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// answer is what a command printed and how it ended.
type answer struct {
	code        int
	out, errout string
}

// command runs a command of tfops as it is given.
func (l *lab) command(args ...string) answer {
	l.t.Helper()
	ctx, cancel := testrig.Deadline(l.t)
	defer cancel()
	cmd := exec.CommandContext(ctx, l.bin, args...)
	var out, errout bytes.Buffer
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = l.env, l.dir, &out, &errout
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		l.t.Fatalf("tfops %v: %v", args, err)
	}
	return answer{cmd.ProcessState.ExitCode(), out.String(), errout.String()}
}

// tfops runs a command that must end with this exit status.
func (l *lab) tfops(want int, args ...string) answer {
	l.t.Helper()
	a := l.command(args...)
	if a.code != want {
		l.t.Fatalf("tfops %v: exit status %d, want %d\n%s%s%s", args, a.code, want, a.out, a.errout, l.overview())
	}
	return a
}

// says fails the test where a command did not say this on stderr.
func (a answer) says(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.errout, text) {
			t.Errorf("%q is not in: %s", text, a.errout)
		}
	}
}

func (l *lab) run(id string) api.Run {
	l.t.Helper()
	r, err := l.client.Run(l.t.Context(), id)
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

// runsOf lists a workspace's runs, newest first.
func (l *lab) runsOf(workspace string) []api.Run {
	l.t.Helper()
	runs, err := l.client.Runs(l.t.Context(), api.RunsQuery{Workspace: workspace, Limit: 1000})
	if err != nil {
		l.t.Fatal(err)
	}
	return runs
}

// reaches waits until a run has a status.
func (l *lab) reaches(id, status string) api.Run {
	l.t.Helper()
	var r api.Run
	l.until(fmt.Sprintf("run %s is %s", id, status), func() bool {
		r = l.run(id)
		if ended := r.FinishedAt != nil; ended && r.Status != status {
			l.t.Fatalf("run %s ended as %s (%s %s), want %s: %+v\n%s", id, r.Status, r.Reason, r.Comment, status,
				r.Error, l.overview())
		}
		return r.Status == status
	})
	return r
}

// latest waits until the newest run of a workspace has a status, and is none
// of those that are known already.
func (l *lab) latest(workspace, status string, known ...string) api.Run {
	l.t.Helper()
	var r api.Run
	l.until(fmt.Sprintf("the newest run of %s is %s", workspace, status), func() bool {
		runs := l.runsOf(workspace)
		if len(runs) == 0 || slices.Contains(known, runs[0].ID) {
			return false
		}
		r = runs[0]
		return r.Status == status
	})
	return r
}

// gate is a file that holds an operation of the test provider until it exists.
type gate struct {
	l    *lab
	path string
}

func (l *lab) gate(name string) gate { return gate{l, l.path("gates", name)} }

// operation is one that stands at a gate.
type operation struct {
	pid  int // of the provider, as it is where the engine runs
	time string
}

// began waits until an operation stands at the gate.
func (g gate) began() operation {
	g.l.t.Helper()
	fields := strings.Fields(string(testrig.WaitFile(g.l.t, g.path+".began")))
	if len(fields) != 3 {
		g.l.t.Fatalf("at the gate is %q", fields)
	}
	pid, err := strconv.Atoi(fields[1])
	if err != nil {
		g.l.t.Fatal(err)
	}
	return operation{pid, fields[2]}
}

// forget makes began wait for the next operation.
func (g gate) forget() {
	g.l.t.Helper()
	if err := os.Remove(g.path + ".began"); err != nil && !errors.Is(err, os.ErrNotExist) {
		g.l.t.Fatal(err)
	}
}

func (g gate) open() {
	g.l.t.Helper()
	if err := os.WriteFile(g.path, nil, 0o600); err != nil {
		g.l.t.Fatal(err)
	}
}

func (g gate) close() {
	g.l.t.Helper()
	if err := os.Remove(g.path); err != nil {
		g.l.t.Fatal(err)
	}
	g.forget()
}

// runnerOf is the process that carries out a phase of a run.
func (l *lab) runnerOf(id, phase string) int {
	l.t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(string(testrig.WaitFile(l.t,
		filepath.Join(l.data, "runs", id, phase, "runner.lock")))))
	if err != nil {
		l.t.Fatal(err)
	}
	return pid
}

// engineOf is the engine that a runner has started.
func (l *lab) engineOf(runner int) int {
	l.t.Helper()
	for pid, name := range childrenOf(l.t, runner) {
		if name == l.engine {
			return pid
		}
	}
	l.t.Fatalf("runner %d has no engine", runner)
	return 0
}

// childrenOf are the processes that one has started, by name.
func childrenOf(t *testing.T, parent int) map[int]string {
	t.Helper()
	found := map[int]string{}
	for _, dir := range mustGlob(t, "/proc/[0-9]*/stat") {
		b, err := os.ReadFile(dir)
		if err != nil {
			continue // gone meanwhile
		}
		head, tail, _ := strings.Cut(string(b), ") ")
		pid, name, _ := strings.Cut(head, " (")
		if fields := strings.Fields(tail); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			n, _ := strconv.Atoi(pid)
			found[n] = name
		}
	}
	return found
}

func mustGlob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// deed is one change of the world.
type deed struct {
	Operation, Name, Value string
	Revision               int
}

// journal is every change of the world, oldest first.
func (l *lab) journal() []deed {
	l.t.Helper()
	b, err := os.ReadFile(filepath.Join(l.world, "journal"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		l.t.Fatal(err)
	}
	var all []deed
	for line := range strings.Lines(string(b)) {
		var d deed
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			l.t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// doneOnce fails the test where something was done to the world twice, or
// these are not all the things that were created.
func (l *lab) doneOnce(created ...string) {
	l.t.Helper()
	count := map[deed]int{}
	var made []string
	for _, d := range l.journal() {
		if count[d]++; count[d] > 1 {
			l.t.Errorf("this was done %d times: %+v", count[d], d)
		}
		if d.Operation == "create" {
			made = append(made, d.Name)
		}
	}
	slices.Sort(made)
	slices.Sort(created)
	if !slices.Equal(made, created) {
		l.t.Errorf("created were %v, want %v; the journal: %+v", made, created, l.journal())
	}
}

// inspected stops the daemon in good order and has its store looked at.
func (l *lab) inspected() {
	l.t.Helper()
	if !l.daemon.ended() {
		l.terminate()
	}
	l.tfops(0, "inspect", filepath.Join(l.data, "tfops.db"), "--limit", "0")
}

// inSync fails the test where a plan of the workspace finds anything to do.
func (l *lab) inSync(workspace string) {
	l.t.Helper()
	l.tfops(0, "plan", workspace, "--wait")
}
