package decide

import (
	"sync"
	"time"

	"github.com/tidwall/btree"

	"github.com/tfops/tfops/internal/agenda"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
)

// Ready keeps which runs are ready for which step, in the order in which they go. It asks
// About, and asks again about those runs only that a change may concern: what a change
// costs does not depend on how many runs wait. It is a cache: all of it can be reckoned from
// a queue and the settings, and whoever acts on it asks About once more.
//
// What About says of a run depends on the run; on the records and runs of its workspace and of
// those that it needs; on the runs and locks of its states; on the settings; and on the time.
// Who adds to what About looks at adds it to dependencies, too.
type Ready struct {
	mu       sync.Mutex
	queue    run.Queue // the newest that was seen
	settings *settings.Settings

	entries map[string]entry                        // by run
	steps   [HoldBack + 1]btree.Map[string, string] // by step: what goes first comes first; the run
	alarms  agenda.Agenda                           // when another answer about a run may be due
	asks    map[dependency]map[string]bool          // the runs of which About says another thing when it changes
	doubted map[string]bool                         // runs to be asked about once more
	told    map[string]map[chan struct{}]struct{}   // by run: who waits for a change of it
}

// entry is what is known of one run.
type entry struct {
	step         Action
	place        string // its key among the runs of the step
	dependencies []dependency
}

// dependency is something that the answer about a run depends on, besides the run.
type dependency struct {
	state bool // or else a workspace
	name  string
}

// First is the run that goes first among those that are ready for a step; nil for none. alarm
// is the next time at which another may become ready without any change; zero for never.
func (b *Ready) First(q run.Queue, s *settings.Settings, st Action) (r *run.Run, alarm time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.update(q, s)
	if _, id, ok := b.steps[st].Min(); ok {
		r, _ = b.queue.Run(id)
	}
	return r, b.alarms.Next()
}

// All are the runs that are ready for any of the steps.
func (b *Ready) All(q run.Queue, s *settings.Settings, steps ...Action) (ids []string, alarm time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.update(q, s)
	for _, st := range steps {
		ids = append(ids, b.steps[st].Values()...)
	}
	return ids, b.alarms.Next()
}

// update takes in what was changed since the last look. Of two looks at once one may bring an
// older queue: the newer one counts.
func (b *Ready) update(q run.Queue, s *settings.Settings) {
	if b.entries != nil && q.Version() < b.queue.Version() {
		now := q.Now
		q = b.queue
		q.Now = now
	}
	changes, known := []*run.Change{}, true
	if q.Version() != b.queue.Version() {
		changes, known = q.Since(b.queue.Version())
	}
	// The clock may have been set. Two looks at once are no more than an instant apart.
	back := b.queue.Now.Round(0).Sub(q.Now.Round(0)) > time.Second
	if b.entries == nil || !known || b.settings != s || back {
		b.queue, b.settings = q, s
		b.reckon()
		return
	}
	b.queue = q
	for id := range b.concerned(changes) {
		b.ask(id)
	}
	for id := range b.doubted {
		b.ask(id)
	}
	clear(b.doubted)
}

// reckon asks about every run.
func (b *Ready) reckon() {
	b.entries, b.asks, b.alarms = map[string]entry{}, map[dependency]map[string]bool{}, agenda.Agenda{}
	clear(b.steps[:])
	for r := range b.queue.Active() {
		b.ask(r.ID)
	}
	for id := range b.told {
		b.tell(id)
	}
}

// concerned are the runs about which the answer may be another one after the changes, or by now.
func (b *Ready) concerned(changes []*run.Change) map[string]bool {
	runs := map[string]bool{}
	dependent := func(d dependency) {
		for id := range b.asks[d] {
			runs[id] = true
		}
	}
	workspaces := map[string]bool{}
	for _, c := range changes {
		for _, id := range c.Runs {
			runs[id] = true
		}
		for _, name := range c.Workspaces {
			workspaces[name] = true
		}
		for _, state := range c.States {
			dependent(dependency{true, state})
		}
	}
	for _, id := range b.alarms.Due(b.queue.Now) {
		b.alarms.Delete(id)
		if r, ok := b.queue.Run(id); ok {
			workspaces[r.Workspace] = true // its suspension may have ended
		}
		runs[id] = true
	}
	for name := range workspaces {
		dependent(dependency{false, name})
		for r := range b.queue.Of(name) {
			runs[r.ID] = true
			dependent(dependency{true, r.State}) // those who queue behind it, which a suspension lets pass
		}
	}
	return runs
}

