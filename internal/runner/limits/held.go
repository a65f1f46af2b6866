package limits

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
)

// The most that this process may hold of what an engine says, in bytes, and the least of it. In between it is a quarter
// of what the machine and the control groups have: what is taken in is held twice for a moment.
const (
	mostHeld  = 2 << 30
	leastHeld = 256 << 20
)

// HeldEnv, in the runner's own environment, is another bound; tests use it.
const HeldEnv = "TFOPS_RUNNER_HELD"

// held is the bound of this process. Lines are taken in whole, and terraform-exec bounds nothing.
var held = sync.OnceValue(func() int64 {
	if n, err := strconv.ParseInt(os.Getenv(HeldEnv), 10, 64); err == nil {
		return n
	}
	return heldOf(total("/"))
})

func heldOf(total int64, known bool) int64 {
	if !known {
		return mostHeld
	}
	return min(max(total/4, leastHeld), mostHeld)
}

// Whole is how long what an engine prints as one document may be, in bytes: it is held several times while it is read.
func Whole() int64 { return held() / 8 }

// Collect has Go collect garbage before this process comes near its bound.
func Collect() { debug.SetMemoryLimit(held() / 2) }

// Overfull reports whether this process has so many times the memory that it may hold of what an engine says: it reads
// something small that becomes large.
func Overfull(times int64) bool { return own() > times*held() }

// total is the memory that the machine has, or the control groups allow. It reads a tree of files as they are below /.
func total(root string) (bytes int64, known bool) {
	bytes, known = field(filepath.Join(root, "proc/meminfo"), "MemTotal:")
	bytes <<= 10
	for _, g := range groups(root) {
		if limit, ok := number(filepath.Join(g.dir, g.limit)); ok && (!known || limit < bytes) {
			bytes, known = limit, true
		}
	}
	return bytes, known
}

// own is how much memory this process has for itself.
func own() int64 {
	b, err := os.ReadFile("/proc/self/statm") // pages: all, those in memory, those of these that files have
	fields := strings.Fields(string(b))
	if err != nil || len(fields) < 3 {
		return 0
	}
	resident, _ := strconv.ParseInt(fields[1], 10, 64)
	shared, _ := strconv.ParseInt(fields[2], 10, 64)
	return (resident - shared) * int64(os.Getpagesize())
}
