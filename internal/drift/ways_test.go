package drift_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/plan"
)

func standing(class drift.Class, attributes ...drift.Attribute) drift.Finding {
	if len(attributes) == 0 {
		attributes = []drift.Attribute{{Path: "ttl", Before: 300, After: 60}}
	}
	return drift.Finding{ID: drift.ID("net", "aws_eip.a", class), Workspace: "net", Life: drift.New,
		Difference: drift.Difference{Address: "aws_eip.a", Class: class, Action: plan.Update, Attributes: attributes}}
}

// commands lists the ways out as "way: command".
func commands(f drift.Finding) string {
	var out []string
	for _, w := range f.WaysOut(time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)) {
		out = append(out, string(w.Way)+": "+strings.ReplaceAll(w.Command, f.ID, "ID"))
	}
	return strings.Join(out, "\n")
}

func TestWaysOut(t *testing.T) {
	const (
		revert  = "revert: tfops sync net"
		codify  = "codify: tfops drift codify ID"
		accept  = "accept: tfops sync net --refresh-only"
		applied = "accept: tfops sync net"
		leave   = `ignore: tfops drift ack ID -m "why it may stay" --until 14d`
		again   = "check: tfops drift net"
	)
	for class, want := range map[drift.Class][]string{
		drift.Changed:       {revert, codify, accept, leave},
		drift.Deleted:       {revert, codify, accept, leave},
		drift.Conflict:      {revert, codify, leave},
		drift.PreApplied:    {applied, leave},
		drift.StateOnly:     {accept, leave},
		drift.Input:         {revert, leave},
		drift.PendingCommit: {revert},
		drift.Perpetual:     {leave},
		drift.CheckFailed:   {leave, again},
		drift.Unchecked:     {again},
	} {
		if got := commands(standing(class)); got != strings.Join(want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", class, got, strings.Join(want, "\n"))
		}
		f := standing(class)
		if f.Life = drift.Resolved; len(f.WaysOut(time.Now())) > 0 {
			t.Errorf("%s that is resolved needs no way out", class)
		}
		if f.Life = drift.Ignored; strings.Contains(commands(f), leave) {
			t.Errorf("%s that is ignored is offered to be ignored", class)
		}
		if f.Life = drift.Acknowledged; strings.Contains(commands(f), leave) != strings.Contains(strings.Join(want,
			"\n"), leave) {
			t.Errorf("%s that is acknowledged cannot be acknowledged for longer", class)
		}
	}
	if got := commands(standing(drift.Changed, drift.Attribute{Path: "password", Sensitive: true})); strings.Contains(
		got, "codify") {
		t.Errorf("a secret is offered to be written into code:\n%s", got)
	}
	if got := commands(standing(drift.Conflict, drift.Attribute{})); strings.Contains(got, "codify") {
		t.Errorf("a conflict over the whole resource is offered to be written into code:\n%s", got)
	}
	f := standing(drift.Changed)
	f.Workspace = "net; rm -rf ~ '$(id)'"
	if got := commands(f); !strings.Contains(got, `revert: tfops sync 'net; rm -rf ~ '\''$(id)'\'''`) {
		t.Errorf("a shell would run a name:\n%s", got)
	}
}

// The proposed rule names the workspace, what shows and no more, and a day.
func TestIgnoreRule(t *testing.T) {
	f := standing(drift.Changed, drift.Attribute{Path: "ttl"}, drift.Attribute{Path: `tags["a b"]`},
		drift.Attribute{Path: "size", IgnoredBy: "autoscaling"})
	f.Address, f.Owners = `module.net["${x}"].aws_eip.a (deposed 1234abcd)`, []string{"@acme/net", "@acme/all"}
	want := `ignore "module-net-x-aws-eip-a-deposed-1234abcd-` + f.ID[:6] + `" {
  workspace  = "net"
  address    = "module.net[\"$${x}\"].aws_eip.a"
  attributes = ["tags[\"a b\"]", "ttl"]
  class      = ["changed"]
  reason     = "why it may differ"
  expires    = "2027-02-19"
  owner      = "@acme/net"
}
`
	if got := f.IgnoreRule(time.Date(2026, 11, 22, 1, 0, 0, 0, time.FixedZone("", 2*3600))); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	var many []drift.Attribute
	for _, root := range []string{"tags", "labels"} {
		for _, k := range strings.Split("abcdefghijkl", "") {
			many = append(many, drift.Attribute{Path: root + "." + k})
		}
	}
	if got := standing(drift.Changed, many...).IgnoreRule(time.Now()); !strings.Contains(got, `attributes = ["labels", "tags"]`) {
		t.Errorf("many attributes are not named by what they are within:\n%s", got)
	}
	if got := standing(drift.Deleted, drift.Attribute{}).IgnoreRule(time.Now()); strings.Contains(got, "attributes") {
		t.Errorf("the resource as a whole has no attributes:\n%s", got)
	}
	for name, f := range map[string]drift.Finding{
		"unchecked":     standing(drift.Unchecked),
		"of no address": {ID: "x", Difference: drift.Difference{Class: drift.Changed}},
		"no address":    {ID: "x", Difference: drift.Difference{Address: `a]"[`, Class: drift.Changed}},
		"no path":       standing(drift.Changed, drift.Attribute{Path: `a["`}),
	} {
		if got := f.IgnoreRule(time.Now()); got != "" {
			t.Errorf("%s: no rule can be of it:\n%s", name, got)
		}
	}
}
