package limits

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/runner/cell"
)

// tree are the processes of one command: the engine, which this process started, and what that did.
type tree struct {
	self   int
	before []int // children of this process that were there before the command
	engine int   // 0: not seen yet
}

func newTree() tree {
	self := os.Getpid()
	return tree{self: self, before: children(self)}
}

// find finds the engine: the oldest child of this process. Younger ones are orphans that it adopted.
func (t *tree) find(u Use) bool {
	if t.engine != 0 {
		return true
	}
	mine := slices.DeleteFunc(slices.Clone(u.processes), func(p process) bool {
		return p.parent != t.self || slices.Contains(t.before, p.pid)
	})
	if len(mine) == 0 {
		return false
	}
	t.engine = slices.MinFunc(mine, func(a, b process) int { return cmp.Compare(began(a.pid), began(b.pid)) }).pid
	return true
}

// began is when a process was started, in ticks of the system's clock.
func began(pid int) uint64 {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return ^uint64(0)
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // from the state on, the third
	if len(fields) < 20 {
		return ^uint64(0)
	}
	n, _ := strconv.ParseUint(fields[19], 10, 64)
	return n
}

// patience is how long what is below an engine is killed until nothing is found. What was killed
// takes a moment to give back what it has.
const patience = 10 * time.Second

// killBelow kills what the engine has started and not the engine, so that it can tell what became
// of it, save its state and release its lock. It reports whether all of it could be killed, and
// there was something.
//
// A group of processes is stopped and killed by one call, in which none of them can fork.
func (t *tree) killBelow(u Use) (killed bool) {
	if !t.find(u) {
		return false
	}
	group, err := unix.Getpgid(t.engine)
	if err != nil {
		return true // it has ended
	}
	own := unix.Getpgrp()
	if group != own {
		_ = unix.Kill(-group, unix.SIGSTOP)
		defer func() { _ = unix.Kill(t.engine, unix.SIGCONT) }()
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		n := 0
		for _, p := range u.processes {
			if p.pid == t.engine {
				continue
			}
			n++
			if of, err := unix.Getpgid(p.pid); err == nil && of != group && of != own {
				_ = unix.Kill(-of, unix.SIGKILL)
			}
			_ = unix.Kill(p.pid, unix.SIGKILL) // gone already is as good
		}
		if n == 0 {
			return killed
		}
		killed, u = true, Look(t.self)
	}
	return false // something forks faster than it is killed
}

// kill kills the engine and all else. Where the engine has a namespace of processes, the kernel
// ends all of that with it.
func (t *tree) kill() {
	if group, err := unix.Getpgid(t.engine); t.engine != 0 && err == nil && group != unix.Getpgrp() {
		_ = unix.Kill(-group, unix.SIGKILL)
	}
	cell.KillDescendants()
}
