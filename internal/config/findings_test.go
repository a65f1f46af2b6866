package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/healing"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/workspace"
)

const oneWorkspace = valid + "workspace \"prod-a\" {\n  repository = \"infra\"\n}\n"

func TestRulesForFindings(t *testing.T) {
	c := load(t, oneWorkspace+`
ignore "all-of-it" {
  address    = "module.web.aws_instance.web*"
  attributes = ["tags", "tags.*"]
  class      = ["changed", "deleted"]
  workspace  = "prod-*"
  labels     = { tier = "prod" }
  reason     = "  The autoscaler does it.  "
  expires    = "2097-01-31"
  owner      = " ana "
}
ignore "one-class" {
  class   = "state_only"
  reason  = "x"
  expires = "2097-01-31T18:00:00+01:00"
}
severity "first" {
  type      = "aws_iam_*"
  attribute = "policy"
  action    = "replace"
  class     = "changed"
  level     = "critical"
}
severity "last" { level = "low" }
`, nil)
	wantIgnore := []drift.Ignore{
		{Name: "all-of-it", Address: "module.web.aws_instance.web*", Attributes: []string{"tags", "tags.*"},
			Classes:   []drift.Class{drift.Changed, drift.Deleted},
			Workspace: "prod-*", Labels: map[string]string{"tier": "prod"}, Reason: "The autoscaler does it.",
			Owner:   "ana",
			Expires: time.Date(2097, 2, 1, 0, 0, 0, 0, time.UTC)},
		{Name: "one-class", Classes: []drift.Class{drift.StateOnly}, Labels: map[string]string{}, Reason: "x",
			Expires: time.Date(2097, 1, 31, 17, 0, 0, 0, time.UTC)},
	}
	if !reflect.DeepEqual(c.Ignore, wantIgnore) {
		t.Errorf("got  %+v\nwant %+v", c.Ignore, wantIgnore)
	}
	wantSeverity := []drift.SeverityRule{
		{Name: "first", Type: "aws_iam_*", Attribute: "policy", Action: plan.Replace, Class: drift.Changed,
			Severity: drift.Critical},
		{Name: "last", Severity: drift.Low},
	}
	if !reflect.DeepEqual(c.Severity, wantSeverity) {
		t.Errorf("got  %+v\nwant %+v", c.Severity, wantSeverity)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings %v", c.Warnings)
	}
}

// A rule that ends on a day holds through the whole of it, in UTC.
func TestExpiresAtTheEndOfTheDay(t *testing.T) {
	rule := load(t, oneWorkspace+"ignore \"x\" {\n address = \"a.b\"\n reason = \"x\"\n expires = \"2097-12-31\"\n}",
		nil).Ignore[0]
	for at, want := range map[string]bool{"2097-12-31T23:59:59Z": false, "2098-01-01T00:00:00Z": true,
		"2098-01-01T00:30:00+01:00": false} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if rule.Expired(now) != want {
			t.Errorf("at %s it has expired: %v", at, !want)
		}
	}
}

// What one part of a rule leaves open, another may narrow.
func TestLeavesOutEverything(t *testing.T) {
	most := `class = ["changed", "deleted", "follows", "conflict", "pre_applied", "state_only", "input", ` +
		`"pending_commit", "applied_elsewhere", "half_applied", "perpetual"]`
	for body, everything := range map[string]bool{
		``:                                       true,
		`address = "*"`:                          true,
		`address = "**"`:                         true,
		`workspace = "*"`:                        true,
		`attributes = ["tags", "**"]`:            true,
		most[:len(most)-1] + `, "check_failed"]`: true,
		`labels = {}`:                            true,
		most:                                     false,
		`address = "*.a"`:                        false,
		`workspace = "p*"`:                       false,
		`attributes = ["tags"]`:                  false,
		`labels = { tier = "prod" }`:             false,
		"address = \"*\"\n attributes = [\"tags\"]": false,
		"address = \"*\"\n class = \"input\"":       false,
		"workspace = \"*\"\n labels = { a = 1 }":    false,
	} {
		src := oneWorkspace + "ignore \"x\" {\n reason = \"x\"\n " + body + "\n}\n"
		if !everything {
			load(t, src, nil)
			continue
		}
		lines, _ := mistakes(t, src)
		expect(t, lines, ":7:1: rule that leaves out everything")
	}
}

