package healing

import (
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/plan"
)

// t0 is when the tests begin.
var t0 = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

// differs is a difference of one attribute of x.a.
func differs(class drift.Class, path string) drift.Difference {
	return drift.Difference{Address: "x.a", Type: "x", Class: class, Attributes: []drift.Attribute{{Path: path}}}
}

func TestHealing(t *testing.T) {
	now := t0.AddDate(0, 0, 10)
	changes := func(addresses ...string) *plan.Plan {
		p := &plan.Plan{Complete: true}
		for _, a := range addresses {
			p.Changes = append(p.Changes, plan.Change{Address: a, Mode: "managed", Action: plan.Update})
		}
		return p
	}
	finding := func(address string, class drift.Class, more ...func(*drift.Finding)) drift.Finding {
		d := differs(class, "a")
		d.Address = address
		f := drift.Finding{ID: drift.ID("w", address, class), Workspace: "w", Difference: d, Life: drift.New}
		for _, m := range more {
			m(&f)
		}
		return f
	}
	changed := func(address string, more ...func(*drift.Finding)) drift.Finding {
		return finding(address, drift.Changed, more...)
	}
	gone := func(address string, more ...func(*drift.Finding)) drift.Finding {
		return finding(address, drift.Deleted, more...)
	}
	healed := func(ago ...time.Duration) func(*drift.Finding) {
		return func(f *drift.Finding) {
			for _, d := range ago {
				f.Heals = append(f.Heals, now.Add(-d))
			}
		}
	}
	replaced := func(f *drift.Finding) { f.Action = plan.Replace }
	attributes := func(list ...drift.Attribute) func(*drift.Finding) {
		return func(f *drift.Finding) { f.Attributes = list }
	}
	replacing := func(addresses ...string) *plan.Plan {
		p := changes(addresses...)
		for i := range p.Changes {
			p.Changes[i].Action = plan.Replace
		}
		return p
	}
	removing := func(address string) *plan.Plan {
		p := changes("x.a", address)
		p.Changes[1].Action = plan.Delete
		return p
	}
	life := func(l drift.Life) func(*drift.Finding) { return func(f *drift.Finding) { f.Life = l } }
	acked := func(f *drift.Finding) {
		f.Life, f.Ack = drift.Acknowledged, &drift.Ack{By: "ana", Reason: "moving the disk"}
	}
	h := time.Hour
	for _, c := range []struct {
		name    string
		healing Rules
		plan    *plan.Plan
		found   []drift.Finding
		why     string // empty: it heals
		stopped bool
	}{
		{"changed and deleted", Rules{}, changes("x.a", "x.b"),
			[]drift.Finding{changed("x.a"), gone("x.b")}, "", false},
		{"beside what no plan acts upon", Rules{}, changes("x.a"),
			[]drift.Finding{changed("x.a"), finding("x.a", drift.StateOnly), finding("x.c", drift.PendingCommit),
				finding("output.o", drift.Input), finding("check.c", drift.CheckFailed)}, "", false},
		{"resolved ones do not matter", Rules{}, changes("x.a"),
			[]drift.Finding{changed("x.a"), finding("x.b", drift.Conflict, life(drift.Resolved))}, "", false},
		{"only changed", Rules{Only: []Repair{Changed}}, changes("x.a"), []drift.Finding{changed("x.a")}, "",
			false},
		{"only changed, and one is gone", Rules{Only: []Repair{Changed}}, changes("x.a", "x.b"),
			[]drift.Finding{changed("x.a"), gone("x.b")}, "x.b is deleted", false},
		{"what follows goes with its cause", Rules{}, changes("x.a", "x.b"),
			[]drift.Finding{changed("x.a"), finding("x.b", drift.Follows)}, "", false},
		{"what follows alone", Rules{}, changes("x.b"), []drift.Finding{finding("x.b", drift.Follows)},
			"nothing to heal", false},
		{"what follows is replaced", Rules{}, &plan.Plan{Complete: true, Changes: append(changes("x.a").Changes,
			replacing("x.b").Changes...)}, []drift.Finding{changed("x.a"), finding("x.b", drift.Follows, replaced)},
			"x.b would be destroyed and made again", false},
		{"what follows is ignored", Rules{}, changes("x.a", "x.b"), []drift.Finding{changed("x.a"),
			finding("x.b", drift.Follows, attributes(drift.Attribute{Path: "n", IgnoredBy: "scaler"}))},
			`x.b n is ignored by the rule "scaler"`, false},
		{"an input", Rules{}, changes("x.a", "x.b"), []drift.Finding{changed("x.a"), finding("x.b", drift.Input)},
			"x.b is input", false},
		{"a conflict", Rules{}, changes("x.a"), []drift.Finding{finding("x.a", drift.Conflict)},
			"x.a is conflict", false},
		{"done already", Rules{}, changes("x.a"), []drift.Finding{finding("x.a", drift.PreApplied)},
			"x.a is pre_applied", false},
		{"perpetual", Rules{}, changes("x.a", "x.b"), []drift.Finding{changed("x.a"), finding("x.b", drift.Perpetual)},
			"x.b is perpetual", false},
		{"unchecked", Rules{}, changes("x.a"), []drift.Finding{changed("x.a"), finding("", drift.Unchecked)},
			"could not be checked", false},
		{"the plan does more than was found", Rules{}, changes("x.a", "x.z"), []drift.Finding{changed("x.a")},
			"changes x.z", false},
		{"nothing", Rules{}, changes(), nil, "nothing to heal", false},
		{"only what is ignored", Rules{}, changes("x.a"), []drift.Finding{changed("x.a", life(drift.Ignored))},
			"x.a a is ignored by the rule", false},
		{"beside what is ignored", Rules{}, changes("x.a", "x.b"), []drift.Finding{changed("x.a", life(drift.Ignored)),
			changed("x.b")}, "x.a a is ignored by the rule", false},
		{"an attribute beside one that is ignored", Rules{}, changes("x.a"), []drift.Finding{changed("x.a",
			attributes(drift.Attribute{Path: "note"}, drift.Attribute{Path: "value", IgnoredBy: "scaler"}))},
			`x.a value is ignored by the rule "scaler"`, false},
		{"what is gone and ignored", Rules{}, changes("x.a", "x.b"), []drift.Finding{gone("x.a",
			attributes(drift.Attribute{IgnoredBy: "scaler"}), life(drift.Ignored)), changed("x.b")},
			`x.a is ignored by the rule "scaler"`, false},
		{"what is ignored and no plan acts upon", Rules{}, changes("x.a"), []drift.Finding{changed("x.a"),
			finding("x.b", drift.StateOnly, life(drift.Ignored))}, "", false},
		{"an attribute beside one that somebody knows", Rules{}, changes("x.a"), []drift.Finding{changed("x.a",
			attributes(drift.Attribute{Path: "note"}, drift.Attribute{Path: "value"}), func(f *drift.Finding) {
				f.Ack = &drift.Ack{By: "ana", Reason: "moving", Attributes: []string{"value"}, Until: now.Add(h)}
			})}, "x.a value is acknowledged by ana: moving", false},
		{"an acknowledgement that is over", Rules{}, changes("x.a"), []drift.Finding{changed("x.a",
			attributes(drift.Attribute{Path: "value"}), func(f *drift.Finding) {
				f.Ack = &drift.Ack{By: "ana", Reason: "moving", Attributes: []string{"value"}, Until: now}
			})}, "", false},
		{"one of another attribute", Rules{}, changes("x.a"), []drift.Finding{changed("x.a",
			attributes(drift.Attribute{Path: "note"}), func(f *drift.Finding) {
				f.Ack = &drift.Ack{By: "ana", Reason: "moving", Attributes: []string{"value"}}
			})}, "", false},
		{"another value than was applied", Rules{}, changes("x.a"), []drift.Finding{changed("x.a",
			attributes(drift.Attribute{Path: "a", Before: "1", After: "2", Wanted: "3"}))},
			"x.a a would get a value", false},
		{"a value that is known later", Rules{}, changes("x.a"), []drift.Finding{changed("x.a",
			attributes(drift.Attribute{Path: "a", Before: "1", After: "2", Wanted: drift.Unknown}))}, "", false},
		{"a replacement", Rules{}, replacing("x.a"), []drift.Finding{changed("x.a", replaced)},
			"x.a would be destroyed and made again", false},
		{"a replacement of one of two", Rules{}, &plan.Plan{Complete: true, Changes: append(changes("x.b").Changes,
			replacing("x.a").Changes...)}, []drift.Finding{changed("x.b"), changed("x.a", replaced)},
			"x.a would be destroyed and made again", false},
		{"a replacement that heal_only leaves out", Rules{Only: []Repair{Changed, Deleted}},
			replacing("x.a"), []drift.Finding{changed("x.a", replaced)}, "x.a would be destroyed", false},
		{"a replacement that is named", Rules{Only: []Repair{Changed, Replaced}}, replacing("x.a"),
			[]drift.Finding{changed("x.a", replaced)}, "", false},
		{"an update where only replacements are named", Rules{Only: []Repair{Replaced}}, changes("x.a"),
			[]drift.Finding{changed("x.a")}, "x.a is changed, which is not to be healed", false},
		{"a plan that replaces what a check saw updated", Rules{Only: []Repair{Changed, Replaced}},
			replacing("x.a"), []drift.Finding{changed("x.a")}, "x.a would be destroyed", false},
		{"a removal", Rules{Only: []Repair{Changed, Replaced}}, removing("x.b"),
			[]drift.Finding{changed("x.a"), changed("x.b")}, "the plan removes x.b", false},
		{"somebody knows", Rules{}, changes("x.a"), []drift.Finding{changed("x.a", acked)},
			"acknowledged by ana: moving the disk", false},
		{"no plan", Rules{}, nil, []drift.Finding{changed("x.a")}, "not complete", false},
		{"errored", Rules{}, &plan.Plan{Complete: true, Errored: true}, []drift.Finding{changed("x.a")},
			"not complete", false},
		{"actions", Rules{}, &plan.Plan{Complete: true, Invocations: []plan.Invocation{{}}},
			[]drift.Finding{changed("x.a")}, "actions", false},
		{"twice in a day", Rules{}, changes("x.a"), []drift.Finding{changed("x.a", healed(23*h, 12*h))}, "",
			false},
		{"three times in a day", Rules{}, changes("x.a"), []drift.Finding{changed("x.a", healed(23*h, 12*h, 2*h))},
			"x.a was begun 3 times", true},
		{"the first is long ago", Rules{}, changes("x.a"),
			[]drift.Finding{changed("x.a", healed(24*h, 12*h, 2*h))}, "", false},
		{"one of two", Rules{}, changes("x.a", "x.b"),
			[]drift.Finding{changed("x.a"), changed("x.b", healed(3*h, 2*h, h))}, "x.b was begun 3 times",
			true},
		{"cooling down", Rules{Cooldown: 2 * h}, changes("x.a"), []drift.Finding{changed("x.a", healed(h))},
			"not again before", false},
		{"cooled down", Rules{Cooldown: 2 * h}, changes("x.a"), []drift.Finding{changed("x.a", healed(2*h))}, "",
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
	var all []drift.Finding
	heals := 0
	for hour := range 30 {
		now := t0.Add(time.Duration(hour) * time.Hour)
		all, _ = drift.Rules{}.Update(all, drift.Check{Workspace: "w", Outcome: drift.Drifted},
			[]drift.Difference{differs(drift.Changed, "a")}, now)
		v := (Rules{}).Decide(p, all, now)
		if v.Heal {
			heals++
			all[0] = all[0].Healed(now)
			all, _ = drift.Rules{}.Update(all, drift.Check{Workspace: "w", Outcome: drift.Clean}, nil,
				now.Add(time.Minute))
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
