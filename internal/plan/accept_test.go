package plan_test

import (
	"slices"
	"testing"

	"github.com/tfops/tfops/internal/plan"
)

func TestAcceptance(t *testing.T) {
	a := plan.Change{Address: "x.a", Type: "x", Action: plan.Update}
	deposed := plan.Change{Address: "x.a", Type: "x", Action: plan.Delete, Deposed: "1234abcd"}
	b := plan.Change{Address: "w.b[0]", Type: "w", Action: plan.Delete}
	o := plan.Output{Name: "o", Action: plan.Update}
	for _, c := range []struct {
		name             string
		plan             plan.Plan
		addresses, types []string
		says             string
	}{
		{"nothing, whatever the engine says", plan.Plan{Applyable: true}, []string{}, []string{},
			"nothing to accept: the state holds what is there"},
		{"one", plan.Plan{Drift: []plan.Change{a}}, []string{"x.a"}, []string{"x"},
			"accepts 1 resource into the state"},
		{"two", plan.Plan{Drift: []plan.Change{a, b}}, []string{"x.a", "w.b[0]"}, []string{"w", "x"},
			"accepts 2 resources into the state"},
		{"one with a deposed object", plan.Plan{Drift: []plan.Change{a, deposed}}, []string{"x.a"}, []string{"x"},
			"accepts 1 resource into the state"},
		{"outputs alone", plan.Plan{Outputs: []plan.Output{o, o}}, []string{}, []string{},
			"accepts 2 outputs into the state"},
		{"both", plan.Plan{Drift: []plan.Change{a, b}, Outputs: []plan.Output{o}}, []string{"x.a", "w.b[0]"},
			[]string{"w", "x"}, "accepts 2 resources and 1 output into the state"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &c.plan
			if got := p.Acceptance(); got != c.says {
				t.Errorf("it says %q, want %q", got, c.says)
			}
			if !slices.Equal(p.Accepted(), c.addresses) || p.Accepted() == nil ||
				!slices.Equal(p.AcceptedTypes(), c.types) || p.AcceptedTypes() == nil {
				t.Errorf("it accepts %q of %q", p.Accepted(), p.AcceptedTypes())
			}
			if accepts := len(p.Drift)+len(p.Outputs) > 0; p.Accepts() != accepts {
				t.Errorf("it accepts something: %v", p.Accepts())
			}
		})
	}
}
