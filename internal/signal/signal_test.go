package signal

import "testing"

func TestSignal(t *testing.T) {
	var s Signal
	s.Send() // nobody waits
	a, b := s.Next(), s.Next()
	select {
	case <-a:
		t.Fatal("woken by what was sent before")
	default:
	}
	s.Send()
	<-a
	<-b
	select {
	case <-s.Next():
		t.Fatal("woken twice")
	default:
	}
}
