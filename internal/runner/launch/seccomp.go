package launch

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Filter is a program by which the kernel decides on system calls, as seccomp(2) takes it.
type Filter []byte

// The parts of struct seccomp_data that a filter reads.
const (
	dataNumber = 0
	dataArch   = 4
	dataArg0   = 16
	dataArg1   = 24
	dataArg2   = 32
)

// Answers of a filter.
const (
	allow = unix.SECCOMP_RET_ALLOW
	deny  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	none  = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	alien = unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)
)

// families are the kinds of sockets that engines and what they start use: on one machine, and between machines. All
// others reach what no network namespace bounds (the hypervisor, hardware), or parts of the kernel that few use. Of
// AF_NETLINK there is what programs learn addresses and routes by.
var families = []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6}

// namespaceFlags are the flags of clone that make namespaces.
const namespaceFlags = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// x32 marks the numbers of another way to call the kernel of amd64.
const x32 = 0x40000000

// forbidden are the calls that no engine, provider or provisioner has to make: those that look into
// other processes, change what is mounted where, leave the cell or make another one, and those of
// parts of the kernel that have been the way out of many a sandbox.
var forbidden = []uint32{
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE,
	unix.SYS_KCMP, unix.SYS_PIDFD_GETFD,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_OPEN_TREE,
	unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK,
	unix.SYS_MOUNT_SETATTR, 467, // open_tree_attr
	unix.SYS_UNSHARE, unix.SYS_SETNS,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_FANOTIFY_INIT,
	unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT,
	unix.SYS_REBOOT, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX,
	unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_SYSLOG, unix.SYS_VHANGUP,
	unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES, unix.SYS_LOOKUP_DCOOKIE,
}

// terminals are the requests of ioctl by which a process types into a terminal.
var terminals = []uint32{unix.TIOCSTI, 0x541c} // TIOCLINUX

// modes are the calls that give a file its mode, by the argument that is the mode and, of those that only may make
// one, the argument with the flags. A program that anybody else then runs as the user of tfops would be a way out that
// stays.
var modes = append([]mode{{nr: unix.SYS_FCHMOD, arg: 1}, {nr: unix.SYS_FCHMODAT, arg: 2},
	{nr: unix.SYS_FCHMODAT2, arg: 2}, {nr: unix.SYS_MKNODAT, arg: 2}, {nr: unix.SYS_OPENAT, arg: 3, flags: 2}},
	modesHere...)

type mode struct{ nr, arg, flags uint32 }

// NewFilter is the filter for an engine. What is not named in it is allowed: which calls the next
// version of a provider makes nobody knows. clone3 hides its flags from every filter, so it is
// answered as by a kernel that does not have it; whoever calls it then calls clone.
func NewFilter() Filter {
	var f Filter
	f.load(dataArch)
	f.unless(auditArch, none)
	f.load(dataNumber)
	if auditArch == unix.AUDIT_ARCH_X86_64 {
		f.atLeast(x32, none)
	}
	f.when(unix.SYS_CLONE3, none)
	f.when(unix.SYS_IO_SETUP, none) // the whole machine has a number of its requests; programs do without
	for _, nr := range append(forbidden, forbiddenHere...) {
		f.when(nr, deny)
	}
	f.sockets()
	f.when(unix.SYS_OPENAT2, none) // its mode lies in memory; whoever calls it then calls openat
	for _, m := range modes {
		if m.flags == 0 {
			f.jump(unix.BPF_JEQ, m.nr, 0, 4)
		} else {
			f.jump(unix.BPF_JEQ, m.nr, 0, 6)
			f.load(dataArg0 + 8*m.flags)
			f.jump(unix.BPF_JSET, unix.O_CREAT|unix.O_TMPFILE&^unix.O_DIRECTORY, 0, 3)
		}
		f.load(dataArg0 + 8*m.arg)
		f.jump(unix.BPF_JSET, unix.S_ISUID, 0, 1)
		f.answer(deny)
		f.answer(allow)
	}
	// Both have no more than one argument to look at: skip what belongs to the other one.
	f.jump(unix.BPF_JEQ, unix.SYS_CLONE, 0, 4)
	f.load(dataArg0)
	f.jump(unix.BPF_JSET, namespaceFlags, 0, 1)
	f.add(unix.BPF_RET|unix.BPF_K, deny)
	f.add(unix.BPF_RET|unix.BPF_K, allow)
	f.jump(unix.BPF_JEQ, unix.SYS_IOCTL, 0, uint8(1+2*len(terminals)))
	f.load(dataArg1)
	for _, request := range terminals {
		f.when(request, deny)
	}
	f.add(unix.BPF_RET|unix.BPF_K, allow)
	return f
}

// sockets decides on the calls that make sockets.
func (f *Filter) sockets() {
	f.jump(unix.BPF_JEQ, unix.SYS_SOCKET, 0, uint8(6+2*len(families)))
	f.load(dataArg0)
	for _, family := range families {
		f.when(family, allow)
	}
	f.jump(unix.BPF_JEQ, unix.AF_NETLINK, 0, 3)
	f.load(dataArg2)
	f.when(unix.NETLINK_ROUTE, allow)
	f.answer(alien)
	f.jump(unix.BPF_JEQ, unix.SYS_SOCKETPAIR, 0, 4)
	f.load(dataArg0)
	f.when(unix.AF_UNIX, allow)
	f.answer(alien)
}

func (f *Filter) add(code uint16, k uint32) { f.instruction(code, 0, 0, k) }

func (f *Filter) instruction(code uint16, yes, no uint8, k uint32) {
	b := binary.LittleEndian.AppendUint16(*f, code)
	b = append(b, yes, no)
	*f = binary.LittleEndian.AppendUint32(b, k)
}

// load takes the lower half of a value: no flag and no request has more.
func (f *Filter) load(at uint32) { f.add(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, at) }

func (f *Filter) jump(how uint16, k uint32, yes, no uint8) {
	f.instruction(unix.BPF_JMP|how|unix.BPF_K, yes, no, k)
}

// when answers where what was loaded is k, unless where it is not, atLeast where it is not less.
func (f *Filter) when(k, answer uint32)    { f.jump(unix.BPF_JEQ, k, 0, 1); f.answer(answer) }
func (f *Filter) unless(k, answer uint32)  { f.jump(unix.BPF_JEQ, k, 1, 0); f.answer(answer) }
func (f *Filter) atLeast(k, answer uint32) { f.jump(unix.BPF_JGE, k, 0, 1); f.answer(answer) }

func (f *Filter) answer(a uint32) { f.add(unix.BPF_RET|unix.BPF_K, a) }
