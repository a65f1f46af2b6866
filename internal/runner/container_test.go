package runner

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/sandbox"
)

// What root of a container may do, as Docker and Kubernetes have it where nobody asks for anything else.
var ofContainers = []uint{unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FSETID, unix.CAP_FOWNER, unix.CAP_MKNOD,
	unix.CAP_NET_RAW, unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_SETFCAP, unix.CAP_SETPCAP,
	unix.CAP_NET_BIND_SERVICE, unix.CAP_SYS_CHROOT, unix.CAP_KILL, unix.CAP_AUDIT_WRITE}

// container has this process be as one in a container, for good, and become another program: without the capabilities
// that mounting takes, and with a filter that refuses namespaces and, if it is so old, Landlock.
func container(landlock bool, args []string) error {
	runtime.LockOSThread()
	denied := []uint32{unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_PIVOT_ROOT,
		unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_MOUNT_SETATTR}
	if !landlock {
		denied = append(denied, unix.SYS_LANDLOCK_CREATE_RULESET)
	}
	var filter []unix.SockFilter
	add := func(code uint16, yes, no uint8, k uint32) {
		filter = append(filter, unix.SockFilter{Code: code, Jt: yes, Jf: no, K: k})
	}
	answer := func(no unix.Errno) { add(unix.BPF_RET, 0, 0, unix.SECCOMP_RET_ERRNO|uint32(no)) }
	add(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, 0, 0, 0)
	for _, nr := range denied {
		add(unix.BPF_JMP|unix.BPF_JEQ, 0, 1, nr)
		answer(unix.EPERM)
	}
	add(unix.BPF_JMP|unix.BPF_JEQ, 0, 1, unix.SYS_CLONE3)
	answer(unix.ENOSYS)
	add(unix.BPF_JMP|unix.BPF_JEQ, 0, 3, unix.SYS_CLONE)
	add(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, 0, 0, 16)
	add(unix.BPF_JMP|unix.BPF_JSET, 0, 1, unix.CLONE_NEWUSER|unix.CLONE_NEWNS|unix.CLONE_NEWPID|unix.CLONE_NEWNET)
	answer(unix.EPERM)
	add(unix.BPF_RET, 0, 0, unix.SECCOMP_RET_ALLOW)
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, no := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER,
		uintptr(unsafe.Pointer(&prog))); no != 0 {
		return no
	}
	var left [2]unix.CapUserData
	for c := range uint(unix.CAP_LAST_CAP + 1) {
		if slices.Contains(ofContainers, c) {
			left[c/32].Effective |= 1 << (c % 32)
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
			return err
		}
	}
	for i := range left {
		left[i].Permitted = left[i].Effective
	}
	if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &left[0]); err != nil {
		return err
	}
	return unix.Exec(args[0], args, os.Environ())
}

// inContainer runs tests of this package as root of a container.
func inContainer(t *testing.T, landlock, tests string) []byte {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("NOT RUN: it takes root to be root of a container")
	}
	exe := openProgram(t)
	cmd := exec.Command(exe, "container", landlock, exe, "-test.run", tests, "-test.v", "-test.timeout", "3m")
	// The processes that are attacked live in there, too.
	out, err := cmd.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("SKIP")) || !bytes.Contains(out, []byte("--- PASS: "+"Test")) {
		t.Errorf("%v\n%s", err, out)
	}
	return out
}

// In a container that allows no namespaces each workspace has a user of its own, and that is found out: with Landlock
// besides, and where the kernel or the container has none.
func TestAttacksInContainers(t *testing.T) {
	for _, landlock := range []string{"landlock", "none"} {
		t.Run(landlock, func(t *testing.T) {
			inContainer(t, landlock, "^TestAttacks$/^users$|^TestContainerGivesUsers$")
		})
	}
}

// TestContainerGivesUsers is for TestAttacksInContainers: elsewhere there are better levels, and nothing to see.
func TestContainerGivesUsers(t *testing.T) {
	r := newRig(t, nil)
	state, err := r.local.Probe(filepath.Join(r.base, "cache"))
	if err != nil {
		t.Fatal(err)
	}
	contained := unix.Unshare(unix.CLONE_FS) != nil
	if contained && state.Level != sandbox.Users {
		t.Errorf("a container gives %s: %+v", state.Level, state.Lacks)
	}
}
