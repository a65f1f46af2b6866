package cell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/runner/memfile"
	"github.com/tfops/tfops/internal/runner/mounts"
	"github.com/tfops/tfops/internal/sandbox"
)

// The test's own binary is what is started in a namespace.
func TestMain(m *testing.M) {
	if name := os.Getenv("TEST_IN_NAMESPACE"); name != "" {
		if err := errors.Join(InheritNothing(), Enter(Namespace(os.Getenv(NamespaceEnv)))); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		insides[name](os.Args[1])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// insides are what runs in a namespace: a runner in small. They print what is not as it should be.
var insides = map[string]func(dir string){
	"sight": sightInside, "again": againInside, "interrupt": interruptInside, "fault": faultInside,
}

// inNamespaces runs one of them in each kind of namespace that there is, and wants it to print nothing.
func inNamespaces(t *testing.T, name string) {
	kinds := []Namespace{UserNamespace}
	if os.Getuid() == 0 {
		kinds = append(kinds, MountNamespace)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range kinds {
		t.Run(string(n), func(t *testing.T) {
			cmd := exec.Command(exe, t.TempDir())
			cmd.Env = append(append(os.Environ(), "TEST_IN_NAMESPACE="+name), n.Environment()...)
			cmd.SysProcAttr = n.Attributes()
			out, err := cmd.CombinedOutput()
			if err != nil || len(out) > 0 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// sh runs a script in a room of its own.
func sh(sight mounts.Sight, script string) (string, error) {
	var out bytes.Buffer
	r, err := Prepare(sandbox.Namespaces, "/bin/sh", sight)
	if err != nil {
		return "", err
	}
	defer r.Close()
	err = r.Run(context.Background(), func(context.Context) error {
		cmd := exec.Command(r.Path, "-c", script)
		cmd.Env = []string{"PATH=/usr/bin:/bin"}
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
		return cmd.Run()
	})
	return out.String(), err
}

func expect(sight mounts.Sight, script, want string) {
	got, err := sh(sight, script)
	if err != nil || strings.TrimSpace(got) != want {
		fmt.Printf("%s\ngives %q, %v\nand not %q\n", script, got, err, want)
	}
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// laidOut makes what a sight is of: a home that holds a data directory, and links.
func laidOut(dir string) mounts.Sight {
	for _, d := range []string{"home/data/runs", "home/data/cache/providers", "home/.ssh", "home/.aws", "else/creds",
		"scratch/tmp", "scratch/home", "home/data/tree"} {
		check(os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	for _, f := range []string{"home/data/key", "home/data/runs/job", "home/data/cache/providers/p", "home/.ssh/id",
		"home/.aws/config", "else/creds/token", "else/secret", "else/file"} {
		check(os.WriteFile(filepath.Join(dir, f), []byte(f+"\n"), 0o644))
	}
	check(os.Symlink("../../else/creds/token", filepath.Join(dir, "home/.aws/linked")))
	check(os.Symlink("data", filepath.Join(dir, "home/link")))
	in := func(name string) string { return filepath.Join(dir, name) }
	return mounts.Sight{
		Hide:  []string{in("home/data"), in("else"), in("else/secret"), "/nonexistent", "/run"},
		Read:  []string{in("home/.aws"), in("home/.aws/linked"), in("home/link/cache"), "/nonexistent", "/etc"},
		Write: []string{in("home/data/tree")},
		Shown: []mounts.Shown{{At: in("home"), From: in("scratch/home"), Write: true},
			{At: "/tmp", From: in("scratch/tmp"), Write: true}, {At: "/dev/tfops/given", From: in("else/file")}},
	}
}

func sightInside(dir string) {
	s := laidOut(dir)
	expect(s, "cd "+dir+`; for f in home/data/key home/data/runs/job home/.ssh/id else/secret else/file; do
		cat $f 2>/dev/null && echo $f; done; echo; ls home/data else`, "else:\ncreds\n\nhome/data:\ncache\ntree")
	expect(s, "cd "+dir+`; cat home/.aws/config home/.aws/linked home/link/cache/providers/p /dev/tfops/given`,
		"home/.aws/config\nelse/creds/token\nhome/data/cache/providers/p\nelse/file")
	expect(s, "cd "+dir+`; for f in home/.aws/x home/data/x home/data/cache/x else/x /etc/x /x /dev/x /dev/tfops/x \
		/proc/sys/kernel/core_pattern; do (echo > $f) 2>/dev/null && echo wrote $f; done; echo end`, "end")
	expect(s, "cd "+dir+`; echo one > home/data/tree/f && echo two > home/f && echo three > /tmp/f &&
		echo 4 > /dev/shm/f && cat home/data/tree/f home/f /tmp/f /dev/shm/f`, "one\ntwo\nthree\n4")
	expect(mounts.Sight{}, "cat "+dir+"/home/data/tree/f "+dir+"/scratch/home/f; ls "+dir+"/home",
		"one\ntwo\ndata\nlink")
	// It is the first of its kind, alone, and with nothing to give.
	expect(s, `echo $$; echo /proc/[0-9]* ; grep -E '^(NoNewPrivs|Seccomp|CapEff|CapBnd|CapPrm):' /proc/self/status |
		tr -d '\t\n '; echo; id -u; ls /proc/self/fd | grep -v 10 | tr -d '\n'; echo; echo /dev/*`,
		"1\n/proc/1\nCapPrm:0000000000000000CapEff:0000000000000000CapBnd:0000000000000000NoNewPrivs:1Seccomp:2\n"+
			fmt.Sprint(os.Getuid())+"\n0123\n/dev/fd /dev/full /dev/null /dev/ptmx /dev/pts /dev/random /dev/shm "+
			"/dev/stderr /dev/stdin /dev/stdout /dev/tfops /dev/tty /dev/urandom /dev/zero")
}

// A room ends with its command, whatever that leaves behind; the next one is a fresh one, and the
// runner is where it was.
func againInside(dir string) {
	f, err := memfile.New("shared", nil)
	check(err)
	path := memfile.Path(f)
	for n := range 5 {
		began := time.Now()
		_, err := sh(mounts.Sight{Shown: []mounts.Shown{{At: "/tmp", From: dir, Write: true}}},
			fmt.Sprintf("(setsid sleep 1000 &) ; echo %d >> %s; echo %d > /dev/shm/x; ls /dev/shm >> /tmp/seen", n,
				path, n))
		check(err)
		if left := Descendants(os.Getpid()); len(left) > 0 {
			fmt.Println("left:", left)
		}
		if time.Since(began) > 30*time.Second {
			fmt.Println("it waited for what was left")
		}
	}
	b, err := memfile.Bytes(f, 1<<20)
	check(err)
	if string(b) != "0\n1\n2\n3\n4\n" {
		fmt.Printf("the file in memory has %q\n", b)
	}
	if seen, err := os.ReadFile(filepath.Join(dir, "seen")); err != nil || string(seen) != "x\nx\nx\nx\nx\n" {
		fmt.Printf("seen: %q, %v\n", seen, err)
	}
	check(f.Close())
	if len(memfile.Named()) != 0 {
		fmt.Println("a closed file is still handed on")
	}
	check(Capable(func() error {
		_, err := os.Stat("/proc/self/ns/mnt")
		return err
	}))
}

// An interrupt that comes before the engine listens is not lost, and one that does not listen is ended.
func interruptInside(string) {
	for script, deaf := range map[string]bool{
		"trap 'exit 3' INT; while :; do sleep 0.01; done": false,
		"": true,
	} {
		engine, args := "/bin/sh", []string{"-c", script}
		if deaf {
			engine, args = "/bin/sleep", []string{"1000"}
		}
		r, err := Prepare(sandbox.Namespaces, engine, mounts.Sight{})
		check(err)
		ctx, cancel := context.WithCancel(context.Background())
		var ended *exec.ExitError
		err = r.Run(ctx, func(ctx context.Context) error {
			cmd := exec.CommandContext(ctx, r.Path, args...)
			cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
			cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
			if err := cmd.Start(); err != nil {
				return err
			}
			cancel()
			_ = cmd.Wait()
			ended = &exec.ExitError{ProcessState: cmd.ProcessState}
			return nil
		})
		check(err)
		if r.Deaf() != deaf || !deaf && ended.ExitCode() != 3 {
			fmt.Printf("%q ended with %v, deaf %t\n", script, ended, r.Deaf())
		}
		r.Close()
	}
}

// What cannot be shut in is not started, and the reason is told.
func faultInside(dir string) {
	for engine, want := range map[string]string{
		filepath.Join(dir, "gone"): "the engine cannot be shut in: start " + dir + "/gone: no such file or directory",
		dir:                        "the engine cannot be shut in: start " + dir + ": permission denied",
	} {
		r, err := Prepare(sandbox.Namespaces, engine, mounts.Sight{})
		check(err)
		err = r.Run(context.Background(), func(context.Context) error { return exec.Command(r.Path).Run() })
		if err == nil || err.Error() != want {
			fmt.Printf("got %v, want %s\n", err, want)
		}
		r.Close()
	}
	if _, err := Prepare(sandbox.Namespaces, "/bin/sh", mounts.Sight{
		Shown: []mounts.Shown{{At: dir, From: filepath.Join(dir, "gone")}}}); err == nil {
		fmt.Println("something is shown that is not there")
	}
	// After a fault the next room is as good as any.
	expect(mounts.Sight{}, "echo yes", "yes")
}

func TestSight(t *testing.T)     { inNamespaces(t, "sight") }
func TestRoomsEnd(t *testing.T)  { inNamespaces(t, "again") }
func TestInterrupt(t *testing.T) { inNamespaces(t, "interrupt") }
func TestFaults(t *testing.T)    { inNamespaces(t, "fault") }
