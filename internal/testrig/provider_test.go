package testrig_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/testrig"
)

// lab is a root module that uses the test provider.
type lab struct {
	t     *testing.T
	dir   string
	world string
	rc    string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir(), world: t.TempDir(), rc: testrig.Provider(t)}
	l.write("")
	l.must("init", "-input=false")
	return l
}

// write sets the module's configuration.
func (l *lab) write(body string) {
	l.t.Helper()
	text := testrig.RequiredProviders + fmt.Sprintf("provider \"lab\" {\n  world = %q\n}\n", l.world) + body
	if err := os.WriteFile(filepath.Join(l.dir, "main.tf"), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) cmd(args ...string) *exec.Cmd {
	ctx, cancel := testrig.Deadline(l.t)
	l.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, testrig.Terraform(l.t), args...)
	cmd.Dir = l.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + l.dir, "TF_CLI_CONFIG_FILE=" + l.rc, "LAB_CANARY=seen"}
	return cmd
}

// run returns the exit status and what was printed.
func (l *lab) run(args ...string) (int, string) {
	l.t.Helper()
	out, err := l.cmd(args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		l.t.Fatal(err)
	}
	if exit != nil {
		return exit.ExitCode(), string(out)
	}
	return 0, string(out)
}

func (l *lab) must(args ...string) string {
	l.t.Helper()
	code, out := l.run(args...)
	if code != 0 {
		l.t.Fatalf("terraform %v: exit status %d\n%s", args, code, out)
	}
	return out
}

func (l *lab) apply() string { l.t.Helper(); return l.must("apply", "-auto-approve", "-no-color") }

// changes is whether a plan finds any.
func (l *lab) changes() bool {
	l.t.Helper()
	code, out := l.run("plan", "-detailed-exitcode", "-no-color", "-lock=false")
	if code != 0 && code != 2 {
		l.t.Fatalf("terraform plan: exit status %d\n%s", code, out)
	}
	return code == 2
}

func (l *lab) file(name string) string { return filepath.Join(l.world, name+".json") }

