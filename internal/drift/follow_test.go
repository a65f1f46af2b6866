package drift

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/fault"
)

var t0 = time.Date(2027, 1, 1, 2, 0, 0, 0, time.UTC)

func at(day int) time.Time { return t0.AddDate(0, 0, day) }

func looked(day int) Check {
	return Check{Workspace: "w", At: at(day), Outcome: Drifted, Commit: "c"}
}

func differs(class Class, paths ...string) Difference {
	d := Difference{Address: "x.a", Type: "x", Class: class}
	for _, p := range paths {
		d.Attributes = append(d.Attributes, Attribute{Path: p})
	}
	return d
}

// only is the one finding there is.
func only(t *testing.T, list []Finding) Finding {
	t.Helper()
	if len(list) != 1 {
		t.Fatalf("%d findings: %+v", len(list), list)
	}
	return list[0]
}

// TestLifeOfAFinding walks one finding through everything.
func TestLifeOfAFinding(t *testing.T) {
	var all []Finding
	rules := Rules{Ignore: []Ignore{{Name: "later", Address: "x.a", Attributes: []string{"a", "b"}, Expires: at(12)}}}
	check := func(day int, r Rules, want Life, event string, found ...Difference) Finding {
		t.Helper()
		var events []Event
		all, events = r.Update(all, looked(day), found, at(day))
		f := only(t, all)
		got := ""
		for _, e := range events {
			got += string(e.From) + ">" + string(e.To)
		}
		if f.Life != want || got != event {
			t.Errorf("day %d: %s with %q, want %s with %q", day, f.Life, got, want, event)
		}
		return f
	}
	check(0, Rules{}, New, ">new", differs(Changed, "a"))
	check(1, Rules{}, Ongoing, "new>ongoing", differs(Changed, "a"))
	f := check(2, Rules{}, New, "ongoing>new", differs(Changed, "a", "b"))
	if f.Times != 3 || !f.FirstSeen.Equal(at(0)) || !f.LastSeen.Equal(at(2)) ||
		!f.Attributes[0].FirstSeen.Equal(at(0)) || !f.Attributes[1].FirstSeen.Equal(at(2)) {
		t.Errorf("times: %+v", f)
	}
	f, e, err := Acknowledge(f, Ack{By: "ana", Reason: "moving", Until: at(5)}, at(3))
	if err != nil || f.Life != Acknowledged || e.From != New || !slices.Equal(f.Ack.Attributes, []string{"a", "b"}) {
		t.Fatalf("%v %+v %+v", err, f, e)
	}
	all[0] = f
	check(3, Rules{}, Acknowledged, "", differs(Changed, "a", "b"))
	check(4, Rules{}, New, "acknowledged>new", differs(Changed, "a", "b", "c"))
	f = check(4, Rules{}, Acknowledged, "new>acknowledged", differs(Changed, "a"))
	if f.Ack == nil {
		t.Error("the acknowledgement is lost")
	}
	if f = check(5, Rules{}, Ongoing, "acknowledged>ongoing", differs(Changed, "a")); f.Ack != nil {
		t.Error("the acknowledgement outlived its time")
	}
	c := looked(6)
	c.LastApply, c.LastApplyAt = "r1", at(6).Add(-time.Hour)
	all, _ = Follow(all, c, nil, at(6))
	if f = only(t, all); f.Life != Resolved || f.ResolvedBy != "r1" || !f.ResolvedAt.Equal(at(6)) {
		t.Errorf("resolved: %+v", f)
	}
	if f = check(8, Rules{}, Recurring, "resolved>recurring", differs(Changed, "a")); !slices.Equal(f.Past,
		[]Stay{{at(0), at(6)}}) || !f.Returned.Equal(at(8)) || !f.ResolvedAt.IsZero() || f.ResolvedBy != "" ||
		!f.FirstSeen.Equal(at(0)) {
		t.Errorf("back: %+v", f)
	}
	check(9, rules, Ignored, "recurring>ignored", differs(Changed, "a"))
	check(10, rules, Ignored, "", differs(Changed, "a", "b"))
	check(11, rules, New, "ignored>new", differs(Changed, "a", "b", "c"))
	check(11, rules, Ignored, "new>ignored", differs(Changed, "a"))
	if f = check(12, rules, New, "ignored>new", differs(Changed, "a")); f.Attributes[0].IgnoredBy != "" {
		t.Error("an expired rule still holds")
	}
	if f = check(13, Rules{}, Resolved, "new>resolved"); f.ResolvedBy != "" {
		t.Errorf("resolved by %s", f.ResolvedBy)
	}
	check(14, Rules{}, Resolved, "")
	if f = check(15, Rules{}, Recurring, "resolved>recurring", differs(Changed, "a")); !slices.Equal(f.Past,
		[]Stay{{at(0), at(6)}, {at(8), at(13)}}) {
		t.Errorf("its past: %+v", f.Past)
	}
}

