package launch

import (
	"bytes"
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/sandbox"
)

// Bounds are what an engine's process gives up before it becomes the engine.
type Bounds struct {
	Capabilities bool     // it has some, and gives them up for good
	Landlock     *os.File // a ruleset, or nil
	User         int      // whom it becomes, in the group of the same number and in no other one; 0: it stays who it is
	Parent       *os.File // of a user: a pipe from which nobody but the process that starts it reads
	Limits       []Limit  // of a user: what others could set for the process of another user only with a capability
}

// Limit is what the kernel lets a process have of something, as setrlimit(2) has it.
type Limit struct {
	Resource int
	Most     uint64
}

// securebits: root is nobody special, a change of users gives nothing, and none of that can be undone.
// The bits are NOROOT, NO_SETUID_FIXUP and NO_CAP_AMBIENT_RAISE, each with its lock, and the lock of KEEP_CAPS.
const securebits = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<6 | 1<<7 | 1<<5

// lastCapability that a kernel may know: dropping one that it does not know fails.
const lastCapability = 63

// Confine adds what shuts the process in. It comes last but for Become.
func (p *Program) Confine(b Bounds) {
	if b.Capabilities {
		for c := range uintptr(lastCapability + 1) {
			p.Try(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c)
		}
		if b.User == 0 {
			p.Call("set securebits", unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, securebits)
		} else { // which takes a capability that it may not have; who is not root loses the others without it, too
			p.Try(unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, securebits)
		}
		p.Call("clear the ambient capabilities", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL)
	}
	for resource, most := range resources() {
		limit := unix.Rlimit{Cur: most, Max: most}
		p.Try(unix.SYS_PRLIMIT64, 0, uintptr(resource), p.Bytes(raw(limit)), 0)
	}
	if b.User != 0 {
		p.become(b)
	}
	p.Call("set no_new_privs", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1)
	if b.Landlock != nil {
		p.Need(sandbox.LacksLandlock, "enter the Landlock domain", unix.SYS_LANDLOCK_RESTRICT_SELF, b.Landlock.Fd())
		p.Call("close the Landlock ruleset", unix.SYS_CLOSE, b.Landlock.Fd())
	}
	if b.Capabilities {
		var none [2]unix.CapUserData
		head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		p.Call("drop all capabilities", unix.SYS_CAPSET, p.Bytes(raw(head)), p.Bytes(raw(none)))
	}
	filter := NewFilter()
	prog := binary.LittleEndian.AppendUint64(nil, uint64(len(filter)/8))
	prog = binary.LittleEndian.AppendUint64(prog, uint64(p.Bytes(filter)))
	p.Need(sandbox.LacksSeccomp, "filter system calls", unix.SYS_PRCTL, unix.PR_SET_SECCOMP,
		unix.SECCOMP_MODE_FILTER, p.Bytes(prog))
}

// resources are what the kernel counts by user, and a process may take of that: all engines, and tfops, are one user.
func resources() map[int]uint64 {
	all := map[int]uint64{unix.RLIMIT_MSGQUEUE: 0}
	var has unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_SIGPENDING, &has) == nil { // timers count, too
		all[unix.RLIMIT_SIGPENDING] = has.Max / userShare
	}
	return all
}

// userShare is which part of what a user may have one engine gets: an eighth.
const userShare = 8

// become has the process be another user. The kernel forgets then that the process is to die with its parent, so it is
// told once more; where the parent has ended by now, nobody reads what is written here, and the process ends, too.
func (p *Program) become(b Bounds) {
	for _, l := range b.Limits {
		most := p.Bytes(raw([2]uint64{l.Most, l.Most}))
		p.Call("set its limits", unix.SYS_PRLIMIT64, 0, uintptr(l.Resource), most, 0)
	}
	id := uintptr(b.User)
	p.Call("give up groups", unix.SYS_SETGROUPS)
	p.Call("become the group of its workspace", unix.SYS_SETRESGID, id, id, id)
	p.Call("become the user of its workspace", unix.SYS_SETRESUID, id, id, id)
	p.Call("die with the runner", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL))
	p.Call("see that the runner lives", unix.SYS_WRITE, b.Parent.Fd(), p.Bytes([]byte{0}), 1)
	p.Call("close what the runner reads", unix.SYS_CLOSE, b.Parent.Fd())
}

func raw(v any) []byte {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, v) // of a value of fixed size
	return b.Bytes()
}