// Each attribute of drift comes from the workspace, else from the defaults;
// switched off is not the same as not said.
func TestHealingIsMerged(t *testing.T) {
	const defaults = "defaults {\n repository = \"infra\"\n drift {\n schedule = \"@daily\"\n" +
		" timezone = \"Asia/Tokyo\"\n heal = true\n heal_only = [\"changed\"]\n heal_cooldown = \"3h\"\n }\n}\n"
	merged := func(schedule, timezone string, heal bool, only healing.Repair, cooldown time.Duration) Drift {
		return Drift{Schedule: schedule, Timezone: timezone, Heal: heal, HealOnly: []healing.Repair{only},
			HealCooldown: cooldown}
	}
	for drifts, want := range map[string]Drift{
		``:                          merged("@daily", "Asia/Tokyo", true, healing.Changed, 3*time.Hour),
		`heal = false`:              merged("@daily", "Asia/Tokyo", false, healing.Changed, 3*time.Hour),
		`heal = null`:               merged("@daily", "Asia/Tokyo", true, healing.Changed, 3*time.Hour),
		`heal_only = ["deleted"]`:   merged("@daily", "Asia/Tokyo", true, healing.Deleted, 3*time.Hour),
		`heal_cooldown = "1m"`:      merged("@daily", "Asia/Tokyo", true, healing.Changed, time.Minute),
		`heal_cooldown = "2d"`:      merged("@daily", "Asia/Tokyo", true, healing.Changed, 48*time.Hour),
		`schedule = "0 2 * * *"`:    merged("0 2 * * *", "Asia/Tokyo", true, healing.Changed, 3*time.Hour),
		`timezone = "Asia/Kolkata"`: merged("@daily", "Asia/Kolkata", true, healing.Changed, 3*time.Hour),
	} {
		src := valid + defaults + "workspace \"a\" {\n drift {\n" + drifts + "\n}\n}\nworkspaces \"live\" {\n" +
			" dirs = [\"live/*\"]\n name = parts[1]\n drift {\n" + drifts + "\n}\n}\n"
		c := load(t, src, nil)
		if got := c.Workspaces[0].Drift; !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot  %+v\nwant %+v", drifts, got, want)
		}
		made, err := c.Generators[0].Make(workspace.Origin{Dir: "live/x", Branch: "main"})
		if err != nil || !reflect.DeepEqual(made.Drift, want) {
			t.Errorf("%s: made with %+v, %v", drifts, made.Drift, err)
		}
		if len(c.Warnings) != 0 {
			t.Errorf("%s: warnings %v", drifts, c.Warnings)
		}
	}
	if got := load(t, oneWorkspace, nil).Workspaces[0].Drift; !reflect.DeepEqual(got,
		Drift{Timezone: "UTC", HealCooldown: time.Hour}) {
		t.Errorf("without a block: %+v", got)
	}
}

func TestDriftConcurrency(t *testing.T) {
	for body, want := range map[string]int{"concurrency = 1": 1, "concurrency = 9": 4, "concurrency = 2\n" +
		" drift_concurrency = 7": 7, "drift_concurrency = 1": 1} {
		if got := load(t, oneWorkspace+"runner {\n "+body+"\n}", nil).Runner.DriftConcurrency; got != want {
			t.Errorf("%s: %d, want %d", body, got, want)
		}
	}
	if got := load(t, oneWorkspace, nil).Runner; got.DriftConcurrency != max(got.Concurrency/2, 1) {
		t.Errorf("%+v", got)
	}
}

// Healing that cannot come about is said, once, and where it can be put right.
func TestWarningsOfHealing(t *testing.T) {
	block := func(kind, body string) string {
		return kind + " {\n repository = \"infra\"\n" + map[bool]string{true: " dirs = [\"live/*\"]\n" +
			" name = parts[1]\n"}[strings.HasPrefix(kind, "workspaces")] + body + "\n}\n"
	}
	for _, kind := range []string{`workspace "a"`, `workspaces "live"`} {
		for body, want := range map[string]string{
			"drift {\n heal = true\n schedule = \"@daily\"\n}":                           "",
			"drift {\n heal = true\n}":                                                   "healing without a schedule",
			"drift {\n heal = true\n schedule = \"\"\n}":                                 "healing without a schedule",
			"apply = \"never\"\ndrift {\n heal = true\n schedule = \"@daily\"\n}":        "healing without applies",
			"apply = \"never\"\ndrift {\n schedule = \"@daily\"\n}":                      "",
			"drift {\n heal_only = [\"deleted\"]\n schedule = \"@daily\"\n}":             "heal_only has no effect",
			"drift {\n heal = false\n heal_cooldown = \"2h\"\n schedule = \"@daily\"\n}": "heal_cooldown has no effect",
		} {
			var got []string
			for _, w := range load(t, valid+block(kind, body), nil).Warnings {
				got = append(got, w.Summary)
			}
			if strings.Join(got, ",") != want {
				t.Errorf("%s with %s: warnings %q, want %q", kind, body, got, want)
			}
		}
	}
	// Of the defaults it is said where it has an effect.
	all := load(t, valid+"defaults {\n repository = \"infra\"\n drift {\n heal = true\n }\n}\nworkspace \"a\" {\n"+
		" dir = \"a\"\n}\nworkspace \"b\" {\n dir = \"b\"\n drift {\n schedule = \"@daily\"\n }\n}", nil)
	if len(all.Warnings) != 1 || all.Warnings[0].Summary != "healing without a schedule" ||
		all.Warnings[0].Subject.Start.Line != 10 {
		t.Errorf("%v", all.Warnings)
	}
	c := load(t, valid+"defaults {\n repository = \"infra\"\n drift {\n heal = true\n schedule = \"@daily\"\n }\n}\n"+
		"workspace \"a\" {\n apply = \"never\"\n dir = \"a\"\n}\nworkspace \"b\" {\n dir = \"b\"\n drift {\n"+
		" schedule = \"\"\n }\n}\nworkspace \"c\" {\n dir = \"c\"\n}", nil)
	if len(c.Warnings) != 1 || c.Warnings[0].Subject.Start.Line != 11 {
		t.Errorf("%v", c.Warnings)
	}
	if i := slices.IndexFunc(c.Workspaces, func(w Workspace) bool { return !w.Drift.Heal }); i >= 0 {
		t.Errorf("%+v", c.Workspaces[i])
	}
}
