package socket

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/fault"
)

// A plan runs code that a repository chooses, perhaps as the daemon's own user. Where such code
// reaches the socket, it would be taken for that user: it could approve its own apply. What the
// kernel lets nobody take off again tells it apart from a person: namespaces, filters of system
// calls, no_new_privs. So processes of the daemon's own user that have more of these than the daemon
// are refused. People are never shut in more than it is, unless they run tfops in a container or a
// sandbox of their own.

// shell is what a process is shut in with.
type shell struct {
	userNS, pidNS string // as links of /proc name them; empty where they cannot be read
	userMap       string // the user namespace as its map shows it, which everybody may read
	depth         int    // of the pid namespace: under how many ids the process is known
	noNewPrivs    bool
	filters       int // of system calls; -1 where the kernel does not count them
}

// process is the directory in /proc of one process. What is read of it is of that process, and of none
// that got its id later.
type process struct{ *os.Root }

func openProcess(proc, id string) (process, error) {
	root, err := os.OpenRoot(proc + "/" + id)
	return process{root}, err
}

// maxStatus bounds what is read of a file in /proc.
const maxStatus = 64 << 10

func (p process) read(name string) (string, error) {
	f, err := p.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxStatus))
	return string(b), err
}

// link reads one of the links that the kernel shows only to who could debug the process. Where it
// does not, the rest of what is known of the process has to do.
func (p process) link(name string) (string, error) {
	text, err := p.Readlink(name)
	if errors.Is(err, os.ErrPermission) {
		return "", nil
	}
	return text, err
}

func (p process) shell() (s shell, err error) {
	status, err := p.read("status")
	if err != nil {
		return s, err
	}
	s.filters = -1
	mode := 0
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch name {
		case "NSpid":
			s.depth = len(strings.Fields(value))
		case "NoNewPrivs":
			s.noNewPrivs = value != "0"
		case "Seccomp":
			mode, err = strconv.Atoi(value)
		case "Seccomp_filters":
			s.filters, err = strconv.Atoi(value)
		}
		if err != nil {
			return s, fmt.Errorf("%s of /proc/PID/status: %w", name, err)
		}
	}
	if s.filters < 0 && mode == 0 {
		s.filters = 0
	}
	var errs [3]error
	s.userNS, errs[0] = p.link("ns/user")
	s.pidNS, errs[1] = p.link("ns/pid")
	s.userMap, errs[2] = p.read("uid_map")
	return s, errors.Join(errs[:]...)
}

// narrower says in what a process is shut in that the daemon is not; "" for nothing.
func (s shell) narrower(daemon shell) string {
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	switch {
	case differ(s.pidNS, daemon.pidNS), s.depth != daemon.depth:
		return "lives in another pid namespace than tfops serve"
	case differ(s.userNS, daemon.userNS), s.userMap != daemon.userMap:
		return "lives in another user namespace than tfops serve"
	case s.noNewPrivs && !daemon.noNewPrivs:
		return "has no_new_privs set, which tfops serve has not"
	case s.filters > daemon.filters:
		return "has more filters of system calls (seccomp) than tfops serve"
	case s.filters < 0 && s.noNewPrivs:
		return "has filters of system calls (seccomp), which this kernel does not count"
	}
	return ""
}

// ownShell is what this process is shut in with; nothing of it ever gets less.
var ownShell = sync.OnceValues(func() (shell, error) {
	p, err := openProcess("/proc", "self")
	if err != nil {
		return shell{}, err
	}
	defer func() { _ = p.Close() }()
	return p.shell()
})

// What stands in the place of a descriptor of the process that connected.
const (
	notTold = -1 // by a kernel before Linux 6.5
	ended   = -2 // by a kernel that would tell
)

// refusedPeer says why a process of the daemon's own user may ask for nothing; nil if it may. pidfd
// names the process that connected. Where the kernel does not tell, what counts is who has the id as
// soon as the connection is accepted: that is asked at once.
func refusedPeer(pid int32, pidfd int) error {
	why := func() string {
		if pid <= 0 { // an id that means nothing in the daemon's namespace
			return "lives in another pid namespace than tfops serve"
		}
		own, err := ownShell()
		if err != nil {
			return "cannot be compared with tfops serve: " + err.Error()
		}
		p, err := openProcess("/proc", strconv.Itoa(int(pid)))
		if err != nil {
			return "cannot be looked at: " + err.Error()
		}
		defer func() { _ = p.Close() }()
		its, err := p.shell()
		switch {
		case err != nil:
			return "cannot be looked at: " + err.Error()
		case pidfd == ended, pidfd >= 0 && gone(pidfd): // it may have been another one's directory
			return "has ended"
		}
		return its.narrower(own)
	}()
	if why == "" {
		return nil
	}
	return fault.New(fault.Forbidden,
		"run tfops where tfops serve runs (its container, a shell of that machine without a sandbox), or "+
			"as another user who may use the socket: server { socket_group } in tfops.hcl",
		"process %d is of the user of tfops serve and %s: code that a plan runs is told so from a person",
		pid, why)
}

// gone reports whether the process of a descriptor has ended.
func gone(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err != nil || n > 0
}
