package boltfile

import (
	"sync"
	"time"
)

// Longest is the transaction that took longest: one that writes holds up all others that do.
type Longest struct {
	Took   time.Duration
	Writes bool
	Begun  time.Time
}

type longest struct {
	mu sync.Mutex
	Longest
}

func (f *File) took(begun time.Time, writes bool) {
	d := time.Since(begun)
	f.longest.mu.Lock()
	defer f.longest.mu.Unlock()
	if d > f.longest.Took {
		f.longest.Longest = Longest{d, writes, begun}
	}
}

// Longest is the longest transaction since it was asked for last; zero for none.
func (f *File) Longest() Longest {
	f.longest.mu.Lock()
	defer f.longest.mu.Unlock()
	l := f.longest.Longest
	f.longest.Longest = Longest{}
	return l
}
