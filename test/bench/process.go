package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat. It is 1/100 s on every Linux
// that Go runs on.
const tick = time.Second / 100

// usage is CPU time, user and system.
type usage struct {
	own      time.Duration // of the process itself
	children time.Duration // of its children that have ended, and of theirs
}

func (u usage) sum() time.Duration { return u.own + u.children }

func (u usage) since(before usage) usage {
	return usage{u.own - before.own, u.children - before.children}
}

// spent is what a process has used so far: fields 14 to 17 of /proc/PID/stat,
// see proc(5).
func spent(pid int) (usage, error) {
	fields, err := statFields(pid)
	if err != nil {
		return usage{}, err
	}
	var ticks [4]int64
	for i, f := range fields[11:15] {
		if ticks[i], err = strconv.ParseInt(f, 10, 64); err != nil {
			return usage{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
	}
	return usage{own: time.Duration(ticks[0]+ticks[1]) * tick, children: time.Duration(ticks[2]+ticks[3]) * tick}, nil
}

// statFields are the fields of /proc/PID/stat from the third one on. The
// second is the name, in brackets, and may hold anything.
func statFields(pid int) ([]string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(b)[strings.LastIndexByte(string(b), ')')+1:])
	if len(fields) < 15 {
		return nil, fmt.Errorf("/proc/%d/stat has only %d fields", pid, len(fields)+2)
	}
	return fields, nil
}

// memory reads a line of /proc/PID/status that is a size: VmRSS, or VmHWM, the
// highest that VmRSS ever was. In bytes.
func memory(pid int, line string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for l := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(l, line+":"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no %s", pid, line)
}

// children counts the living children of a process.
func children(pid int) (int, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, t := range threads {
		b, err := os.ReadFile(t)
		if err == nil { // a thread may have ended
			n += len(strings.Fields(string(b)))
		}
	}
	return n, nil
}
