package term_test

import (
	"bytes"
	"testing"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/term"
)

// The plan of a refresh says what the state takes over, and that nothing else
// happens; not that applying it would be of no use.
func TestRefreshOnlyPlan(t *testing.T) {
	changed := plan.Change{Address: "lab_thing.a", Mode: "managed", Type: "lab_thing", Name: "a", Action: plan.Update,
		Before: map[string]any{"value": "one"}, After: map[string]any{"value": "two"}}
	for _, c := range []struct {
		name string
		plan plan.Plan
		want string
	}{
		{"nothing", plan.Plan{RefreshOnly: true, Complete: true, Applyable: true},
			"No changes. The state holds what is there in the world already.\n"},
		{"a resource", plan.Plan{RefreshOnly: true, Complete: true, EngineName: "terraform",
			Drift: []plan.Change{changed}}, `Note: Objects have changed outside of Terraform

Terraform detected the following changes made outside of Terraform since the last apply:

  # lab_thing.a has changed
  ~ resource "lab_thing" "a" {
      ~ value = "one" -> "two"
    }

Plan: accepts 1 resource into the state. Nothing in the world is changed.
What is above is recorded as it is there now. Where the configuration sets
something else, the next plan wants to put it back.
`},
		{"an output", plan.Plan{RefreshOnly: true, Complete: true, EngineName: "terraform",
			Outputs: []plan.Output{{Name: "o", Action: plan.Update, Before: "a", After: "b"}}},
			`Plan: accepts 1 output into the state. Nothing in the world is changed.

Changes to Outputs:
  ~ o = "a" -> "b"

You can apply this plan to save these new output values to the Terraform
state, without changing any real infrastructure.
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			term.New(&out, &out, term.Options{Color: term.ColorNever}).Plan(nil, &c.plan)
			if out.String() != c.want {
				t.Errorf("it prints\n%s\nwant\n%s", out.String(), c.want)
			}
		})
	}
}