// What comes and goes with every check is not remembered without end, and
// nothing is longer than reports look back.
func TestThePastIsBounded(t *testing.T) {
	var all []Finding
	from := at(0)
	for i := range 2 * mostPast {
		now := from.Add(time.Duration(i) * time.Hour)
		c := looked(0)
		c.At = now
		all, _ = Follow(all, c, []Difference{differs(Changed, "a")}, now)
		all, _ = Follow(all, c, nil, now.Add(30*time.Minute))
	}
	if f := only(t, all); len(f.Past) != mostPast ||
		!f.Past[mostPast-1].From.Equal(from.Add((2*mostPast-2)*time.Hour)) {
		t.Errorf("%d stays, the last %+v", len(f.Past), f.Past[len(f.Past)-1])
	}
	later := from.Add(pastFor + (2*mostPast-1)*time.Hour)
	all, _ = Follow(all, looked(0), []Difference{differs(Changed, "a")}, later)
	if f := only(t, all); len(f.Past) != 1 {
		t.Errorf("%d stays are older than a report looks back", len(f.Past)-1)
	}
}

func TestOnlyALookResolves(t *testing.T) {
	open := func(class Class) []Finding {
		all, _ := Follow(nil, looked(0), []Difference{differs(class, "a")}, at(0))
		return all
	}
	for _, c := range []struct {
		name     string
		class    Class
		check    Check
		resolved bool
	}{
		{"clean", Changed, Check{Outcome: Clean}, true},
		{"another commit", Changed, Check{Outcome: Clean, Commit: "other"}, true},
		{"unchecked", Changed, Check{Outcome: NotChecked}, false},
		{"unknown outcome", Changed, Check{}, false},
		{"nothing is applied, since when is not known", Changed, Check{Outcome: NothingYet}, false},
		{"it was destroyed since", Changed, Check{Outcome: NothingYet, LastApply: "r", LastApplyAt: at(1)}, true},
		{"HEAD has no plan", PendingCommit, Check{Outcome: Clean, Head: "h"}, false},
		{"HEAD has a plan", PendingCommit, Check{Outcome: Clean, Head: "h", HeadPlanned: true}, true},
		{"HEAD is applied", PendingCommit, Check{Outcome: Clean}, true},
		{"what could not be checked was checked", Unchecked, Check{Outcome: Clean}, true},
		{"of another workspace", Changed, Check{Outcome: Clean, Workspace: "other"}, false},
	} {
		if c.check.Workspace == "" {
			c.check.Workspace = "w"
		}
		all, events := Follow(open(c.class), c.check, nil, at(2))
		if got := only(t, all).Life == Resolved; got != c.resolved || (len(events) == 1) != c.resolved {
			t.Errorf("%s: resolved %v with %v, want %v", c.name, got, events, c.resolved)
		}
	}
}

func TestAcknowledgeRefuses(t *testing.T) {
	f := Finding{ID: "1", Workspace: "w", Difference: differs(Changed, "a"), Life: New}
	with := func(change func(*Finding)) Finding {
		g := f
		g.Attributes = slices.Clone(f.Attributes)
		change(&g)
		return g
	}
	good := Ack{By: "ana", Reason: "r"}
	for name, c := range map[string]struct {
		f    Finding
		ack  Ack
		code fault.Code
	}{
		"no reason": {f, Ack{By: "ana", Reason: " "}, fault.Invalid},
		"no person": {f, Ack{Reason: "r"}, fault.Invalid},
		"over":      {f, Ack{By: "ana", Reason: "r", Until: t0}, fault.Invalid},
		"resolved":  {with(func(f *Finding) { f.Life = Resolved }), good, fault.Conflict},
		"ignored": {with(func(f *Finding) { f.Life, f.Attributes[0].IgnoredBy = Ignored, "rule" }), good,
			fault.Conflict},
		"unchecked":  {with(func(f *Finding) { f.Class = Unchecked }), good, fault.Conflict},
		"never seen": {with(func(f *Finding) { f.Life = "" }), good, fault.Conflict},
	} {
		if g, _, err := Acknowledge(c.f, c.ack, t0); !fault.Is(err, c.code) || fault.Next(err) == "" || g.Ack != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Unacknowledge(f, t0); !fault.Is(err, fault.Conflict) {
		t.Errorf("taken back what was not given: %v", err)
	}
	g, _, err := Acknowledge(f, good, t0)
	if err != nil {
		t.Fatal(err)
	}
	if g, e, err := Unacknowledge(g, t0); err != nil || g.Life != Ongoing || g.Ack != nil || e.From != Acknowledged {
		t.Errorf("taken back: %+v %+v %v", g, e, err)
	}
}

// TestTableIsWhole holds the table against the package's own words.
func TestTableIsWhole(t *testing.T) {
	for life, turns := range lives {
		for turn, to := range turns {
			if _, ok := lives[to]; !ok {
				t.Errorf("%s leads from %s to %s, which is no life", turn, life, to)
			}
		}
		if turns[gone] != Resolved {
			t.Errorf("%s that is not found becomes %q", life, turns[gone])
		}
		if turns[seen] == "" || turns[joined] == "" {
			t.Errorf("%s has nothing for what is found", life)
		}
	}
	if len(lives) != 6 {
		t.Errorf("%d lives", len(lives))
	}
}

// FuzzFollow walks random checks, acknowledgements and rules. No finding is
// lost or doubled, only a check that looked resolves, and what a check found is
// open after it.
func FuzzFollow(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		var all []Finding
		now := t0
		for range 60 {
			now = now.Add(time.Duration(r.IntN(48)) * time.Hour)
			before := slices.Clone(all)
			switch r.IntN(5) {
			case 0:
				if len(all) > 0 {
					i := r.IntN(len(all))
					if g, _, err := Acknowledge(all[i],
						Ack{By: "ana", Reason: "r", Until: now.Add(time.Duration(r.IntN(100)+1) * time.Hour)},
						now); err == nil {
						all[i] = g
					}
				}
			case 1:
				if len(all) > 0 {
					i := r.IntN(len(all))
					if g, _, err := Unacknowledge(all[i], now); err == nil {
						all[i] = g
					}
				}
			default:
				all = walkOnce(t, r, all, now)
			}
			holdsTogether(t, before, all)
		}
	})
}

