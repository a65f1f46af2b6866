package locks

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/fault"
)

var since = time.Date(2027, 3, 1, 9, 30, 0, 0, time.FixedZone("CET", 3600))

var (
	byRun = Lock{State: "s3:x", Workspace: "net", Run: "r1", Reason: "applying", Since: since}
	byAna = Lock{State: "s3:x", Workspace: "net", Person: "ana", Reason: "moving the VPC", Since: since}
	early = Lock{State: ForWorkspace("net"), Workspace: "net", Person: "li", Reason: "not yet", Since: since}
)

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		workspace, state string
		want             []string
	}{
		{"net", "", []string{"workspace:net"}},
		{"net", "s3:x", []string{"s3:x", "workspace:net"}},
	} {
		got := Keys(c.workspace, c.state)
		if !slices.Equal(got, c.want) {
			t.Errorf("keys of %q with state %q are %q, want %q", c.workspace, c.state, got, c.want)
		}
		if Key(c.workspace, c.state) != got[0] {
			t.Errorf("a new lock of %q with state %q goes to %q", c.workspace, c.state, Key(c.workspace, c.state))
		}
	}
}

func TestTake(t *testing.T) {
	run1, run2 := Lock{Workspace: "net", Run: "r1"}, Lock{Workspace: "net", Run: "r2"}
	li := Lock{Workspace: "net", Person: "li", Reason: "a look"}
	for _, c := range []struct {
		name string
		held []Lock
		want Lock
		code fault.Code // "" for taken
		says []string   // in the message
		next string
	}{
		{name: "a run, nothing held", want: run1},
		{name: "a person with a reason, nothing held", want: li},
		{name: "a person without a reason", want: Lock{Workspace: "net", Person: "li"}, code: fault.Invalid,
			says: []string{"reason"}, next: "tfops lock net -m REASON"},
		{name: "a person with a blank reason", want: Lock{Workspace: "net", Person: "li", Reason: " \n"},
			code: fault.Invalid, says: []string{"reason"}, next: "tfops lock net -m REASON"},
		{name: "a run that holds it takes it again", held: []Lock{byRun}, want: run1},
		{name: "another run", held: []Lock{byRun}, want: run2, code: fault.Conflict,
			says: []string{"net", "r1", "applying"}, next: "tfops wait r1"},
		{name: "a person, held by a run", held: []Lock{byRun}, want: li, code: fault.Conflict, says: []string{"r1"},
			next: "tfops wait r1"},
		{name: "a run, held by a person", held: []Lock{byAna}, want: run1, code: fault.Conflict,
			says: []string{"ana", "moving the VPC"}, next: "tfops unlock net"},
		{name: "a person, held by another", held: []Lock{byAna}, want: li, code: fault.Conflict,
			says: []string{"ana", "moving the VPC"}, next: "tfops unlock net"},
		{name: "the person who holds it", held: []Lock{byAna}, want: byAna, code: fault.Conflict, says: []string{"ana"},
			next: "tfops unlock net"},
		{name: "a run, held by itself and under the workspace by a person", held: []Lock{byRun, early}, want: run1,
			code: fault.Conflict, says: []string{"li", "not yet"}, next: "tfops unlock net"},
		{name: "a run, held under the workspace by a person", held: []Lock{early}, want: run1, code: fault.Conflict,
			says: []string{"li"}, next: "tfops unlock net"},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, Take(c.held, c.want), c.code, c.next, c.says...) })
	}
}

func TestRelease(t *testing.T) {
	for _, c := range []struct {
		name           string
		lock           Lock
		person, reason string
		code           fault.Code
		says           []string
		next           string
	}{
		{name: "the holder, without a reason", lock: byAna, person: "ana"},
		{name: "another with a reason", lock: byAna, person: "li", reason: "ana is on holiday"},
		{name: "another without a reason", lock: byAna, person: "li", code: fault.Invalid, says: []string{"ana"},
			next: "tfops unlock net -m REASON"},
		{name: "another with a blank reason", lock: byAna, person: "li", reason: "  ", code: fault.Invalid,
			says: []string{"ana"}, next: "tfops unlock net -m REASON"},
		{name: "a run's lock ends with the run", lock: byRun, person: "ana", reason: "I want it", code: fault.Conflict,
			says: []string{"r1", "net"}, next: "tfops show r1"},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, Release(c.lock, c.person, c.reason), c.code, c.next, c.says...) })
	}
}

