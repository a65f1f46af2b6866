package term_test

import (
	"bytes"
	"testing"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/term"
)

// The plan of a refresh shows all that changed outside, says that the state takes it over, and that nothing
// else happens; not that applying it would be of no use.
func TestRefreshOnlyPlan(t *testing.T) {
	changed := plan.Change{Address: "lab_thing.a", Mode: "managed", Type: "lab_thing", Name: "a", Action: plan.Update,
		Before: map[string]any{"value": "one"}, After: map[string]any{"value": "two"}}
	for _, c := range []struct {
		name string
		plan plan.Plan
		want string
	}{
		{"nothing", plan.Plan{RefreshOnly: true, Complete: true, Applyable: true},
			`No changes. Your infrastructure still matches the configuration.

The engine has checked that the real remote objects still match the result of
your most recent changes, and found no differences.
`},
		{"a resource", plan.Plan{RefreshOnly: true, Complete: true, EngineName: "terraform",
			Drift: []plan.Change{changed}}, `Note: Objects have changed outside of Terraform

Terraform detected the following changes made outside of Terraform since the
last "terraform apply" which may have affected this plan:

  # lab_thing.a has changed
  ~ resource "lab_thing" "a" {
      ~ value = "one" -> "two"
    }


This is a refresh-only plan, so Terraform will not take any actions to undo
these. If you were expecting these changes then you can apply this plan to
record the updated values in the Terraform state without changing any remote
objects.
`},
		{"an output", plan.Plan{RefreshOnly: true, Complete: true, EngineName: "terraform",
			Outputs: []plan.Output{{Name: "o", Action: plan.Update, Before: "a", After: "b"}}},
			`Changes to Outputs:
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
