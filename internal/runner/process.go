package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/job"
)

// Survivors lists the processes that carry the mark of a run in their
// environment: the engine, providers or provisioners that outlived a killed
// runner. Processes of other users cannot be looked into and are left out,
// unless tfops runs as root.
func (l *Local) Survivors(run string) ([]job.Process, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	mark := []byte(job.RunMark + "=" + run)
	var found []job.Process
	for _, p := range all {
		env, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.pid), "environ"))
		if err != nil {
			continue // gone, or not ours to read
		}
		for v := range bytes.SplitSeq(env, []byte{0}) {
			if bytes.Equal(v, mark) {
				found = append(found, job.Process{PID: p.pid, Name: p.name})
				break
			}
		}
	}
	return found, nil
}

type process struct {
	pid, parent int
	name        string
	stopped     bool // by SIGSTOP or the like, until SIGCONT
}

// processes lists all living processes. One that has ended and waits to be
// reaped is not living.
func processes() ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var all []process
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
		all = append(all, process{pid: pid, parent: parent, name: text[open+1 : end], stopped: fields[0] == "T"})
	}
	return all, nil
}

// descendants are the children of a process, their children, and so on. The
// runner is a subreaper, so what its children leave behind is among them.
func descendants(root int) []process {
	all, err := processes()
	if err != nil {
		return nil
	}
	return below(all, root)
}

func below(all []process, root int) []process {
	children := map[int][]process{}
	for _, p := range all {
		children[p.parent] = append(children[p.parent], p)
	}
	var found []process
	for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
		for _, c := range children[queue[0]] {
			found = append(found, c)
			queue = append(queue, c.pid)
		}
	}
	return found
}

// killDescendants kills all descendants of this process, those included that
// they start meanwhile, and returns those that do not die within a few
// seconds (a process in the middle of a device's input or output cannot be killed).
func killDescendants() []process {
	deadline := time.Now().Add(5 * time.Second)
	for {
		left := descendants(os.Getpid())
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		for _, p := range left {
			_ = unix.Kill(p.pid, unix.SIGKILL) // gone already is as good
		}
		time.Sleep(5 * time.Millisecond)
	}
}