func refused(t *testing.T, err error, code fault.Code, next string, says ...string) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		return
	}
	if err == nil {
		t.Fatal("not refused")
	}
	if fault.CodeOf(err) != code || fault.Next(err) != next {
		t.Errorf("%s, next %q; want %s, next %q: %v", fault.CodeOf(err), fault.Next(err), code, next, err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("the refusal does not name %q: %v", s, err)
		}
	}
}

func TestLockInWords(t *testing.T) {
	for _, c := range []struct {
		lock           Lock
		holder, remedy string
		text           string
	}{
		{byRun, "run r1", "tfops wait r1", "locked by run r1 of workspace net since 2027-03-01 08:30 UTC: applying"},
		{byAna, "ana", "tfops unlock net", "locked by ana since 2027-03-01 08:30 UTC: moving the VPC"},
		{Lock{Run: "r1", Since: since}, "run r1", "tfops wait r1", "locked by run r1 since 2027-03-01 08:30 UTC"},
	} {
		if c.lock.Holder() != c.holder || c.lock.Remedy() != c.remedy || c.lock.String() != c.text {
			t.Errorf("%q, %q, %q", c.lock.Holder(), c.lock.Remedy(), c.lock)
		}
	}
}

// A state that becomes known: what is held on it counts, and a lock for want of one goes there.
func TestLearn(t *testing.T) {
	mine := Lock{State: ForWorkspace("net"), Workspace: "net", Person: "ana", Reason: "why"}
	there := Lock{State: "s:x", Workspace: "db", Run: "r9"}
	moved := mine
	moved.State = "s:x"
	for name, c := range map[string]struct {
		own, held  []Lock
		old, state string
		want       []Lock
		fails      bool
	}{
		"nothing is known":            {own: []Lock{mine}, want: []Lock{mine}},
		"a free state takes the lock": {own: []Lock{mine}, state: "s:x", want: []Lock{moved}},
		"another's lock counts": {own: []Lock{mine}, held: []Lock{there}, state: "s:x",
			want: []Lock{mine, there}},
		"a lock does not leave a state": {own: []Lock{mine}, old: "s:y", state: "s:x", want: []Lock{mine}},
		"taken without a look at others": {own: []Lock{{State: "s:x", Run: "r1"}}, held: []Lock{there}, state: "s:x",
			fails: true},
	} {
		own := slices.Clone(c.own)
		got, err := Learn(c.own, c.held, c.old, c.state)
		if (err != nil) != c.fails || !c.fails && !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
		if !slices.Equal(own, c.own) {
			t.Errorf("%s: what was given was changed: %+v", name, c.own)
		}
	}
}

// A person's lock goes with the workspace to another state, and takes nobody's place.
func TestFollow(t *testing.T) {
	l := Lock{State: "s:old", Workspace: "net", Person: "ana", Reason: "why"}
	if !l.Follows("net") || l.Follows("db") || (Lock{State: "s:old", Workspace: "net", Run: "r1"}).Follows("net") {
		t.Error("not the locks of a person on the workspace follow it, and no others")
	}
	moved := l
	moved.State = ForWorkspace("net")
	other := Lock{State: "s:new", Run: "r2"}
	already := Lock{State: ForWorkspace("net"), Workspace: "net", Person: "li"}
	for _, c := range [][2][]Lock{
		{{l}, {moved}},
		{{l, other}, {other, moved}},
		{nil, {moved}},
		{{already}, {already}},
	} {
		if got := Follow(c[0], l); !slices.Equal(got, c[1]) {
			t.Errorf("%+v becomes %+v, want %+v", c[0], got, c[1])
		}
	}
}
