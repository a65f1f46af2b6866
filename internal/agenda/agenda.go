// Package agenda keeps things in the order of the times at which they are due.
package agenda

import (
	"encoding/binary"
	"time"

	"github.com/tidwall/btree"
)

// Agenda is what is due when. The zero Agenda is empty. Adding, removing and asking
// take a time that grows with the logarithm of how many there are.
type Agenda struct {
	times map[string]time.Time
	order btree.Map[string, string] // by time and name: the name
}

// Set has a thing due at a time; at the zero time it is there, and never due.
func (a *Agenda) Set(name string, at time.Time) {
	a.Delete(name)
	if a.times == nil {
		a.times = map[string]time.Time{}
	}
	a.times[name] = at
	if !at.IsZero() {
		a.order.Set(Key(at)+name, name)
	}
}

// Delete takes a thing out.
func (a *Agenda) Delete(name string) {
	if at, ok := a.times[name]; ok {
		a.order.Delete(Key(at) + name)
		delete(a.times, name)
	}
}

// At is when a thing is due. It is false for one that is not there.
func (a *Agenda) At(name string) (time.Time, bool) {
	at, ok := a.times[name]
	return at, ok
}

// Times are all of them, by name. The caller must not change them.
func (a *Agenda) Times() map[string]time.Time { return a.times }

// Next is the first time; zero for none.
func (a *Agenda) Next() time.Time {
	if _, name, ok := a.order.Min(); ok {
		return a.times[name]
	}
	return time.Time{}
}

// Due are the things whose time has come, in their order.
func (a *Agenda) Due(now time.Time) (names []string) {
	a.order.Scan(func(_, name string) bool {
		if a.times[name].After(now) {
			return false
		}
		names = append(names, name)
		return true
	})
	return names
}

// Key is a time as a text that sorts as times do.
func Key(t time.Time) string {
	at := make([]byte, 0, 12)
	at = binary.BigEndian.AppendUint64(at, uint64(t.Unix())^1<<63) // negative ones first
	return string(binary.BigEndian.AppendUint32(at, uint32(t.Nanosecond())))
}
