package changes

import (
	"testing"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/plan"
)

// A patch is enough only when a plan leaves alone all that the finding is
// about, also what could not be codified; another difference of the same
// resource, and what a rule leaves out, are no matter of the patch.
func TestAPatchIsEnough(t *testing.T) {
	type object = map[string]any
	type attributes = []drift.Attribute
	value, secret := drift.Attribute{Path: "value", Before: "a", After: "b"},
		drift.Attribute{Path: "secret", Sensitive: true}
	left := secret
	left.IgnoredBy = "rotated"
	still := func(before, after object, masked ...string) *plan.Plan {
		return &plan.Plan{Complete: true,
			Drift: []plan.Change{{Address: "x.a", Mode: "managed", Type: "x", Action: plan.Update, Before: after,
				After: before, SensitiveChanged: masked}},
			Changes: []plan.Change{{Address: "x.a", Mode: "managed", Type: "x", Action: plan.Update, Before: before,
				After: after, SensitiveChanged: masked}}}
	}
	away := func(address string) *plan.Plan {
		return &plan.Plan{Complete: true, Changes: []plan.Change{{Address: address, Mode: "managed", Type: "x",
			Action: plan.Delete, Before: object{"value": "b"}}}}
	}
	found := func(address string, action plan.Action, paths ...string) drift.Finding {
		f := drift.Finding{Difference: drift.Difference{Address: address, Action: action}, Life: drift.Ongoing}
		for _, p := range paths {
			f.Attributes = append(f.Attributes, drift.Attribute{Path: p})
		}
		return f
	}
	gone := found("x.b", plan.Delete, "")
	gone.Life = drift.Resolved
	findings := []drift.Finding{found("x.a", plan.Update, "value", "secret"), found("x.a", "", "note"),
		found("x.known", plan.Delete, ""), gone}
	masked := object{"value": "b", "secret": plan.Sensitive}
	for _, c := range []struct {
		name string
		of   attributes
		p    *plan.Plan
		why  string
	}{
		{"nothing is changed any more", attributes{value}, &plan.Plan{Complete: true}, ""},
		{"it is changed all the same", attributes{value}, still(object{"value": "b"}, object{"value": "a"}),
			"with the patch a plan still changes x.a.value (changed)"},
		{"what could not be codified is left", attributes{secret, value}, still(masked, masked, "secret"),
			"with the patch a plan still changes x.a.secret (changed)"},
		{"what a rule leaves out is left", attributes{left, value}, still(masked, masked, "secret"), ""},
		{"a rule leaves out all of it", attributes{left}, still(masked, masked, "secret"),
			"with the patch a plan still changes x.a.secret (changed)"},
		{"another attribute differs, as it did", attributes{value},
			still(object{"note": "b"}, object{"note": "a"}), ""},
		{"another attribute differs anew", attributes{value}, still(object{"size": "b"}, object{"size": "a"}),
			"with the patch a plan changes what no check found before: x.a.size (changed)"},
		{"another resource is deleted, as it was", attributes{value}, away("x.known"), ""},
		{"another resource is deleted anew", attributes{value}, away("x.b"),
			"with the patch a plan changes what no check found before: x.b (delete)"},
		{"the plan stopped half-way", attributes{value}, &plan.Plan{}, "the plan with the patch is not complete"},
		{"there is no plan", attributes{value}, nil, "there is no plan with the patch"},
	} {
		d := drift.Difference{Address: "x.a", Class: drift.Changed, Attributes: c.of}
		if why, gone := Gone(d, c.p, Known(d, findings)); why != c.why || gone != (c.why == "") {
			t.Errorf("%s: %q, gone %v, want %q", c.name, why, gone, c.why)
		}
	}
}