// object reads a thing as it is in the world; nil if it is not there.
func (l *lab) object(name string) map[string]any {
	l.t.Helper()
	data, err := os.ReadFile(l.file(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var o map[string]any
	if err == nil {
		err = json.Unmarshal(data, &o)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return o
}

func TestThingLives(t *testing.T) {
	l := newLab(t)
	body := func(value string) string {
		return fmt.Sprintf(`
resource "lab_thing" "a" {
  name   = "a"
  value  = %q
  tags   = { team = "net" }
  secret = "canary-secret"
}
`, value)
	}
	l.write(body("one"))
	if out := l.apply(); strings.Contains(out, "canary-secret") {
		t.Errorf("the secret was printed:\n%s", out)
	}
	if o := l.object("a"); o["value"] != "one" || o["secret"] != "canary-secret" || o["note"] != "none" ||
		o["revision"] != 1.0 {
		t.Errorf("created: %v", o)
	}
	if l.changes() {
		t.Error("there are changes right after the apply")
	}

	l.write(body("two"))
	l.apply()
	if o := l.object("a"); o["value"] != "two" || o["revision"] != 2.0 {
		t.Errorf("updated: %v", o)
	}

	l.must("state", "rm", "lab_thing.a")
	l.must("import", "lab_thing.a", "a")
	if l.changes() {
		t.Error("there are changes right after the import")
	}

	l.must("destroy", "-auto-approve")
	if o := l.object("a"); o != nil {
		t.Errorf("destroyed, but there: %v", o)
	}
	const want = `{"operation":"create","name":"a","value":"one","revision":1}
{"operation":"update","name":"a","value":"two","revision":2}
{"operation":"delete","name":"a"}
`
	if journal, err := os.ReadFile(filepath.Join(l.world, "journal")); err != nil || string(journal) != want {
		t.Errorf("the journal: %v\n%s", err, journal)
	}
}

func TestDrift(t *testing.T) {
	for name, drift := range map[string]func(*lab) error{
		"update": func(l *lab) error {
			return os.WriteFile(l.file("a"), []byte(`{"name":"a","value":"by hand","note":"none","revision":1}`), 0o600)
		},
		"deletion": func(l *lab) error { return os.Remove(l.file("a")) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.write(`resource "lab_thing" "a" {
  name  = "a"
  value = "one"
}`)
			l.apply()
			if err := drift(l); err != nil {
				t.Fatal(err)
			}
			if !l.changes() {
				t.Error("the drift is not seen")
			}
			l.apply()
			if o := l.object("a"); o["value"] != "one" {
				t.Errorf("the drift is not put right: %v", o)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	l := newLab(t)
	thing := func(attribute string) string {
		return fmt.Sprintf("resource \"lab_thing\" \"a\" {\n  name = \"a\"\n  %s\n}\n", attribute)
	}
	fails := func(message string, args ...string) {
		t.Helper()
		code, out := l.run(append(args, "-no-color")...)
		if code != 1 || !strings.Contains(out, message) {
			t.Errorf("terraform %v: exit status %d, want 1 and %q in:\n%s", args, code, message, out)
		}
	}
	l.write(thing(`fail = "no room"`))
	fails("a: no room", "apply", "-auto-approve")
	if o := l.object("a"); o != nil {
		t.Errorf("the create failed, but there is %v", o)
	}
	l.write(thing(`fail_delete = "too dear"`))
	l.apply()
	fails("a: too dear", "destroy", "-auto-approve")
	l.write(thing(`fail_read = "fog"`))
	l.apply()
	fails("a: fog", "plan")
	l.write(`data "lab_value" "v" {
  path = "unused"
  fail = "dark"
}`)
	fails("dark", "plan", "-refresh=false")
}

func TestGateHoldsAnApplyAndAPlan(t *testing.T) {
	l := newLab(t)
	gate, source := filepath.Join(t.TempDir(), "gate"), filepath.Join(t.TempDir(), "value")
	if err := os.WriteFile(source, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(gate string) {
		t.Helper()
		if err := os.WriteFile(gate, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l.write(fmt.Sprintf(`
resource "lab_thing" "a" {
  name  = "a"
  value = data.lab_value.v.value
  gate  = "%[1]s.apply"
}
data "lab_value" "v" {
  path = %[2]q
  gate = "%[1]s.plan"
}
`, gate, source))
	p := l.start("apply", "-auto-approve", "-no-color")
	began(t, gate+".plan", "read")
	open(gate + ".plan")
	began(t, gate+".apply", "create")
	if o := l.object("a"); o != nil {
		t.Errorf("the gate is shut, but there is %v", o)
	}
	open(gate + ".apply")
	if code, out := p.wait(); code != 0 {
		t.Fatalf("exit status %d\n%s", code, out)
	}
	if o := l.object("a"); o["value"] != "from a file" {
		t.Errorf("created: %v", o)
	}
}

func TestStop(t *testing.T) {
	for _, tt := range []struct {
		name     string
		stubborn bool
	}{{"obeyed", false}, {"ignored by a stubborn thing", true}} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			gate := filepath.Join(t.TempDir(), "gate")
			l.write(fmt.Sprintf("resource \"lab_thing\" \"a\" {\n  name = \"a\"\n  gate = %q\n  stubborn = %v\n}\n",
				gate, tt.stubborn))
			p := l.start("apply", "-auto-approve", "-no-color")
			began(t, gate, "create")
			if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			p.until("Stopping operation")
			if tt.stubborn {
				if err := os.WriteFile(gate, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			code, out := p.wait()
			if made := l.object("a") != nil; made != tt.stubborn {
				t.Errorf("stubborn: %v, made: %v, exit status %d\n%s", tt.stubborn, made, code, out)
			}
			if !tt.stubborn && !strings.Contains(out, "stopped by the engine") {
				t.Errorf("the message of the stopped thing is missing:\n%s", out)
			}
		})
	}
}

func TestEnvironmentIsSeen(t *testing.T) {
	l := newLab(t)
	l.write("data \"lab_env\" \"e\" {}\noutput \"env\" { value = data.lab_env.e.env }\n")
	l.apply()
	var env map[string]string
	if err := json.Unmarshal([]byte(l.must("output", "-json", "env")), &env); err != nil {
		t.Fatal(err)
	}
	if env["LAB_CANARY"] != "seen" {
		t.Errorf("the provider's environment lacks LAB_CANARY: %v", env)
	}
}

func TestOtherProvidersAreNotReachedFor(t *testing.T) {
	l := newLab(t)
	l.write("resource \"null_resource\" \"n\" {}\nresource \"terraform_data\" \"d\" {}\n")
	if code, out := l.run("init", "-no-color"); code == 0 || !strings.Contains(out, "hashicorp/null") {
		t.Errorf("init with an unknown provider: exit status %d\n%s", code, out)
	}
}

// process is a terraform that runs while the test looks on.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  *bufio.Reader
	seen bytes.Buffer
}

func (l *lab) start(args ...string) *process {
	l.t.Helper()
	cmd := l.cmd(args...)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	return &process{t: l.t, cmd: cmd, out: bufio.NewReader(pipe)}
}

// until reads the output up to a line that contains text.
func (p *process) until(text string) {
	p.t.Helper()
	for {
		line, err := p.out.ReadString('\n')
		p.seen.WriteString(line)
		if strings.Contains(line, text) {
			return
		}
		if err != nil {
			p.t.Fatalf("the output ended without %q: %v\n%s", text, err, &p.seen)
		}
	}
}

func (p *process) wait() (int, string) {
	p.t.Helper()
	if _, err := io.Copy(&p.seen, p.out); err != nil {
		p.t.Fatal(err)
	}
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode(), p.seen.String()
}

// began waits for an operation to reach its gate, and returns the provider's process.
func began(t *testing.T, gate, operation string) int {
	t.Helper()
	text := strings.Fields(string(testrig.WaitFile(t, gate+".began")))
	if len(text) != 3 || text[0] != operation {
		t.Fatalf("%s.began holds %q, want %q, a process and a time", gate, text, operation)
	}
	pid, err := strconv.Atoi(text[1])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// A kill of the engine orphans the provider: an operation that does not look
// at its context still comes to an end, in the world but not in the state.
// Whatever it does, no process is left.
func TestOrphan(t *testing.T) {
	open := func(gate string) error { return os.WriteFile(gate, nil, 0o600) }
	for _, tt := range []struct {
		name     string
		stubborn bool
		then     func(gate string) error
		made     bool
	}{
		{"stops with its engine", false, func(string) error { return nil }, false},
		{"finishes when stubborn", true, open, true},
		{"gives up when the test is over", true, func(gate string) error { return os.RemoveAll(filepath.Dir(gate)) },
			false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			gate := filepath.Join(t.TempDir(), "gate")
			l.write(fmt.Sprintf("resource \"lab_thing\" \"a\" {\n  name = \"a\"\n  gate = %q\n  stubborn = %v\n}\n",
				gate, tt.stubborn))
			p := l.start("apply", "-auto-approve", "-no-color")
			provider := began(t, gate, "create")
			testrig.Kill(t, p.cmd.Process.Pid)
			if code, _ := p.wait(); code != -1 {
				t.Errorf("exit status %d of a killed process", code)
			}
			if err := tt.then(gate); err != nil {
				t.Fatal(err)
			}
			testrig.WaitGone(t, provider)
			if made := l.object("a") != nil; made != tt.made {
				t.Errorf("made: %v, want %v", made, tt.made)
			}
			if out := l.must("show", "-no-color"); strings.Contains(out, "lab_thing.a") {
				t.Errorf("the state knows it:\n%s", out)
			}
		})
	}
}
