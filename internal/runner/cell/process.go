package cell

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

type Process struct {
	PID, Parent int
	Name        string
	Stopped     bool // by SIGSTOP or the like, until SIGCONT
}

// Processes lists all living processes. One that has ended and waits to be
// reaped is not living.
func Processes() ([]Process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var all []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue
		}
		// pid (name) state ppid …: the name may hold spaces and brackets.
		text := string(stat)
		open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
		if open < 0 || end < open {
			continue
		}
		fields := strings.Fields(text[end+1:])
		if len(fields) < 2 || fields[0] == "Z" || fields[0] == "X" {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		all = append(all, Process{PID: pid, Parent: parent, Name: text[open+1 : end], Stopped: fields[0] == "T"})
	}
	return all, nil
}

// Descendants are the children of a process, their children, and so on. The
// runner is a subreaper, so what its children leave behind is among them.
func Descendants(root int) []Process {
	all, err := Processes()
	if err != nil {
		return nil
	}
	return Below(all, root)
}

func Below(all []Process, root int) []Process {
	children := map[int][]Process{}
	for _, p := range all {
		children[p.Parent] = append(children[p.Parent], p)
	}
	var found []Process
	for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
		for _, c := range children[queue[0]] {
			found = append(found, c)
			queue = append(queue, c.PID)
		}
	}
	return found
}

// KillDescendants kills all descendants of this process, those included that
// they start meanwhile. It gives up on those that do not die within a few
// seconds (a process in the middle of a device's input or output cannot be killed).
func KillDescendants() {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		left := Descendants(os.Getpid())
		if len(left) == 0 {
			return
		}
		for _, p := range left {
			_ = unix.Kill(p.PID, unix.SIGKILL) // gone already is as good
		}
	}
}

// WakeUp lets stopped processes go on.
func WakeUp(stopped []Process) error {
	var failed error
	for _, p := range stopped {
		if err := unix.Kill(p.PID, unix.SIGCONT); err != nil && !errors.Is(err, syscall.ESRCH) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}