// ask asks about a run.
func (b *Ready) ask(id string) {
	b.forget(id)
	b.tell(id)
	r, ok := b.queue.Run(id)
	if !ok {
		return
	}
	var n entry
	n.step, _ = About(b.queue, b.settings, r)
	if n.step != Nothing {
		n.place = placeOf(b.queue, b.settings, r)
		b.steps[n.step].Set(n.place, id)
	}
	if at := alarmOf(b.queue, r); !at.IsZero() {
		b.alarms.Set(id, at)
	}
	n.dependencies = dependencies(b.queue, b.settings, r)
	for _, d := range n.dependencies {
		if b.asks[d] == nil {
			b.asks[d] = map[string]bool{}
		}
		b.asks[d][id] = true
	}
	b.entries[id] = n
}

func (b *Ready) forget(id string) {
	n, ok := b.entries[id]
	if !ok {
		return
	}
	delete(b.entries, id)
	if n.step != Nothing {
		b.steps[n.step].Delete(n.place)
	}
	b.alarms.Delete(id)
	for _, d := range n.dependencies {
		if delete(b.asks[d], id); len(b.asks[d]) == 0 {
			delete(b.asks, d)
		}
	}
}

// Watch returns a channel that is closed at the next change that may concern a run, and what
// gives it up. What is asked for after it misses nothing.
func (b *Ready) Watch(id string) (changed <-chan struct{}, stop func()) {
	ch := make(chan struct{})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.told == nil {
		b.told = map[string]map[chan struct{}]struct{}{}
	}
	if b.told[id] == nil {
		b.told[id] = map[chan struct{}]struct{}{}
	}
	b.told[id][ch] = struct{}{}
	return ch, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if delete(b.told[id], ch); len(b.told[id]) == 0 {
			delete(b.told, id)
		}
	}
}

func (b *Ready) tell(id string) {
	for ch := range b.told[id] {
		close(ch)
	}
	delete(b.told, id)
}

// Doubt has a run asked about once more: it turned out not to be ready.
func (b *Ready) Doubt(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.doubted == nil {
		b.doubted = map[string]bool{}
	}
	b.doubted[id] = true
}

// Changed wakes who waits for a change of a run.
func (b *Ready) Changed(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tell(id)
}

// dependencies is what the answer about a run depends on besides the run.
func dependencies(q run.Queue, s *settings.Settings, r *run.Run) []dependency {
	all := []dependency{{false, r.Workspace}}
	for _, name := range r.Needs() {
		all = append(all, dependency{false, name})
	}
	if def, ok := s.Definition(r.Workspace); ok && r.Status == run.Pending {
		for _, in := range def.Inputs {
			for _, ref := range in.Refs {
				all = append(all, dependency{false, ref.Workspace})
			}
		}
	}
	if state := q.Record(r.Workspace).State; state != "" {
		all = append(all, dependency{true, state})
	}
	switch {
	case r.Kind == run.Move:
		for _, key := range r.LockKeys() {
			all = append(all, dependency{true, key})
		}
		all = append(all, dependency{true, r.Moving.From.Identity})
	case r.Status == run.ApplyQueued:
		all = append(all, dependency{true, r.State})
		for _, key := range locks.Keys(r.Workspace, r.State) {
			all = append(all, dependency{true, key})
		}
	}
	return all
}

// placeOf orders the runs that are ready: those of a class before those of the next; then the
// workspace that waited longest; then the oldest run.
func placeOf(q run.Queue, s *settings.Settings, r *run.Run) string {
	return string(rune('0'+class(s, r))) + agenda.Key(q.Record(r.Workspace).StartedAt) + r.ID
}

// alarmOf is the first time in the queue's future at which the answer about a run changes by
// itself; zero for never.
func alarmOf(q run.Queue, r *run.Run) (first time.Time) {
	times := [3]time.Time{r.NotBefore, r.ExpiresAt}
	if s := q.Record(r.Workspace).Suspension; s != nil {
		times[2] = s.Until
	}
	for _, t := range times {
		if t.After(q.Now) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
