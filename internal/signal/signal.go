// Package signal tells everybody who waits that something happened.
package signal

import "sync"

// Signal is sent again and again; the zero Signal is ready. Take Next, look at what it is
// about, and then wait: so nothing is missed.
type Signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// Next is closed by the next Send.
func (s *Signal) Next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// Send wakes all who wait.
func (s *Signal) Send() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