// walkOnce makes a random check.
func walkOnce(t *testing.T, r *rand.Rand, all []Finding, now time.Time) []Finding {
	t.Helper()
	check := Check{Workspace: "w" + string(rune('0'+r.IntN(2))), At: now, Outcome: []Outcome{Clean, Drifted, NotChecked,
		NothingYet}[r.IntN(4)]}
	var found []Difference
	if check.Outcome == Drifted {
		for _, class := range []Class{Changed, StateOnly, PendingCommit} {
			if r.IntN(2) == 0 {
				found = append(found, differs(class, []string{"a", "b", "c"}[:r.IntN(3)+1]...))
			}
		}
	} else if check.Outcome == NotChecked {
		found = []Difference{{Class: Unchecked, Attributes: []Attribute{{}}, Problems: []string{"no way there"}}}
	}
	var rules Rules
	if r.IntN(2) == 0 {
		rules.Ignore = []Ignore{{Name: "r", Attributes: []string{"a"},
			Expires: now.Add(time.Duration(r.IntN(50)-10) * time.Hour)}}
	}
	next, events := rules.Update(all, check, found, now)
	open := map[string]Finding{}
	for i, f := range next {
		if f.Open() {
			open[f.ID] = f
		}
		if f.Severity == "" {
			t.Fatalf("%+v has no severity", f)
		}
		resolvedNow := i < len(all) && all[i].Open() && !f.Open()
		if resolvedNow && (check.Outcome == NotChecked || check.Outcome == NothingYet ||
			f.Workspace != check.Workspace) {
			t.Fatalf("%s of %s was resolved by %+v", f.ID, f.Workspace, check)
		}
		showing := f.showing()
		if f.Open() && (f.Life == Ignored) != (len(showing) == 0) {
			t.Fatalf("%s is %s and shows %v", f.ID, f.Life, showing)
		}
		if f.Life == Acknowledged && slices.ContainsFunc(showing,
			func(p string) bool { return !f.Ack.Covers(p, now) }) {
			t.Fatalf("%+v is acknowledged, and not covered", f)
		}
	}
	for _, d := range found {
		if _, ok := open[ID(check.Workspace, d.Address, d.Class)]; !ok {
			t.Fatalf("%+v was found and is not open", d)
		}
	}
	seen := map[string]bool{}
	for _, e := range events {
		if seen[e.Finding] || e.Text == "" || e.To == "" {
			t.Fatalf("event %+v of %+v", e, events)
		}
		seen[e.Finding] = true
	}
	return next
}

func holdsTogether(t *testing.T, before, after []Finding) {
	t.Helper()
	ids := map[string]bool{}
	for _, f := range after {
		if ids[f.ID] || f.ID != ID(f.Workspace, f.Address, f.Class) {
			t.Fatalf("%s is there twice, or not what it is called", f.ID)
		}
		ids[f.ID] = true
		if f.FirstSeen.After(f.LastSeen) || f.Times < 1 || (f.Life == Resolved) == f.ResolvedAt.IsZero() {
			t.Fatalf("times of %+v", f)
		}
	}
	for _, f := range before {
		if !ids[f.ID] {
			t.Fatalf("%s is lost", f.ID)
		}
	}
}

func TestFollowLeavesItsInputAlone(t *testing.T) {
	all, _ := Follow(nil, looked(0), []Difference{differs(Changed, "a")}, at(0))
	_, _ = Rules{Ignore: []Ignore{{Name: "all"}}}.Update(all, looked(1), []Difference{differs(Changed, "a", "b")},
		at(1))
	if f := only(t, all); f.Life != New || len(f.Attributes) != 1 || f.Attributes[0].IgnoredBy != "" || f.Times != 1 {
		t.Errorf("what was passed in has changed: %+v", f)
	}
	if !strings.Contains(ID("w", "x.a", Changed), all[0].ID) || len(all[0].ID) != 12 {
		t.Errorf("the ID is %q", all[0].ID)
	}
}
