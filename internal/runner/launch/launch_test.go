package launch

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/runner/memfile"
)

// The test's own binary is what programs become.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "try-calls" {
		tryCalls()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// ran starts a program with the arguments of another one, and gives what it printed and its record.
func ran(t *testing.T, as *syscall.Credential, build func(p *Program), args ...string) (string, error) {
	t.Helper()
	record, err := memfile.New("record", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer record.Close()
	p := &Program{}
	build(p)
	f, err := memfile.New("program", p.ELF(3))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command(fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd()), args...)
	cmd.ExtraFiles = []*os.File{record}
	cmd.Env = []string{"GIVEN=yes"}
	if as != nil {
		cmd.Path = fmt.Sprintf("/proc/self/fd/%d", f.Fd())
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	}
	out, err := cmd.CombinedOutput()
	b, readErr := io.ReadAll(io.NewSectionReader(record, 0, 64))
	if readErr != nil {
		t.Fatal(readErr)
	}
	if why := p.Explain(b); why != nil {
		if cmd.ProcessState.ExitCode() != failed {
			t.Errorf("a call failed, and the status is %v", cmd.ProcessState)
		}
		return string(out), why
	}
	return string(out), err
}

// A program makes its calls in their order and becomes another one, with the arguments and the
// environment that it was given.
func TestCallsThenAnother(t *testing.T) {
	out, err := ran(t, nil, func(p *Program) {
		for _, text := range []string{"one\n", "two\n"} {
			p.Call("write", unix.SYS_WRITE, 1, p.Text(text), uintptr(len(text)))
		}
		p.Try(unix.SYS_CLOSE, 9999)
		p.Become("/bin/sh")
	}, "-c", `echo "$0 $1 $GIVEN"; cat /proc/$$/cmdline | tr '\0' ' '`, "zero", "a b")
	if want := "one\ntwo\nzero a b yes\n/bin/sh -c"; err != nil || !strings.HasPrefix(out, want) {
		t.Errorf("got %q, %v", out, err)
	}
}

// A call that fails ends the program, which says which one it was and why.
func TestFailedCall(t *testing.T) {
	for what, build := range map[string]func(p *Program){
		"open nothing: no such file or directory": func(p *Program) {
			p.Call("open nothing", unix.SYS_OPENAT, 0, p.Text("/nonexistent"))
		},
		"close it: bad file descriptor": func(p *Program) { p.Call("close it", unix.SYS_CLOSE, 9999) },
		"start /nonexistent/engine: no such file or directory": func(p *Program) {
			p.Become("/nonexistent/engine")
		},
		"start /etc: permission denied": func(p *Program) { p.Become("/etc") },
	} {
		out, err := ran(t, nil, func(p *Program) {
			p.Bytes([]byte{1, 2, 3}) // what lies before does not move the table
			p.Call("before", unix.SYS_GETPID)
			build(p)
			p.Call("after", unix.SYS_WRITE, 1, p.Text("after"), 5)
		})
		if err == nil || err.Error() != what || out != "" {
			t.Errorf("%s: got %v, %q", what, err, out)
		}
	}
	if err := (&Program{}).Explain([]byte(strings.Repeat("x", 16))); err == nil {
		t.Error("a record of nothing is taken")
	}
}

