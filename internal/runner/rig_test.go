package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/runner/phase"
	"github.com/tfops/tfops/internal/runner/treecopy"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/testrig"
)

// The test's own binary is the `tfops runner` that Local starts.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "runner" {
		useResolver()
		os.Exit(phase.Main(os.Args[2]))
	}
	if len(os.Args) == 3 && os.Args[1] == "attack" {
		attackAll(os.Args[2])
		os.Exit(0)
	}
	if len(os.Args) > 2 && os.Args[1] == "container" {
		fmt.Println(container(os.Args[2] == "landlock", os.Args[3:]))
		os.Exit(1)
	}
	if len(os.Args) > 4 && os.Args[1] == "reach" {
		reach(os.Args[2:])
		os.Exit(0)
	}
	if len(os.Args) > 1 && os.Args[1] == inputs.AccessCommand {
		os.Exit(inputs.Access(os.Args[2:]))
	}
	if len(os.Args) == 2 && os.Args[1] == "small-files" {
		os.Exit(startSmall())
	}
	os.Exit(m.Run())
}

// rig is one workspace with its tree, and phases run on it with a real engine. Each plan
// is of the tree as it is then.
type rig struct {
	t        testing.TB
	base     string
	tree     string
	local    *Local
	identity *age.X25519Identity
	env      map[string]string
	engine   job.EngineSpec // terraform on PATH, where the test says nothing else
	phases   int
	mark     string
}

// raceSettings: a program built with the race detector sleeps for a second
// when it ends, unless told not to.
var raceSettings = []string{"GORACE=atexit_sleep_ms=0"}

func newRig(t testing.TB, files map[string]string) *rig {
	t.Helper()
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Fatal("these tests need terraform on PATH")
	}
	exe := openProgram(t)
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	for _, dir := range []string{filepath.Dir(base), base} { // engines may run as another user
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := &rig{t: t, base: base, tree: filepath.Join(base, "tree"),
		local:    &Local{Exe: exe, ExtraEnv: raceSettings, Most: sandbox.Level(os.Getenv("TFOPS_SANDBOX"))},
		identity: id, engine: job.EngineSpec{Name: "terraform"},
		env: map[string]string{"PATH": filepath.Dir(terraform) + ":/usr/bin:/bin", "HOME": filepath.Join(base, "home")}}
	for _, dir := range []string{r.tree, r.env["HOME"], r.workspaceDir(), filepath.Join(base, "cache"),
		filepath.Join(base, "checkouts"), r.given()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		r.write(name, content)
	}
	return r
}

// openProgram is this program where every user may start it.
func openProgram(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		return exe
	}
	for dir := filepath.Dir(exe); dir != "/"; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&0o001 == 0 && strings.HasPrefix(filepath.Base(dir), "go-build") { // of this go test
			if err := os.Chmod(dir, 0o711); err != nil {
				t.Fatal(err)
			}
		}
	}
	return exe
}

// eachEngine runs a test with the terraform on PATH and with OpenTofu.
func eachEngine(t *testing.T, test func(*testing.T, job.EngineSpec)) {
	t.Helper()
	t.Run("terraform", func(t *testing.T) { test(t, job.EngineSpec{Name: "terraform"}) })
	t.Run("tofu", func(t *testing.T) {
		if !testrig.Long(t, "the same with OpenTofu") {
			return
		}
		if path, ok := testrig.Tofu(t); ok {
			test(t, job.EngineSpec{Name: "tofu", Path: path})
		}
	})
}

// given is a directory that the engine may write to.
func (r *rig) given() string { return r.base + "-given" }

