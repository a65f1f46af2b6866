package report_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/formats"
	"github.com/tfops/tfops/internal/plan"
)

// canaries are secrets that a caller forgot to take out.
var canaries = []string{"canary-plain", "canary-nested", "canary-list", "canary-long", "canary-url", "canary-wanted",
	"canary-ignored", "canary-whole", "31337000731"}

func secretNight() report.Input {
	in := cleanNight()
	in.Instance.URL = "https://ops:canary-url@tfops.example.com/r"
	secret := func(path string, before, after, wanted any) drift.Attribute {
		return drift.Attribute{Path: path, Before: before, After: after, Wanted: wanted, Sensitive: true}
	}
	nested := map[string]any{"user": "app", "auth": map[string]any{"password": "canary-nested",
		"tokens": []any{"canary-list", 31337000731}}}
	long := strings.Repeat("x", 300) + "canary-long" + strings.Repeat("y", 300)
	open := found("dns", "aws_db_instance.main", drift.Changed, drift.High, day/2, secret("password", "canary-plain",
		"canary-plain2", nil), secret("settings", nested, nil, nil),
		secret("blob", long, long+"z", nil), secret("master", nil, nil, "canary-wanted"))
	ignored := found("dns", "aws_ssm_parameter.x", drift.Changed, drift.High, day/2, secret("value", "canary-ignored",
		"canary-ignored2", nil))
	ignored.Life, ignored.Attributes[0].IgnoredBy = drift.Ignored, "quiet"
	whole := found("dns", "aws_secret.x", drift.Deleted, drift.High, day/2, secret("", nested, "canary-whole", nil))
	resolved := found("dns", "aws_secret.y", drift.Changed, drift.High, 3*day, secret("value", "canary-plain", nested,
		nil))
	resolved.Life, resolved.ResolvedAt = drift.Resolved, ago(day/24)
	input := found("dns", "output.dsn", drift.Input, drift.Low, day/2, secret("value", []any{nested}, []any{nested},
		map[string]any{"canary-nested": true}))
	in.Findings = append(in.Findings, open, ignored, whole, resolved, input)
	return in
}

// No secret is in a report, whatever it was made of, nor in any format.
func TestSecretsAreInNoFormat(t *testing.T) {
	r := report.Build(secretNight())
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{"the report itself": string(b)}
	for _, f := range formats.All() {
		docs[f.Name] = string(rendered(t, r, f.Name))
	}
	for name, doc := range docs {
		for _, c := range canaries {
			if i := strings.Index(doc, c); i >= 0 {
				t.Errorf("%s: %s", name, doc[max(0, i-60):min(len(doc), i+60)])
			}
		}
		if name != "sarif" && name != "junit" && !strings.Contains(doc, "aws_secret.y") ||
			!strings.Contains(doc, "aws_db_instance.main") || !strings.Contains(doc, plan.Sensitive) {
			t.Errorf("%s does not show the finding at all", name)
		}
	}
}

// The canaries would be seen: without the mark they are all there.
func TestCanariesWouldShow(t *testing.T) {
	in := secretNight()
	for i := range in.Findings {
		for j := range in.Findings[i].Attributes {
			in.Findings[i].Attributes[j].Sensitive = false
		}
	}
	r := report.Build(in)
	for _, f := range formats.All() {
		doc, seen := string(rendered(t, r, f.Name)), map[string]bool{}
		for _, c := range canaries {
			if strings.Contains(doc, c) {
				seen[c] = true
			}
		}
		if len(seen) < 3 {
			t.Errorf("%s shows %v alone of what it would", f.Name, slices.Sorted(maps.Keys(seen)))
		}
	}
}
