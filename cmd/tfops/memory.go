package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// memoryFloor is what the process may always take, in bytes: the daemon is to stay below
// 150 MB with a repository of 10,000 files, and its binary is mapped besides.
const memoryFloor = 120 << 20

// boundMemory has garbage collected sooner where there is much of it: by itself the heap
// grows to twice of what is in use, and more of it is never given back than was needed
// once. A small daemon never gets there. Who sets GOGC or GOMEMLIMIT is obeyed.
func boundMemory() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetMemoryLimit(memoryLimit(0))
	go func() {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		for range time.Tick(time.Second) { // as long as the process lives
			metrics.Read(live)
			debug.SetMemoryLimit(memoryLimit(live[0].Value.Uint64()))
		}
	}()
}

// memoryLimit leaves room above what is in use, so that collecting never takes more than
// a bounded share of the time, however much that is.
func memoryLimit(live uint64) int64 {
	return max(memoryFloor, int64(live)*3/2+32<<20)
}