// others are the directories of the tests that this one is part of.
func (r *rig) others() []string {
	name, _, _ := strings.Cut(r.t.Name(), "/")
	all, err := filepath.Glob(filepath.Join(os.TempDir(), name+"*"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, dir := range all { // engines may run as other users
		if err := os.Chmod(dir, 0o755); err != nil {
			r.t.Fatal(err)
		}
	}
	return append(all, r.local.Exe) // which engines start as an attacker
}

func (r *rig) workspaceDir() string { return filepath.Join(r.base, "workspaces", "w") }

func (r *rig) write(name, content string) {
	r.t.Helper()
	path := filepath.Join(r.tree, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// flight is one phase, started.
type flight struct {
	*rig
	dir string
	job job.Job
}

type option func(*job.Job, *job.Secrets)

func (r *rig) planJob(opts ...option) (string, job.Job, job.Secrets) {
	r.phases++
	if r.mark == "" { // the same test may run beside itself, and runs are told by their id
		r.mark = fmt.Sprint(os.Getpid(), "-", filepath.Base(filepath.Dir(r.base)))
	}
	dir := filepath.Join(r.base, "runs", fmt.Sprintf("run-%03d", r.phases))
	j := job.Job{
		Run: strings.ReplaceAll(r.t.Name(), "/", "-") + "-" + r.mark + "-" + filepath.Base(dir), Workspace: "w",
		Phase: job.PlanPhase, Dir: ".",
		Commit: fmt.Sprintf("commit-%d", r.phases), Checkout: r.checkout(), Ground: filepath.Join(dir, "ground"),
		ModuleAge: time.Hour,
		Engine:    r.engine, TerraformWorkspace: "default", WorkspaceDir: r.workspaceDir(),
		CacheDir: filepath.Join(r.base, "cache"),
		PlanFile: filepath.Join(dir, "plan.tfplan.age"), PlanJSON: filepath.Join(dir, "plan.json"),
		Recipient: r.identity.Recipient().String(),
		LockState: true, Timeout: time.Minute, Grace: 20 * time.Second,
		Cell: job.Cell{DataDir: r.base, Read: r.others(), Write: []string{filepath.Dir(r.base)}},
	}
	secrets := job.Secrets{Env: r.env}
	for _, o := range opts {
		o(&j, &secrets)
	}
	if j.Tree == "" {
		j.Tree = filepath.Join(j.WorkspaceDir, "tree")
	}
	return dir, j, secrets
}

// checkout pins the tree as it is now.
func (r *rig) checkout() string {
	r.t.Helper()
	dir, err := os.MkdirTemp(filepath.Join(r.base, "checkouts"), "")
	if err != nil {
		r.t.Fatal(err)
	}
	err = treecopy.Tree(r.tree, pinned.Files(dir), nil)
	if err == nil {
		err = pinned.Pin(dir)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return dir
}

// groundText says what a plan stands on.
func (f *flight) groundText() []byte {
	f.t.Helper()
	b, err := os.ReadFile(filepath.Join(f.dir, job.GroundFile))
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// wrote is where a phase wrote a file of its tree. In a copy of it only a plan that went well leaves what it wrote
// elsewhere.
func (f *flight) wrote(name string) string {
	path := filepath.Join(f.job.Ground, "written", "tree", name)
	if _, err := os.Lstat(path); err != nil && f.local.Sandbox().Level == sandbox.Users {
		return filepath.Join(f.job.Tree, name)
	}
	return path
}

// besides is for tests that need two phases of one workspace at once, which there are not without overlays.
func (r *rig) besides() {
	if _, err := r.local.Probe(filepath.Join(r.base, "cache")); err != nil {
		r.t.Fatal(err)
	}
	if r.local.Sandbox().Level == sandbox.Users {
		r.t.Skip("NOT RUN: where engines run as other users the phases of a workspace go one at a time")
	}
}

func (r *rig) start(dir string, job job.Job, secrets job.Secrets) *flight {
	r.t.Helper()
	if err := r.local.Start(r.t.Context(), dir, job, secrets); err != nil {
		r.t.Fatalf("start: %v", err)
	}
	f := &flight{r, dir, job}
	r.t.Cleanup(f.leaveNothing)
	return f
}

// leaveNothing fails the test when a runner or anything of it is still there.
func (f *flight) leaveNothing() {
	if alive, _ := f.local.Alive(f.dir); alive {
		_ = f.local.Interrupt(f.dir, true)
		_, _ = f.local.Wait(context.Background(), f.dir)
	}
	if said := f.read(job.LogFile); said != "" { // a panic, or a race
		f.t.Errorf("the runner printed: %s", said)
	}
	left, err := (&Local{}).Survivors(f.job.Run)
	if err != nil || len(left) > 0 {
		f.t.Errorf("left behind: %v, %v", left, err)
		killAll(left)
	}
}

func killAll(left []job.Process) {
	for _, p := range left {
		_ = unix.Kill(p.PID, unix.SIGKILL)
	}
}

func (f *flight) wait() job.Result {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 90*time.Second)
	defer cancel()
	result, err := f.local.Wait(ctx, f.dir)
	if err != nil {
		f.t.Fatalf("wait: %v\n%s", err, f.read(job.EventsFile)+f.read(job.LogFile))
	}
	return result
}

func (f *flight) vanish() *Vanished {
	f.t.Helper()
	_, err := f.local.Wait(f.t.Context(), f.dir)
	var v *Vanished
	if !errors.As(err, &v) {
		f.t.Fatalf("want a vanished runner, got %v", err)
	}
	return v
}

func (f *flight) read(name string) string {
	b, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.t.Fatal(err)
	}
	return string(b)
}

// pid is the runner's, once it works.
func (f *flight) pid() int {
	f.t.Helper()
	lock, err := os.Open(filepath.Join(f.dir, job.LockFile))
	if err != nil {
		f.t.Fatal(err)
	}
	defer lock.Close()
	return pidIn(lock)
}

func (r *rig) plan(opts ...option) (*flight, job.Result) {
	r.t.Helper()
	f := r.start(r.planJob(opts...))
	return f, f.wait()
}

// planned makes a plan that must succeed.
func (r *rig) planned(opts ...option) *flight {
	r.t.Helper()
	f, result := r.plan(opts...)
	if result.Outcome != job.Succeeded {
		r.t.Fatalf("plan: %+v\n%s", result, f.read(job.EventsFile))
	}
	return f
}

// startApply starts the apply of a plan.
func (f *flight) startApply(opts ...option) *flight {
	f.t.Helper()
	j := f.job
	j.Phase = job.ApplyPhase
	secrets := job.Secrets{Env: f.env, Plan: f.openPlan()}
	result, err := job.LoadResult(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	j.PlanDigest = result.PlanDigest
	for _, o := range opts {
		o(&j, &secrets)
	}
	return f.start(filepath.Join(f.dir, "apply"), j, secrets)
}

func (f *flight) openPlan() []byte {
	f.t.Helper()
	return f.decrypt(f.job.PlanFile)
}

func (r *rig) decrypt(path string) []byte {
	r.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	plain, err := age.Decrypt(bytes.NewReader(b), r.identity)
	if err != nil {
		r.t.Fatal(err)
	}
	content, err := io.ReadAll(plain)
	if err != nil {
		r.t.Fatal(err)
	}
	return content
}

// fifo is a place where a program of the engine tells how far it is: writing
// to it, or opening it, meets the test that waits there.
type fifo struct {
	t    testing.TB
	path string
	file *os.File
}

func (r *rig) fifo(name string) *fifo {
	r.t.Helper()
	path := filepath.Join(r.given(), name)
	if err := unix.Mkfifo(path, 0o600); err != nil {
		r.t.Fatal(err)
	}
	// Open for both, so that opening does not wait and reading can time out.
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { file.Close() })
	return &fifo{r.t, path, file}
}

// line waits for a line.
func (f *fifo) line() string {
	f.t.Helper()
	if err := f.file.SetReadDeadline(time.Now().Add(60 * time.Second)); err != nil {
		f.t.Fatal(err)
	}
	b := make([]byte, 1024)
	n, err := f.file.Read(b)
	if err != nil {
		f.t.Fatalf("nobody came to %s: %v", f.path, err)
	}
	return strings.TrimSpace(string(b[:n]))
}

func (f *fifo) say(text string) {
	f.t.Helper()
	if _, err := f.file.WriteString(text + "\n"); err != nil {
		f.t.Fatal(err)
	}
}

const simple = `
variable "input" { default = "one" }
resource "terraform_data" "a" { input = var.input }
output "o" { value = terraform_data.a.output }
`

// provisioned is a resource whose provisioner runs a shell script.
func provisioned(script string) string {
	return "resource \"terraform_data\" \"p\" {\n  provisioner \"local-exec\" {\n    command = <<-EOT\n" + script +
		"\n    EOT\n  }\n}\n"
}

func must(t testing.TB, r job.Result, outcome job.Outcome, cause job.Cause, text string) {
	t.Helper()
	if r.Outcome != outcome || r.Cause != cause || !strings.Contains(r.Message, text) {
		t.Fatalf("got %q %q %q (next %q)\nwant %q %q …%s…\n%+v", r.Outcome, r.Cause, r.Message, r.Next, outcome, cause,
			text, r.Diagnostics)
	}
}
