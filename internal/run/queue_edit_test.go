package run

import (
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/workspace"
)

// Any number of changes to a queue lead to what a queue that is made at once is, older queues
// stay as they were, and what a change touched is told.
func TestEdit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	want := Listing{Votes: map[string][]approvals.Vote{}, Records: map[string]workspace.Record{},
		Locks: map[string]locks.Lock{}}
	queues, written := []Queue{want.Queue()}, []Listing{want}
	for step := range 2000 {
		e := edit{d: queues[len(queues)-1].Edit(), touched: map[string]bool{}, want: Listing{
			Active: slices.Clone(want.Active), Votes: maps.Clone(want.Votes),
			Records: maps.Clone(want.Records), Locks: maps.Clone(want.Locks)}}
		for range 1 + random.IntN(3) {
			e.one(random, step)
		}
		q := e.d.Queue()
		want = e.want
		same(t, step, q, want)
		changes, ok := q.Since(queues[len(queues)-1].Version())
		if !ok || len(changes) != 1 {
			t.Fatalf("the last change: %v, %v", changes, ok)
		}
		told := map[string]bool{}
		for kind, all := range map[string][]string{"r": changes[0].Runs, "w": changes[0].Workspaces,
			"s": changes[0].States} {
			for _, name := range all {
				told[kind+name] = true
			}
		}
		if !maps.Equal(told, e.touched) {
			t.Fatalf("step %d touched %v, and told %v", step, e.touched, told)
		}
		queues, written = append(queues, q), append(written, want)
		if old := random.IntN(len(queues)); step%20 == 0 {
			same(t, step, queues[old], written[old])
		}
	}
	if changes, ok := queues[len(queues)-1].Since(queues[5].Version()); !ok || len(changes) != 1995 {
		t.Errorf("%d changes after the sixth queue, %v", len(changes), ok)
	}
	if _, ok := queues[5].Since(queues[100].Version()); ok {
		t.Error("an older queue knows what came after it")
	}
	if _, ok := want.Queue().Since(queues[5].Version()); ok {
		t.Error("a queue that was made from nothing knows what came before it")
	}
}

// edit is a draft, what its queue should be, and what it touched.
type edit struct {
	d       *Draft
	want    Listing
	touched map[string]bool
}

// one changes something, whatever.
func (e *edit) one(random *rand.Rand, step int) {
	name := string(rune('a' + random.IntN(5)))
	switch random.IntN(6) {
	case 0:
		e.want.Records[name] = workspace.Record{Name: name, Head: fmt.Sprint(step)}
		e.d.PutRecord(&workspace.Record{Name: name, Head: fmt.Sprint(step)})
		e.touched["w"+name] = true
	case 1:
		e.want.Locks[name] = locks.Lock{State: name, Reason: fmt.Sprint(step)}
		e.d.PutLock(e.want.Locks[name])
		e.touched["s"+name] = true
	case 2:
		delete(e.want.Locks, name)
		e.d.DropLock(name)
		e.touched["s"+name] = true
	default:
		e.run(random, name, step)
	}
}

func (e *edit) run(random *rand.Rand, name string, step int) {
	statuses := []Status{Pending, Planning, AwaitingApproval, ApplyQueued, Applied}
	r := Run{ID: fmt.Sprintf("r%02d", random.IntN(40)), Workspace: name, Comment: fmt.Sprint(step),
		State: []string{"", "s", "s\x00t", "u"}[random.IntN(4)], Status: statuses[random.IntN(5)]}
	var votes []approvals.Vote
	if random.IntN(2) == 0 {
		votes = []approvals.Vote{{Run: r.ID, Voter: fmt.Sprint(step)}}
	}
	e.d.PutRun(&r, votes)
	e.touched["r"+r.ID], e.touched["w"+name], e.touched["s"+r.State] = true, true, true
	delete(e.want.Votes, r.ID)
	i, there := slices.BinarySearchFunc(e.want.Active, r.ID,
		func(r Run, id string) int { return strings.Compare(r.ID, id) })
	if there {
		e.touched["w"+e.want.Active[i].Workspace], e.touched["s"+e.want.Active[i].State] = true, true
		e.want.Active = slices.Delete(e.want.Active, i, i+1)
	}
	if !r.Status.Terminal() {
		e.want.Active = slices.Insert(e.want.Active, i, r)
		if votes != nil {
			e.want.Votes[r.ID] = votes
		}
	}
}

func same(t *testing.T, step int, q Queue, want Listing) {
	t.Helper()
	if got := q.List(); !reflect.DeepEqual(got, want) {
		t.Fatalf("after step %d:\n%+v, want\n%+v", step, got, want)
	}
	is := func(what string, got iter.Seq[*Run], pick func(Run) bool) {
		t.Helper()
		var a, b []string
		for r := range got {
			a = append(a, r.ID+r.Comment)
		}
		for _, r := range want.Active {
			if pick(r) {
				b = append(b, r.ID+r.Comment)
			}
		}
		if !slices.Equal(a, b) {
			t.Fatalf("step %d, %s: %v, want %v", step, what, a, b)
		}
	}
	for _, state := range []string{"", "s", "s\x00t", "u", "none"} {
		is("on "+state, q.OnState(state), func(r Run) bool { return r.State == state })
		for _, name := range []string{"a", "e", "none"} {
			is("of "+name, q.Of(name), func(r Run) bool { return r.Workspace == name })
			is("beside "+name, q.Beside(name, state), func(r Run) bool {
				return r.Workspace == name || state != "" && r.State == state
			})
		}
	}
	is("in", q.In(Planning), func(r Run) bool { return r.Status == Planning })
}
