package classify_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/plan"
)

// fleet is plan JSON of so many resources, of which every tenth drifted.
func fleet(t testing.TB, resources int) *plan.Plan {
	t.Helper()
	value := func(i int, by string) map[string]any {
		tags := map[string]any{}
		for k := range 10 {
			tags[fmt.Sprintf("tag%d", k)] = fmt.Sprintf("value %d", i)
		}
		tags["tag3"] = by
		var rules []any
		for k := range 8 {
			rules = append(rules, map[string]any{"port": k, "cidr": []any{"10.0.0.0/8", fmt.Sprintf("10.%d.0.0/16", k)},
				"text": by})
		}
		return map[string]any{"id": fmt.Sprint(i), "name": fmt.Sprintf("n%d", i), "tags": tags, "rule": rules,
			"size": i, "policy": `{"Statement":[]}`}
	}
	entry := func(i int, actions []string, before, after any) map[string]any {
		return map[string]any{"address": fmt.Sprintf("module.m[%d].x_y.r[%d]", i%50, i),
			"module_address": fmt.Sprintf("module.m[%d]", i%50), "mode": "managed",
			"type": "x_y", "name": "r", "provider_name": "registry.terraform.io/a/x",
			"change": map[string]any{"actions": actions, "before": before, "after": after,
				"after_unknown": map[string]any{}, "before_sensitive": map[string]any{},
				"after_sensitive": map[string]any{}}}
	}
	var drifts, changes []any
	for i := range resources {
		if i%10 != 0 {
			changes = append(changes, entry(i, []string{"no-op"}, value(i, "x"), value(i, "x")))
			continue
		}
		drifts = append(drifts, entry(i, []string{"update"}, value(i, "x"), value(i, "hand")))
		changes = append(changes, entry(i, []string{"update"}, value(i, "hand"), value(i, "x")))
	}
	raw, err := json.Marshal(map[string]any{"format_version": "1.2", "terraform_version": "1.11.4", "complete": true,
		"resource_drift": drifts, "resource_changes": changes})
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := plan.Read(raw, "sha256:x", plan.Known{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// BenchmarkClassify is a workspace of 5,000 resources with 500 that drifted,
// beside a plan of HEAD and the newest apply.
func BenchmarkClassify(b *testing.B) {
	e := classify.Evidence{Applied: fleet(b, 5000), Head: fleet(b, 5000), LastApply: fleet(b, 5000)}
	for b.Loop() {
		if found := classify.Differences(e); len(found) != 500 {
			b.Fatalf("%d differences", len(found))
		}
	}
}

// BenchmarkUpdate is what comes after it: 500 findings followed, ruled and graded.
func BenchmarkUpdate(b *testing.B) {
	found := classify.Differences(classify.Evidence{Applied: fleet(b, 5000)})
	rules := drift.Rules{Ignore: []drift.Ignore{{Name: "r", Address: "module.m[3]", Attributes: []string{"tags.*"}}}}
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	check := drift.Check{Workspace: "w", Outcome: drift.Drifted}
	known, _ := rules.Update(nil, check, found, now)
	for b.Loop() {
		if all, _ := rules.Update(known, check, found, now); len(all) != 500 {
			b.Fatalf("%d findings", len(all))
		}
	}
}
