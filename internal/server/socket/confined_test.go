package socket

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/testrig"
)

// TestMain lets the test binary be the processes that a test looks at.
func TestMain(m *testing.M) {
	switch os.Getenv("TFOPS_TEST_PROCESS") {
	case "closed": // its memory, and with it its links in /proc, to others of its user
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
			fmt.Println(err)
		}
		fmt.Println("ready")
		_, _ = bufio.NewReader(os.Stdin).ReadByte() // until its parent lets go
		os.Exit(0)
	case "looks":
		fmt.Println(lookAtClosed())
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// lookAtClosed looks at a process that closed its memory.
func lookAtClosed() string {
	closed := exec.Command("/proc/self/exe")
	closed.Env = []string{"TFOPS_TEST_PROCESS=closed"}
	in, _ := closed.StdinPipe()
	out, _ := closed.StdoutPipe()
	if err := closed.Start(); err != nil {
		return err.Error()
	}
	defer func() { _ = in.Close(); _ = closed.Wait() }()
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		return "it says " + line
	}
	p, err := openProcess("/proc", strconv.Itoa(closed.Process.Pid))
	if err != nil {
		return err.Error()
	}
	s, err := p.shell()
	if err != nil {
		return err.Error()
	}
	if err := refusedPeer(int32(closed.Process.Pid), notTold); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("links %q %q, map %t", s.userNS, s.pidNS, s.userMap != "")
}

// A process whose links are shown to nobody is told by what everybody may read.
func TestClosedProcess(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "test")
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exe, b, 0o755); err != nil { //nolint:gosec // others run it
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = []string{"TFOPS_TEST_PROCESS=looks"}
	if os.Geteuid() == 0 {
		for dir := filepath.Dir(exe); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // others go through it
				t.Fatal(err)
			}
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if want := `links "" "", map true`; err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("%s, %v, want %s", out, err, want)
	}
}

// forge lays out a process's directory.
func forge(t *testing.T, status, user, pid, uidMap string) shell {
	t.Helper()
	proc := t.TempDir()
	dir := filepath.Join(proc, "7")
	if err := os.MkdirAll(filepath.Join(dir, "ns"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"status": status, "uid_map": uidMap} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"user": user, "pid": pid} {
		if err := os.Symlink(to, filepath.Join(dir, "ns", name)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := openProcess(proc, "7")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	s, err := p.shell()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNarrower(t *testing.T) {
	const all = "         0          0 4294967295\n"
	status := func(nspid, nnp, mode, filters string) string {
		out := "Name:\ttfops\nNSpid:\t" + nspid + "\nNoNewPrivs:\t" + nnp + "\nSeccomp:\t" + mode + "\n"
		if filters != "" {
			out += "Seccomp_filters:\t" + filters + "\n"
		}
		return out
	}
	shells := map[string]shell{
		"plain":           forge(t, status("7", "0", "0", "0"), "user:[1]", "pid:[1]", all),
		"nnp":             forge(t, status("7", "1", "0", "0"), "user:[1]", "pid:[1]", all),
		"container":       forge(t, status("7", "0", "2", "1"), "user:[1]", "pid:[1]", all),
		"nnp container":   forge(t, status("7", "1", "2", "1"), "user:[1]", "pid:[1]", all),
		"filters":         forge(t, status("7", "1", "2", "2"), "user:[1]", "pid:[1]", all),
		"pid":             forge(t, status("7", "0", "0", "0"), "user:[1]", "pid:[2]", all),
		"deeper":          forge(t, status("7\t1", "0", "0", "0"), "user:[1]", "pid:[1]", all),
		"user":            forge(t, status("7", "0", "0", "0"), "user:[2]", "pid:[1]", all),
		"mapped":          forge(t, status("7", "0", "0", "0"), "user:[1]", "pid:[1]", "1000 1000 1\n"),
		"old":             forge(t, status("7", "0", "0", ""), "user:[1]", "pid:[1]", all),
		"old nnp":         forge(t, status("7", "1", "0", ""), "user:[1]", "pid:[1]", all),
		"old nnp filters": forge(t, status("7", "1", "2", ""), "user:[1]", "pid:[1]", all),
		"old container":   forge(t, status("7", "0", "2", ""), "user:[1]", "pid:[1]", all),
	}
	for _, tt := range []struct{ daemon, peer, why string }{
		{"plain", "plain", ""},
		{"plain", "nnp", "no_new_privs"},
		{"plain", "container", "more filters"},
		{"plain", "nnp container", "no_new_privs"},
		{"plain", "filters", "no_new_privs"},
		{"plain", "pid", "another pid namespace"},
		{"plain", "deeper", "another pid namespace"},
		{"plain", "user", "another user namespace"},
		{"plain", "mapped", "another user namespace"},
		// The unit of the daemon has NoNewPrivileges=yes: a shell of its user has not.
		{"nnp", "plain", ""},
		{"nnp", "nnp", ""},
		{"nnp", "filters", "more filters"},
		{"nnp container", "nnp container", ""},
		{"nnp container", "plain", ""},
		{"nnp container", "filters", "more filters"},
		{"container", "container", ""},
		{"container", "nnp container", "no_new_privs"},
		{"old", "old", ""},
		{"old nnp", "old nnp", ""},
		{"old nnp", "old nnp filters", "does not count"},
		{"old nnp filters", "old nnp filters", "does not count"},
		{"old container", "old container", ""},
	} {
		got := shells[tt.peer].narrower(shells[tt.daemon])
		if (got == "") != (tt.why == "") || !strings.Contains(got, tt.why) {
			t.Errorf("%s at a daemon that is %s: %q, want %q", tt.peer, tt.daemon, got, tt.why)
		}
	}
}

// Whoever cannot be looked at is refused.
func TestRefusedPeer(t *testing.T) {
	own := int32(os.Getpid())
	if err := refusedPeer(own, notTold); err != nil {
		t.Errorf("this process: %v", err)
	}
	testrig.WantFault(t, refusedPeer(0, notTold), fault.Forbidden, "another pid namespace", "socket_group")
	testrig.WantFault(t, refusedPeer(own, ended), fault.Forbidden, "has ended")
	gone := exec.CommandContext(t.Context(), "/proc/self/exe")
	gone.Env = []string{"TFOPS_TEST_PROCESS=closed"}
	if err := gone.Start(); err != nil { // without anything to read: it ends
		t.Fatal(err)
	}
	pid := gone.Process.Pid
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	if err := gone.Wait(); err != nil {
		t.Fatal(err)
	}
	testrig.WantFault(t, refusedPeer(own, pidfd), fault.Forbidden, "has ended") // the id is another's by now
	testrig.WantFault(t, refusedPeer(int32(pid), notTold), fault.Forbidden, "cannot be looked at")
}

func BenchmarkRefusedPeer(b *testing.B) {
	for b.Loop() {
		if err := refusedPeer(int32(os.Getpid()), notTold); err != nil {
			b.Fatal(err)
		}
	}
}