// tried are calls of an engine that must fail, and how; and some that must not.
var tried = []struct {
	name string
	call func() syscall.Errno
	want syscall.Errno
}{
	{"ptrace", sys(unix.SYS_PTRACE, 0), unix.EPERM},
	{"process_vm_readv", sys(unix.SYS_PROCESS_VM_READV, 1), unix.EPERM},
	{"mount", sys(unix.SYS_MOUNT), unix.EPERM},
	{"umount2", sys(unix.SYS_UMOUNT2), unix.EPERM},
	{"open_tree", sys(unix.SYS_OPEN_TREE, 0), unix.EPERM},
	{"open_tree_attr", sys(467), unix.EPERM},
	{"fsopen", sys(unix.SYS_FSOPEN), unix.EPERM},
	{"mount_setattr", sys(unix.SYS_MOUNT_SETATTR), unix.EPERM},
	{"pivot_root", sys(unix.SYS_PIVOT_ROOT), unix.EPERM},
	{"chroot", sys(unix.SYS_CHROOT), unix.EPERM},
	{"unshare, even of nothing", sys(unix.SYS_UNSHARE, 0), unix.EPERM},
	{"setns", sys(unix.SYS_SETNS), unix.EPERM},
	{"clone3", sys(unix.SYS_CLONE3), unix.ENOSYS},
	{"clone of a user namespace", sys(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD)), unix.EPERM},
	{"clone of a network namespace", sys(unix.SYS_CLONE, unix.CLONE_NEWNET|uintptr(unix.SIGCHLD)), unix.EPERM},
	{"bpf", sys(unix.SYS_BPF), unix.EPERM},
	{"keyctl", sys(unix.SYS_KEYCTL), unix.EPERM},
	{"add_key", sys(unix.SYS_ADD_KEY), unix.EPERM},
	{"request_key", sys(unix.SYS_REQUEST_KEY), unix.EPERM},
	{"io_uring_setup", sys(unix.SYS_IO_URING_SETUP, 1), unix.EPERM},
	{"pidfd_getfd", sys(unix.SYS_PIDFD_GETFD), unix.EPERM},
	{"userfaultfd", sys(unix.SYS_USERFAULTFD), unix.EPERM},
	{"perf_event_open", sys(unix.SYS_PERF_EVENT_OPEN), unix.EPERM},
	{"name_to_handle_at", sys(unix.SYS_NAME_TO_HANDLE_AT), unix.EPERM},
	{"open_by_handle_at", sys(unix.SYS_OPEN_BY_HANDLE_AT), unix.EPERM},
	{"kexec_load", sys(unix.SYS_KEXEC_LOAD), unix.EPERM},
	{"finit_module", sys(unix.SYS_FINIT_MODULE), unix.EPERM},
	{"reboot", sys(unix.SYS_REBOOT, 0), unix.EPERM},
	{"sethostname", sys(unix.SYS_SETHOSTNAME), unix.EPERM},
	{"settimeofday", sys(unix.SYS_SETTIMEOFDAY), unix.EPERM},
	{"acct", sys(unix.SYS_ACCT), unix.EPERM},
	{"swapon", sys(unix.SYS_SWAPON), unix.EPERM},
	{"quotactl", sys(unix.SYS_QUOTACTL), unix.EPERM},
	{"ioctl TIOCSTI", sys(unix.SYS_IOCTL, 0, unix.TIOCSTI), unix.EPERM},
	{"ioctl TIOCSTI with more above it", sys(unix.SYS_IOCTL, 0, 1<<32|unix.TIOCSTI), unix.EPERM},
	{"getpid", sys(unix.SYS_GETPID), 0},
	{"ioctl TCGETS of no terminal", sys(unix.SYS_IOCTL, 9999, unix.TCGETS), unix.EBADF},
	{"close of nothing", sys(unix.SYS_CLOSE, 9999), unix.EBADF},
	{"setuid to what it is", func() syscall.Errno {
		_, _, no := unix.RawSyscall(unix.SYS_SETUID, uintptr(os.Getuid()), 0, 0)
		return no
	}, 0},
}

func sys(nr uintptr, args ...uintptr) func() syscall.Errno {
	var a [6]uintptr
	copy(a[:], args)
	return func() syscall.Errno {
		_, _, no := unix.RawSyscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
		return no
	}
}

// tryCalls is what a confined process does: it makes each call and says how it ended, and what it is.
func tryCalls() {
	for _, c := range tried {
		if got := c.call(); got != c.want {
			fmt.Printf("%s: %d (%v), and not %d\n", c.name, got, got, c.want)
		}
	}
	if runtime.GOARCH == "amd64" {
		if _, _, no := unix.RawSyscall(x32|unix.SYS_GETPID, 0, 0, 0); no != unix.ENOSYS {
			fmt.Printf("x32: %v\n", no)
		}
	}
	if err := exec.Command("/bin/sh", "-c", "true | cat; sleep 0 & wait").Run(); err != nil {
		fmt.Println("processes cannot be started:", err)
	}
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		fmt.Println(err)
	}
	for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000",
		"CapPrm:\t0000000000000000", "CapAmb:\t0000000000000000"} {
		if !strings.Contains(string(status), want) {
			fmt.Printf("it is not %q\n", want)
		}
	}
	if os.Getuid() == 0 && !strings.Contains(string(status), "CapBnd:\t0000000000000000") {
		fmt.Println("its bounding set holds something")
	}
	if bits, _, _ := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_GET_SECUREBITS, 0, 0); os.Getuid() == 0 &&
		bits != securebits {
		fmt.Printf("its securebits are %#x\n", bits)
	}
	// The filter reads memory that the kernel gives it, and no more than that.
	var st unix.Stat_t
	if _, _, no := unix.RawSyscall(unix.SYS_FSTAT, 0, uintptr(unsafe.Pointer(&st)), 0); no != 0 {
		fmt.Println("fstat:", no)
	}
	fmt.Println("done")
}

// What a confined process tries is answered as it should be, as root and as somebody else.
func TestConfined(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	scopes, err := Scopes()
	if err != nil {
		t.Fatal(err)
	}
	if scopes != nil {
		defer scopes.Close()
	}
	out, err := ran(t, nil, func(p *Program) {
		p.Confine(Bounds{Capabilities: os.Getuid() == 0})
		p.Become(exe)
	}, "try-calls")
	if err != nil || out != "done\n" {
		t.Errorf("got %v\n%s", err, out)
	}
}
