package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
)

// untrusted are texts that providers and people make names of.
var untrusted = []string{"a", "${x}", "%{ if x }", "$${x}", "$$${x}", `"`, `\`, `\"`, "a\nb", "\x00\x1b[2J", "*", "?",
	"[a]", "**", "a b", "é", "日本", "\u202e", "'; rm -rf ~", `"]`, "}", "]", "'`$(x)`", "a.b", "a[0]", "\U0001F600",
	"#", "//", "/*", "<<EOT"}

// The rule that a finding proposes is read without a problem, leaves out that
// finding, and nothing of another workspace, resource, attribute or class.
func TestProposedRulesHold(t *testing.T) {
	now := time.Now()
	for _, key := range untrusted {
		for _, path := range []string{"ttl", fmt.Sprintf("tags[%s]", quoteKey(key)), ""} {
			for _, owner := range []string{"", "@acme/net", key} {
				f := drift.Finding{ID: drift.ID("net.a", key, drift.Changed), Workspace: "net.a", Life: drift.New,
					Owners: []string{owner},
					Difference: drift.Difference{Address: fmt.Sprintf("module.m[%s].aws_eip.a[0]", quoteKey(key)),
						Class: drift.Changed, Attributes: []drift.Attribute{{Path: path}}}}
				checkProposed(t, f, now)
			}
		}
	}
}

// quoteKey is a key as addresses have it.
func quoteKey(k string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(k) + `"`
}

func checkProposed(t *testing.T, f drift.Finding, now time.Time) {
	t.Helper()
	rule := f.IgnoreRule(now)
	if rule == "" {
		t.Fatalf("no rule for %q %q", f.Address, f.Attributes[0].Path)
	}
	c := load(t, "repository \"infra\" {\n url = \"https://git.example.com/infra.git\"\n}\nworkspace \"net.a\" {\n"+
		" repository = \"infra\"\n}\n"+rule, nil)
	if len(c.Ignore) != 1 {
		t.Fatalf("%d rules in\n%s", len(c.Ignore), rule)
	}
	near := func(change func(*drift.Finding)) drift.Finding {
		n := f
		n.Attributes = []drift.Attribute{{Path: f.Attributes[0].Path}}
		change(&n)
		return n
	}
	all := []drift.Finding{f, near(func(n *drift.Finding) { n.Workspace = "net-a" }),
		near(func(n *drift.Finding) { n.Address = "aws_eip.a" }),
		near(func(n *drift.Finding) { n.Address = strings.Replace(n.Address, `["`, `["x`, 1) }),
		near(func(n *drift.Finding) { n.Class = drift.Deleted })}
	if f.Attributes[0].Path == "ttl" {
		all = append(all, near(func(n *drift.Finding) { n.Attributes[0].Path = "size" }))
	}
	got, _ := drift.Apply(c.Ignore, all, now)
	for i, g := range got {
		if ignored := g.Life == drift.Ignored; ignored != (i == 0) {
			t.Errorf("finding %d, %q of %s: ignored %v by\n%s", i, g.Address, g.Workspace, ignored, rule)
		}
	}
}

// FuzzProposedRule holds it for any key, path and owner.
func FuzzProposedRule(f *testing.F) {
	for _, s := range untrusted {
		f.Add(s, "ttl", s)
		f.Add(s, s, "")
	}
	f.Fuzz(func(t *testing.T, address, path, owner string) {
		d := drift.Finding{ID: drift.ID("w", address, drift.Changed), Workspace: "w", Life: drift.New,
			Owners: []string{owner},
			Difference: drift.Difference{Address: address, Class: drift.Changed,
				Attributes: []drift.Attribute{{Path: path}}}}
		rule := d.IgnoreRule(time.Now())
		if rule == "" {
			return
		}
		c, err := Load(write(t, "repository \"infra\" {\n url = \"https://git.example.com/infra.git\"\n}\n"+
			"workspace \"w\" {\n repository = \"infra\"\n}\n"+rule, nil))
		if err != nil {
			t.Fatalf("%v\n%s", err, rule)
		}
		if len(c.Ignore) != 1 || c.Ignore[0].Workspace != "w" {
			t.Errorf("not one rule for the workspace:\n%s", rule)
		}
	})
}
