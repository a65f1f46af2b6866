package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/cell"
)

// notStarted wants an error that says that nothing has run, why, and what to do about it.
func notStarted(t *testing.T, err error, why error) {
	t.Helper()
	var not *NotStarted
	if !errors.As(err, &not) || !errors.Is(err, why) || fault.Next(err) == "" {
		t.Errorf("got %v (%T), next %q; want that it was not started: %v", err, err, fault.Next(err), why)
	}
}

// limited runs fn while this process may have no more than so much of something.
func limited(t *testing.T, resource int, most uint64, fn func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(resource, &before); err != nil {
		t.Fatal(err)
	}
	set := func(l unix.Rlimit) {
		if err := unix.Setrlimit(resource, &l); err != nil {
			t.Fatal(err)
		}
	}
	set(unix.Rlimit{Cur: most, Max: before.Max})
	defer set(before)
	fn()
}

// Whatever keeps a runner from being started, it is told apart from one that may be at work, and
// the same directory takes the next try.
func TestNotStarted(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	real := r.local.Exe
	program := filepath.Join(r.base, "tfops")
	r.local = &Local{Exe: program, ExtraEnv: raceSettings}
	dir, j, secrets := r.planJob()
	start := func() error { return r.local.Start(t.Context(), dir, j, secrets) }
	put := func(perm os.FileMode, content string) {
		if err := os.WriteFile(program, []byte(content), perm); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(program, perm); err != nil {
			t.Fatal(err)
		}
	}

	notStarted(t, start(), unix.ENOENT)
	put(0o600, "#!/bin/sh\n")
	notStarted(t, start(), unix.EACCES)
	put(0o700, "no program")
	notStarted(t, start(), unix.ENOEXEC)
	busy, err := os.OpenFile(program, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	notStarted(t, start(), unix.ETXTBSY)
	busy.Close()
	if r.local.probed {
		t.Error("how runners are isolated was told from a program that cannot be executed")
	}
	if err := errors.Join(os.Remove(program), os.Symlink(real, program)); err != nil {
		t.Fatal(err)
	}

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var not *NotStarted
	if err := r.local.Start(gone, dir, j, secrets); !errors.As(err, &not) || !errors.Is(err, context.Canceled) {
		t.Errorf("the daemon stops: %v", err)
	}
	if alive, err := r.local.Alive(dir); alive || err != nil {
		t.Errorf("a runner is at work: %v, %v", alive, err)
	}
	f := r.start(dir, j, secrets)
	must(t, f.wait(), job.Succeeded, "", "")
	if got, _ := r.local.namespaceFor(j.CacheDir); got == cell.NoNamespace {
		t.Errorf("runners are not isolated: %v", r.local.Sandbox().Lacks)
	}
}

// small is a start of a runner by a process that may write small files only.
type small struct {
	Dir     string
	Size    uint64
	Job     job.Job
	Secrets job.Secrets
}

// startSmall is that process: a test's own log has to go on.
func startSmall() int {
	var s small
	if err := json.NewDecoder(os.Stdin).Decode(&s); err != nil {
		panic(err)
	}
	signal.Ignore(unix.SIGXFSZ)
	exe, err := os.Executable()
	if err == nil {
		err = unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: s.Size, Max: s.Size})
	}
	if err != nil {
		panic(err)
	}
	err = (&Local{Exe: exe, Copy: true}).Start(context.Background(), s.Dir, s.Job, s.Secrets)
	if errors.As(err, new(*NotStarted)) && errors.Is(err, unix.EFBIG) && fault.Next(err) != "" {
		return 0
	}
	fmt.Printf("%v (%T)", err, err)
	return 1
}

