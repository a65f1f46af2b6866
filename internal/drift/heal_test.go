package drift

import (
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/plan"
)

func TestHealing(t *testing.T) {
	now := at(10)
	changes := func(addresses ...string) *plan.Plan {
		p := &plan.Plan{Complete: true}
		for _, a := range addresses {
			p.Changes = append(p.Changes, plan.Change{Address: a, Mode: "managed", Action: plan.Update})
		}
		return p
	}
	finding := func(address string, class Class, more ...func(*Finding)) Finding {
		d := differs(class, "a")
		d.Address = address
		f := Finding{ID: ID("w", address, class), Workspace: "w", Difference: d, Life: New}
		for _, m := range more {
			m(&f)
		}
		return f
	}
	healed := func(ago ...time.Duration) func(*Finding) {
		return func(f *Finding) {
			for _, d := range ago {
				f.Heals = append(f.Heals, now.Add(-d))
			}
		}
	}
	life := func(l Life) func(*Finding) { return func(f *Finding) { f.Life = l } }
	acked := func(f *Finding) { f.Life, f.Ack = Acknowledged, &Ack{By: "ana", Reason: "moving the disk"} }
	h := time.Hour
	for _, c := range []struct {
		name    string
		healing Healing
		plan    *plan.Plan
		found   []Finding
		why     string // empty: it heals
		stopped bool
	}{
		{"changed and deleted", Healing{}, changes("x.a", "x.b"),
			[]Finding{finding("x.a", Changed), finding("x.b", Deleted)}, "", false},
		{"beside what no plan acts upon", Healing{}, changes("x.a"),
			[]Finding{finding("x.a", Changed), finding("x.a", StateOnly), finding("x.c", PendingCommit),
				finding("output.o", Input), finding("check.c", CheckFailed)}, "", false},
		{"resolved ones do not matter", Healing{}, changes("x.a"),
			[]Finding{finding("x.a", Changed), finding("x.b", Conflict, life(Resolved))}, "", false},
		{"only changed", Healing{Only: []Class{Changed}}, changes("x.a"), []Finding{finding("x.a", Changed)}, "",
			false},
		{"only changed, and one is gone", Healing{Only: []Class{Changed}}, changes("x.a", "x.b"),
			[]Finding{finding("x.a", Changed), finding("x.b", Deleted)}, "x.b is deleted", false},
		{"an input", Healing{}, changes("x.a", "x.b"), []Finding{finding("x.a", Changed), finding("x.b", Input)},
			"x.b is input", false},
		{"a conflict", Healing{}, changes("x.a"), []Finding{finding("x.a", Conflict)}, "x.a is conflict", false},
		{"done already", Healing{}, changes("x.a"), []Finding{finding("x.a", PreApplied)}, "x.a is pre_applied", false},
		{"perpetual", Healing{}, changes("x.a", "x.b"), []Finding{finding("x.a", Changed), finding("x.b", Perpetual)},
			"x.b is perpetual", false},
		{"unchecked", Healing{}, changes("x.a"), []Finding{finding("x.a", Changed), finding("", Unchecked)},
			"could not be checked", false},
		{"the plan does more than was found", Healing{}, changes("x.a", "x.z"), []Finding{finding("x.a", Changed)},
			"changes x.z", false},
		{"nothing", Healing{}, changes(), nil, "nothing to heal", false},
		{"only what is ignored", Healing{}, changes("x.a"), []Finding{finding("x.a", Changed, life(Ignored))},
			"nothing to heal", false},
		{"beside what is ignored", Healing{}, changes("x.a", "x.b"), []Finding{finding("x.a", Changed, life(Ignored)),
			finding("x.b", Changed)}, "", false},
		{"somebody knows", Healing{}, changes("x.a"), []Finding{finding("x.a", Changed, acked)},
			"acknowledged by ana: moving the disk", false},
		{"no plan", Healing{}, nil, []Finding{finding("x.a", Changed)}, "not complete", false},
		{"errored", Healing{}, &plan.Plan{Complete: true, Errored: true}, []Finding{finding("x.a", Changed)},
			"not complete", false},
		{"actions", Healing{}, &plan.Plan{Complete: true, Invocations: []plan.Invocation{{}}},
			[]Finding{finding("x.a", Changed)}, "actions", false},
		{"twice in a day", Healing{}, changes("x.a"), []Finding{finding("x.a", Changed, healed(23*h, 12*h))}, "",
			false},
		{"three times in a day", Healing{}, changes("x.a"), []Finding{finding("x.a", Changed, healed(23*h, 12*h, 2*h))},
			"x.a was begun 3 times", true},
		{"the first is long ago", Healing{}, changes("x.a"),
			[]Finding{finding("x.a", Changed, healed(24*h, 12*h, 2*h))}, "", false},
		{"one of two", Healing{}, changes("x.a", "x.b"),
			[]Finding{finding("x.a", Changed), finding("x.b", Changed, healed(3*h, 2*h, h))}, "x.b was begun 3 times",
			true},
		{"cooling down", Healing{Cooldown: 2 * h}, changes("x.a"), []Finding{finding("x.a", Changed, healed(h))},
			"not again before", false},
		{"cooled down", Healing{Cooldown: 2 * h}, changes("x.a"), []Finding{finding("x.a", Changed, healed(2*h))}, "",
			false},
	} {
		v := c.healing.Decide(c.plan, c.found, now)
		if v.Heal != (c.why == "") || v.Stopped != c.stopped || !strings.Contains(v.Why, c.why) || v.Why == "" {
			t.Errorf("%s: %+v, want %q", c.name, v, c.why)
		}
		if v.Heal && len(v.Findings) == 0 {
			t.Errorf("%s: it heals, and does not say what", c.name)
		}
	}
}

// TestHealsStopByThemselves heals the same finding at every check.
func TestHealsStopByThemselves(t *testing.T) {
	p := &plan.Plan{Complete: true, Changes: []plan.Change{{Address: "x.a", Mode: "managed", Action: plan.Update}}}
	var all []Finding
	heals := 0
	for hour := range 30 {
		now := t0.Add(time.Duration(hour) * time.Hour)
		all, _ = Rules{}.Update(all, Check{Workspace: "w", Outcome: Drifted}, []Difference{differs(Changed, "a")}, now)
		v := (Healing{}).Decide(p, all, now)
		if v.Heal {
			heals++
			all[0] = all[0].Healed(now)
			all, _ = Rules{}.Update(all, Check{Workspace: "w", Outcome: Clean}, nil, now.Add(time.Minute))
		}
		if hour == 23 && heals != 3 {
			t.Errorf("%d heals on the first day", heals)
		}
		if len(all[0].Heals) > 3 {
			t.Errorf("%d heals are kept", len(all[0].Heals))
		}
	}
	if heals != 6 {
		t.Errorf("%d heals in 30 hours, want 3 and, after a day, 3 more", heals)
	}
}
