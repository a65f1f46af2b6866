package store

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

func (s *Store) took(begun time.Time, writes bool) {
	d := time.Since(begun)
	s.longest.mu.Lock()
	defer s.longest.mu.Unlock()
	if d > s.longest.Took {
		s.longest.Longest = Longest{d, writes, begun}
	}
}

// Longest is the longest transaction since it was asked for last; zero for none.
func (s *Store) Longest() Longest {
	s.longest.mu.Lock()
	defer s.longest.mu.Unlock()
	l := s.longest.Longest
	s.longest.Longest = Longest{}
	return l
}