// What the machine lacks for a moment costs nothing but the moment, at each step of the start.
func TestNotStartedOverALimit(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	dir, j, secrets := r.planJob()
	secrets.Plan = make([]byte, 1<<20) // far more than the space that is kept for a result
	for name, size := range map[string]uint64{"the job": 16, "the space for the result": 64 << 10,
		"the secrets": 512 << 10} {
		b, err := json.Marshal(small{dir, size, j, secrets})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(r.local.Exe, "small-files")
		cmd.Stdin = bytes.NewReader(b)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("there is no room for %s: %v: %s", name, err, out)
		}
	}
	secrets.Plan = nil

	r.local = &Local{Exe: r.local.Exe, ExtraEnv: raceSettings}
	tries := 0
	for err := error(nil); tries == 0 || err != nil; tries++ {
		limited(t, unix.RLIMIT_NOFILE, uint64(tries), func() { err = r.local.Start(t.Context(), dir, j, secrets) })
		if err != nil {
			if notStarted(t, err, unix.EMFILE); t.Failed() {
				t.Fatalf("with %d open files", tries)
			}
		}
	}
	if tries < 8 {
		t.Errorf("it was started at try %d", tries)
	}
	if _, err := r.local.Wait(t.Context(), dir); err != nil {
		var v *Vanished
		if !errors.As(err, &v) || v.Started { // it had inherited the limit
			t.Fatal(err)
		}
	}
	if r.local.namespace == cell.NoNamespace {
		t.Errorf("runners are not isolated: %v", r.local.Sandbox().Lacks)
	}
	must(t, r.start(dir, j, secrets).wait(), job.Succeeded, "", "")
}

// Files that stand in the way of those of a phase.
func TestNotStartedOverStrangeFiles(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	dir, j, secrets := r.planJob()
	for name, put := range map[string]func(path string) error{
		".":            func(path string) error { return os.WriteFile(path, nil, 0o600) },
		job.LockFile:   func(path string) error { return unix.Mkfifo(path, 0o600) },
		job.ResultFile: func(path string) error { return os.MkdirAll(filepath.Join(path, "x"), 0o700) },
		job.JobFile:    func(path string) error { return os.MkdirAll(filepath.Join(path, "x"), 0o700) },
	} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := put(at); err != nil {
			t.Fatal(err)
		}
		if err := r.local.Start(t.Context(), dir, j, secrets); !errors.As(err, new(*NotStarted)) {
			t.Errorf("%s: %v (%T)", name, err, err)
		}
	}
}

// A runner that dies before it has read its job was started: what it did is for whoever waits.
func TestARunnerThatDiesAtOnceWasStarted(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	program := filepath.Join(r.base, "tfops")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nkill -9 $$\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	l := &Local{Exe: program, Copy: true}
	dir, job, secrets := r.planJob()
	if err := l.Start(t.Context(), dir, job, secrets); err != nil {
		t.Fatal(err)
	}
	var v *Vanished
	if _, err := l.Wait(t.Context(), dir); !errors.As(err, &v) || v.Absent || v.Started || v.Gone {
		t.Fatalf("%+v, %v", v, err)
	}
}

// A runner that cannot be made ready for its phase says that nothing was done.
func TestARunnerThatCannotBegin(t *testing.T) {
	r := newRig(t, nil)
	dir, j, _ := r.planJob(func(j *job.Job, _ *job.Secrets) { j.Phase = job.ApplyPhase })
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := layOut(dir, j); err != nil {
		t.Fatal(err)
	}
	lock, err := takeLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(r.local.Exe, "runner", dir)
	cmd.Stdin, cmd.ExtraFiles = strings.NewReader("no secrets"), []*os.File{lock}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lock.Close()
	res, err := r.local.Wait(t.Context(), dir)
	if err != nil || !res.NotBegun || res.Outcome != job.Failed || !strings.Contains(res.Message, "standard input") {
		t.Fatalf("%+v, %v", res, err)
	}
}

// An apply that was begun is never taken for one that was not.
func TestABegunApplyWasStarted(t *testing.T) {
	r := newRig(t, nil)
	dir, j, secrets := r.planJob(func(j *job.Job, _ *job.Secrets) { j.Phase = job.ApplyPhase })
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, job.StartedFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ctx := range []context.Context{t.Context(), gone} {
		err := r.local.Start(ctx, dir, j, secrets)
		if !fault.Is(err, fault.Conflict) || errors.As(err, new(*NotStarted)) {
			t.Errorf("got %v (%T)", err, err)
		}
	}
	// Somebody else's runner is at work there: what it does is not known here.
	if err := os.Remove(filepath.Join(dir, job.StartedFile)); err != nil {
		t.Fatal(err)
	}
	lock, err := takeLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := r.local.Start(t.Context(), dir, j, secrets); !fault.Is(err, fault.Conflict) ||
		errors.As(err, new(*NotStarted)) {
		t.Errorf("got %v (%T)", err, err)
	}
}
