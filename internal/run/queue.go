package run

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/btree"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run/changes"
	"github.com/tfops/tfops/internal/workspace"
)

// Queue is everything that has not ended, as one transaction sees it. It never changes:
// many share one, and what it gives out may be read and copied, but not changed. The next
// one is made with Edit, which costs what was changed and not what there is.
//
// The zero Queue is empty.
type Queue struct {
	Now time.Time

	// Stopped are processes of runners that somebody stopped (SIGSTOP), by run.
	// No store knows of them: the engine adds what it sees on the machine.
	Stopped map[string][]Stopped
	Lacking Lacking // what keeps this machine from starting anything now; it is known like Stopped

	in *contents
}

// contents are trees that share all nodes that did not change with those of the queue before.
type contents struct {
	runs    btree.Map[string, *Run] // by id, so oldest first
	index   btree.Map[string, *Run] // by index key: workspace, state and status, each with the id
	votes   btree.Map[string, []approvals.Vote]
	records btree.Map[string, *workspace.Record]
	held    btree.Map[string, *workspace.Record] // by what holds them back, and by name
	locks   btree.Map[string, locks.Lock]
	change  *Change
}

// Change is what one transaction touched of a queue.
type Change = changes.Change

var none contents

func (q Queue) contents() *contents {
	if q.in == nil {
		return &none
	}
	return q.in
}

// Version is greater than that of every queue that was made before. 0 is the empty queue's.
func (q Queue) Version() uint64 { return q.contents().change.Version() }

// Since lists what was changed after an older queue, newest first; false when that is not
// remembered, and anything may have.
func (q Queue) Since(version uint64) (changes []*Change, ok bool) {
	return q.contents().change.Since(version)
}

// Len is how many runs have not ended.
func (q Queue) Len() int { return q.contents().runs.Len() }

// Active are the runs that have not ended, oldest first.
func (q Queue) Active() iter.Seq[*Run] { return values(&q.contents().runs) }

func values[V any](m *btree.Map[string, V]) iter.Seq[V] {
	return func(yield func(V) bool) { m.Scan(func(_ string, v V) bool { return yield(v) }) }
}

// Run finds a run that has not ended.
func (q Queue) Run(id string) (*Run, bool) { return q.contents().runs.Get(id) }

// Votes are the votes on a run.
func (q Queue) Votes(id string) []approvals.Vote {
	v, _ := q.contents().votes.Get(id)
	return v
}

// Record is what is remembered of a workspace; an empty one when that is nothing.
func (q Queue) Record(name string) *workspace.Record {
	if rec, ok := q.contents().records.Get(name); ok {
		return rec
	}
	return &workspace.Record{Name: name}
}

// Records is what is remembered of all workspaces, by name.
func (q Queue) Records() iter.Seq[*workspace.Record] { return values(&q.contents().records) }

// HeldBackBy are the workspaces whose last run was withheld because of another's.
func (q Queue) HeldBackBy(name string) iter.Seq[*workspace.Record] {
	prefix := name + "\x00"
	return func(yield func(*workspace.Record) bool) {
		q.contents().held.Ascend(prefix, func(key string, rec *workspace.Record) bool {
			return strings.HasPrefix(key, prefix) && yield(rec)
		})
	}
}

// Lock is what is held under a key.
func (q Queue) Lock(key string) (locks.Lock, bool) { return q.contents().locks.Get(key) }

// Locks are all locks, by key.
func (q Queue) Locks() iter.Seq[locks.Lock] { return values(&q.contents().locks) }

// Held lists the locks on the state of a workspace.
func (q Queue) Held(workspace, state string) []locks.Lock {
	var held []locks.Lock
	for _, key := range locks.Keys(workspace, state) {
		if l, ok := q.Lock(key); ok {
			held = append(held, l)
		}
	}
	return held
}

// Of are the active runs of a workspace, oldest first.
func (q Queue) Of(workspace string) iter.Seq[*Run] {
	return q.scan(inWorkspace, workspace, func(r *Run) bool { return r.Workspace == workspace })
}

// OnState are the active runs on a state, oldest first; those of which it is not known count
// as one another's.
func (q Queue) OnState(state string) iter.Seq[*Run] {
	return q.scan(onState, state, func(r *Run) bool { return r.State == state })
}

// In are the active runs of a status, oldest first.
func (q Queue) In(s Status) iter.Seq[*Run] {
	return q.scan(withStatus, string(s), func(r *Run) bool { return r.Status == s })
}

// Beside are the active runs of a workspace, and those on a state if one is named, oldest first.
func (q Queue) Beside(workspace, state string) iter.Seq[*Run] {
	if state == "" {
		return q.Of(workspace)
	}
	all := slices.AppendSeq(slices.Collect(q.Of(workspace)), q.OnState(state))
	slices.SortFunc(all, func(a, b *Run) int { return cmp.Compare(a.ID, b.ID) })
	return slices.Values(slices.Compact(all))
}

// What the index finds runs by.
const (
	inWorkspace = "w\x00"
	onState     = "s\x00"
	withStatus  = "t\x00"
)

