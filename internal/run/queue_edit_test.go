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
	want := Listing{Votes: map[string][]approvals.Vote{}, Records: map[string]workspace.Record{}, Locks: map[string]locks.Lock{}}
	queues, written := []Queue{want.Queue()}, []Listing{want}
	statuses := []Status{Pending, Planning, AwaitingApproval, ApplyQueued, Applied}
	for step := range 2000 {
		touched := map[string]bool{}
		d := queues[len(queues)-1].Edit()
		want = Listing{Active: slices.Clone(want.Active), Votes: maps.Clone(want.Votes), Records: maps.Clone(want.Records), Locks: maps.Clone(want.Locks)}
		for range 1 + random.IntN(3) {
			name := string(rune('a' + random.IntN(5)))
			switch random.IntN(6) {
			case 0:
				want.Records[name] = workspace.Record{Name: name, Head: fmt.Sprint(step)}
				d.PutRecord(&workspace.Record{Name: name, Head: fmt.Sprint(step)})
				touched["w"+name] = true
			case 1:
				want.Locks[name] = locks.Lock{State: name, Reason: fmt.Sprint(step)}
				d.PutLock(want.Locks[name])
				touched["s"+name] = true
			case 2:
				delete(want.Locks, name)
				d.DropLock(name)
				touched["s"+name] = true
			default:
				r := Run{ID: fmt.Sprintf("r%02d", random.IntN(40)), Workspace: name, State: []string{"", "s", "s\x00t", "u"}[random.IntN(4)], Status: statuses[random.IntN(5)], Comment: fmt.Sprint(step)}
				var votes []approvals.Vote
				if random.IntN(2) == 0 {
					votes = []approvals.Vote{{Run: r.ID, Voter: fmt.Sprint(step)}}
				}
				d.PutRun(&r, votes)
				touched["r"+r.ID], touched["w"+name], touched["s"+r.State] = true, true, true
				delete(want.Votes, r.ID)
				i, there := slices.BinarySearchFunc(want.Active, r.ID, func(r Run, id string) int { return strings.Compare(r.ID, id) })
				if there {
					touched["w"+want.Active[i].Workspace], touched["s"+want.Active[i].State] = true, true
					want.Active = slices.Delete(want.Active, i, i+1)
				}
				if !r.Status.Terminal() {
					want.Active = slices.Insert(want.Active, i, r)
					if votes != nil {
						want.Votes[r.ID] = votes
					}
				}
			}
		}
		q := d.Queue()
		same(t, step, q, want)
		changes, ok := q.Since(queues[len(queues)-1].Version())
		if !ok || len(changes) != 1 {
			t.Fatalf("the last change: %v, %v", changes, ok)
		}
		told := map[string]bool{}
		for kind, all := range map[string][]string{"r": changes[0].Runs, "w": changes[0].Workspaces, "s": changes[0].States} {
			for _, name := range all {
				told[kind+name] = true
			}
		}
		if !maps.Equal(told, touched) {
			t.Fatalf("step %d touched %v, and told %v", step, touched, told)
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
			is("beside "+name, q.Beside(name, state), func(r Run) bool { return r.Workspace == name || state != "" && r.State == state })
		}
	}
	is("in", q.In(Planning), func(r Run) bool { return r.Status == Planning })
}

// What was changed is remembered within bounds, however long a daemon runs.
func TestChangesAreForgotten(t *testing.T) {
	q := Queue{}
	var past []uint64
	for range 5 * remembered {
		d := q.Edit()
		d.DropLock("x")
		q = d.Queue()
		past = append(past, q.Version())
	}
	n := 0
	for c := q.in.change; c != nil; c = c.older {
		n++
	}
	if n < remembered || n > 2*remembered+2 {
		t.Errorf("%d changes are kept, of %d that should be", n, remembered)
	}
	if changes, ok := q.Since(past[len(past)-remembered]); !ok || len(changes) != remembered-1 {
		t.Errorf("%d changes, %v", len(changes), ok)
	}
	if _, ok := q.Since(past[0]); ok {
		t.Error("what was forgotten is known")
	}
}
