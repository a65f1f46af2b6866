package reporting

import (
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/plan"
)

// ignoreRule reads an ignore block.
func (r reader) ignoreRule(b decode.Block) drift.Ignore {
	before := r.Found()
	address, ws := b.Text("address"), b.Text("workspace")
	attributes, class := b.List("attributes"), b.OneOrMore("class")
	b.Addresses("address", decode.AsList(address))
	b.Addresses("attributes", attributes)
	r.workspacePatterns(b, "workspace", decode.AsList(ws))
	r.checkIgnored(b, class)
	rule := drift.Ignore{Name: b.Name, Address: address.Val, Attributes: decode.Values[string](attributes.Val),
		Classes: decode.Values[drift.Class](class.Val), Workspace: ws.Val, Labels: b.RequiredLabels()}
	if r.Found() == before && IgnoresAll(rule) {
		r.Missingf(b.Header, "rule that leaves out everything", "Say what to ignore: at least one of address, "+
			"attributes, class, workspace and labels, and not all that there is.")
	}
	reason := b.Text("reason")
	if reason.Absent() || reason.Set && strings.TrimSpace(reason.Val) == "" {
		r.Missingf(b.Header, "ignore rule without a reason", "Every report shows why: reason = \"…\"")
	}
	rule.Reason = strings.TrimSpace(reason.Val)
	owner := b.Text("owner")
	if owner.Set && strings.TrimSpace(owner.Val) == "" {
		r.Errorf(owner.Range, "empty owner",
			"owner is who answers for the rule, for example \"ana\". Remove it if nobody does.")
	}
	rule.Owner = strings.TrimSpace(owner.Val)
	rule.Expires = r.expires(b)
	return rule
}

// ignorable are the classes that a rule may leave out.
func ignorable() []drift.Class {
	return slices.DeleteFunc(slices.Clone(drift.Classes()), func(c drift.Class) bool { return c == drift.Unchecked })
}

// IgnoresAll reports whether nothing narrows the rule.
func IgnoresAll(rule drift.Ignore) bool {
	all := func(pattern string) bool { return strings.Trim(pattern, "*") == "" }
	some := slices.ContainsFunc(ignorable(), func(c drift.Class) bool { return !slices.Contains(rule.Classes, c) })
	return all(rule.Address) && all(rule.Workspace) && len(rule.Labels) == 0 && (len(rule.Classes) == 0 || !some) &&
		(len(rule.Attributes) == 0 || slices.ContainsFunc(rule.Attributes, all))
}

// checkIgnored checks what an ignore rule leaves out by its class.
func (r reader) checkIgnored(b decode.Block, f decode.Field[[]decode.Item]) {
	rest := f
	rest.Val = nil
	for _, i := range f.Val {
		if i.Val == string(drift.Unchecked) {
			r.Errorf(i.Range, "failed checks can't be ignored",
				"\"unchecked\" says that nothing is known of a workspace. No rule hides that.")
			continue
		}
		rest.Val = append(rest.Val, i)
	}
	if len(rest.Val) > 0 || len(f.Val) == 0 {
		decode.SomeOf(b, rest, "class", ignorable()...)
	}
}

// expires reads when a rule ends: at the end of a day in UTC, or at a moment.
func (r reader) expires(b decode.Block) time.Time {
	const noDate = "not a date"
	f := b.Text("expires")
	if !f.Set {
		return time.Time{}
	}
	end, err := time.Parse(time.DateOnly, f.Val)
	if err == nil {
		end = end.AddDate(0, 0, 1)
	} else if end, err = time.Parse(time.RFC3339, f.Val); err != nil {
		r.Errorf(f.Range, noDate, "expires is a day, at the end of which (in UTC) the rule ends, or a moment: "+
			"\"2027-01-31\" or \"2027-01-31T18:00:00+01:00\", in quotes.")
		return time.Time{}
	}
	if end = end.UTC(); end.Year() < 2000 || end.Year() > 9000 {
		r.Errorf(f.Range, noDate, "expires is in another age. Remove it if the rule never ends.")
		return time.Time{}
	}
	if !end.After(r.Now) {
		r.Warnf(f.Range, "expired rule", "Ignore rule %q ended at %s, so it leaves out nothing. "+
			"Remove it, or give it another date.", b.Name, end.Format(time.RFC3339))
	}
	return end
}

// Actions are what a plan can do about a finding.
var Actions = []plan.Action{plan.Create, plan.Update, plan.Delete, plan.Replace, plan.ReadData, plan.Forget}

func (r reader) severityRules(blocks []decode.Block) []drift.SeverityRule {
	rules := decode.Each(blocks, decode.WorkspaceNames("severity rule"), r.severityRule)
	for i, b := range blocks {
		if i+1 < len(blocks) && len(b.Body.Attributes) == 1 && b.Has("level") {
			r.Warnf(b.Header, "rules that are never asked", "Severity rule %q is for every finding, and the "+
				"first that fits decides. Those below it have no effect: move it to the end.", b.Name)
		}
	}
	return rules
}

// severityRule reads a severity block.
func (r reader) severityRule(b decode.Block) drift.SeverityRule {
	typ, attribute := b.Text("type"), b.Text("attribute")
	b.Patterns("type", "types of resources", "aws_iam_*", decode.AsList(typ))
	b.Addresses("attribute", decode.AsList(attribute))
	level := decode.OneOf(b, "level", drift.Severities()...)
	if level.Absent() {
		r.Missingf(b.Header, "severity rule without a level", "Say how bad it is: level is one of %s.",
			problems.Or(decode.Strings(drift.Severities())))
	}
	return drift.SeverityRule{Name: b.Name, Type: typ.Val, Attribute: attribute.Val,
		Action:   plan.Action(decode.OneOf(b, "action", Actions...).Val),
		Class:    drift.Class(decode.OneOf(b, "class", drift.Classes()...).Val),
		Severity: drift.Severity(level.Val)}
}