func indexKeys(r *Run) [3]string {
	end := "\x00" + r.ID
	return [3]string{inWorkspace + r.Workspace + end, onState + r.State + end, withStatus + string(r.Status) + end}
}

// scan finds runs by the index. What a key is made of may hold any byte, so is has the last word.
func (q Queue) scan(kind, value string, is func(*Run) bool) iter.Seq[*Run] {
	prefix := kind + value + "\x00"
	return func(yield func(*Run) bool) {
		q.contents().index.Ascend(prefix, func(key string, r *Run) bool {
			return strings.HasPrefix(key, prefix) && (!is(r) || yield(r))
		})
	}
}

// Draft is a queue that is being made. It is for one goroutine.
type Draft struct {
	in     *contents
	change Change
}

// Edit begins the next queue. Two drafts of one queue must not be begun at once.
func (q Queue) Edit() *Draft {
	old := q.contents()
	if old == &none {
		return &Draft{in: &contents{}}
	}
	return &Draft{in: &contents{
		runs: *old.runs.Copy(), index: *old.index.Copy(), votes: *old.votes.Copy(),
		records: *old.records.Copy(), held: *old.held.Copy(), locks: *old.locks.Copy(), change: old.change,
	}}
}

// Queue ends the draft.
func (d *Draft) Queue() Queue {
	d.in.change = d.change.After(d.in.change)
	return Queue{in: d.in}
}

// PutRun puts a run in the place of the one with its id, together with the votes on it. One
// that has ended is taken out.
func (d *Draft) PutRun(r *Run, votes []approvals.Vote) {
	d.DropRun(r.ID)
	d.change.Runs = append(d.change.Runs, r.ID)
	d.change.Workspaces = append(d.change.Workspaces, r.Workspace)
	d.change.States = append(d.change.States, r.State)
	if r.Status.Terminal() {
		return
	}
	d.in.runs.Set(r.ID, r)
	for _, key := range indexKeys(r) {
		d.in.index.Set(key, r)
	}
	if len(votes) > 0 {
		d.in.votes.Set(r.ID, votes)
	}
}

// DropRun takes a run out.
func (d *Draft) DropRun(id string) {
	d.in.votes.Delete(id)
	old, ok := d.in.runs.Delete(id)
	if !ok {
		return
	}
	for _, key := range indexKeys(old) {
		d.in.index.Delete(key)
	}
	d.change.Runs = append(d.change.Runs, id)
	d.change.Workspaces = append(d.change.Workspaces, old.Workspace)
	d.change.States = append(d.change.States, old.State)
}

// PutRecord puts what is remembered of a workspace in the place of what was.
func (d *Draft) PutRecord(rec *workspace.Record) {
	if old, ok := d.in.records.Set(rec.Name, rec); ok && old.HeldBack != "" {
		d.in.held.Delete(old.HeldBack + "\x00" + rec.Name)
	}
	if rec.HeldBack != "" {
		d.in.held.Set(rec.HeldBack+"\x00"+rec.Name, rec)
	}
	d.change.Workspaces = append(d.change.Workspaces, rec.Name)
}

// DropRecord forgets a workspace.
func (d *Draft) DropRecord(name string) {
	if old, ok := d.in.records.Delete(name); ok && old.HeldBack != "" {
		d.in.held.Delete(old.HeldBack + "\x00" + name)
	}
	d.change.Workspaces = append(d.change.Workspaces, name)
}

// PutLock puts a lock under its key.
func (d *Draft) PutLock(l locks.Lock) {
	d.in.locks.Set(l.State, l)
	d.change.States = append(d.change.States, l.State)
}

// DropLock takes what lies under a key away.
func (d *Draft) DropLock(key string) {
	d.in.locks.Delete(key)
	d.change.States = append(d.change.States, key)
}

// Listing is a queue written out: for who looks at all of it at once.
type Listing struct {
	Active  []Run // oldest first
	Votes   map[string][]approvals.Vote
	Records map[string]workspace.Record
	Locks   map[string]locks.Lock
}

// List writes the queue out.
func (q Queue) List() Listing {
	l := Listing{Votes: map[string][]approvals.Vote{}, Records: map[string]workspace.Record{},
		Locks: map[string]locks.Lock{}}
	for r := range q.Active() {
		l.Active = append(l.Active, *r)
		if votes := q.Votes(r.ID); len(votes) > 0 {
			l.Votes[r.ID] = votes
		}
	}
	for rec := range q.Records() {
		l.Records[rec.Name] = *rec
	}
	for held := range q.Locks() {
		l.Locks[held.State] = held
	}
	return l
}

// Queue is the queue of which the listing is.
func (l Listing) Queue() Queue {
	d := Queue{}.Edit()
	for _, r := range l.Active {
		d.PutRun(&r, l.Votes[r.ID])
	}
	for name, rec := range l.Records {
		rec.Name = name
		d.PutRecord(&rec)
	}
	for key, held := range l.Locks {
		held.State = key
		d.PutLock(held)
	}
	return d.Queue()
}
