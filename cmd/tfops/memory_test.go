package main

import "testing"

// The limit never comes so near to what is in use that nothing but collecting is done, and
// never below what a small daemon takes.
func TestMemoryLimit(t *testing.T) {
	for _, live := range []uint64{0, 10 << 20, 60 << 20, 120 << 20, 1 << 30, 20 << 30} {
		if got := memoryLimit(live); got < memoryFloor || got < int64(live)*3/2 {
			t.Errorf("%d in use, and the limit is %d", live, got)
		}
	}
	if got := memoryLimit(55 << 20); got > 150_000_000 {
		t.Errorf("with the graph of a large repository the limit is %d", got)
	}
}
