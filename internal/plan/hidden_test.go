package plan

import (
	"slices"
	"testing"
)

func TestReadListsWhatIsHidden(t *testing.T) {
	raw := `{
  "format_version": "1.2", "terraform_version": "1.11.4",
  "variables": {"v": {"value": "sensitive-variable"}, "open": {"value": "open-variable"}},
  "configuration": {"root_module": {"variables": {"v": {"sensitive": true}, "open": {}}}},
  "resource_changes": [
    {"address": "a.b", "mode": "managed", "type": "a", "name": "b", "change": {"actions": ["no-op"],
      "before": {"p": "unchanged-secret", "q": "unchanged-value"}, "after": {"p": "unchanged-secret", "q": "unchanged-value"},
      "before_sensitive": {"p": true}, "after_sensitive": {"p": true}}},
    {"address": "a.c", "mode": "managed", "type": "a", "name": "c", "change": {"actions": ["create"],
      "before": null, "after": {"p": ["planned-secret", "short"]}, "before_sensitive": false, "after_sensitive": {"p": true}}}
  ],
  "output_changes": {"o": {"actions": ["create"], "before": null, "after": "output-secret", "before_sensitive": true, "after_sensitive": true}},
  "prior_state": {"format_version": "1.0", "values": {"root_module": {"child_modules": [{"resources": [
    {"address": "data.d.e", "mode": "data", "values": {"s": "data-secret", "n": 1234567890123456789, "o": "data-value"}, "sensitive_values": {"s": true, "n": true}},
    {"address": "data.d.f", "mode": "data", "values": {"o": "other-value"}}
  ]}]}}}
}`
	p, hidden, err := Read([]byte(raw), "sha256:0", Known{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1234567890123456789", "sensitive-variable", "unchanged-secret", "planned-secret", "output-secret",
		"data-secret"}
	if !slices.Equal(hidden, want) {
		t.Errorf("hidden: %q, want %q", hidden, want)
	}
	if len(p.Changes) != 1 || p.Counts.Add != 1 {
		t.Errorf("the plan: %+v", p)
	}
}
