package config

import (
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/workspace"
)

// findings reads the rules for what drift checks find: what is left out of
// reports, and how bad the rest is.
func (r *reader) findings(c *Config, top block) {
	seen := names{r: r, what: "ignore rule", valid: workspace.ValidName()}
	for _, b := range top.blocks(ignoreKind) {
		rule := r.ignoreRule(c, b)
		if seen.add(b) {
			c.Ignore = append(c.Ignore, rule)
		}
	}
	seen = names{r: r, what: "severity rule", valid: workspace.ValidName()}
	blocks := top.blocks(severityKind)
	for i, b := range blocks {
		rule := r.severityRule(b)
		if seen.add(b) {
			c.Severity = append(c.Severity, rule)
		}
		if i+1 < len(blocks) && len(b.body.Attributes) == 1 && b.body.Attributes["level"] != nil {
			r.warnAt(b.header, "rules that are never asked", "Severity rule %q is for every finding, and the first that fits decides. Those below it have no effect: move it to the end.", b.name)
		}
	}
}

// ignoreRule reads an ignore block.
func (r *reader) ignoreRule(c *Config, b block) drift.Ignore {
	before := len(r.diags)
	address, ws := b.text("address", shown), b.text("workspace", shown)
	attributes, class := b.list("attributes"), b.words("class")
	r.checkAddresses("address", asItems(address))
	r.checkAddresses("attributes", attributes)
	r.checkNamePatterns(c, "workspace", asItems(ws))
	r.checkClasses(class)
	rule := drift.Ignore{Name: b.name, Address: address.val, Attributes: plain(attributes.val), Classes: classes(class), Workspace: ws.val,
		Labels: r.labelsOf(b)}
	if len(r.diags) == before && leavesOutAll(rule) {
		r.missingAt(b.header, "rule that leaves out everything", "Say what to ignore: at least one of address, attributes, class, workspace and labels, and not all that there is.")
	}
	reason := b.text("reason", shown)
	if reason.absent() || reason.set && strings.TrimSpace(reason.val) == "" {
		r.missingAt(b.header, "ignore rule without a reason", "Every report shows why: reason = \"…\"")
	}
	rule.Reason = strings.TrimSpace(reason.val)
	owner := b.text("owner", shown)
	if owner.set && strings.TrimSpace(owner.val) == "" {
		r.errorAt(owner.rng, "empty owner", "owner is who answers for the rule, for example \"ana\". Remove it if nobody does.")
	}
	rule.Owner = strings.TrimSpace(owner.val)
	rule.Expires = r.expires(b)
	return rule
}

// leavesOutAll reports whether nothing narrows the rule.
func leavesOutAll(rule drift.Ignore) bool {
	all := func(pattern string) bool { return strings.Trim(pattern, "*") == "" }
	every := !slices.ContainsFunc(drift.Classes(), func(c drift.Class) bool { return c != drift.Unchecked && !slices.Contains(rule.Classes, c) })
	return all(rule.Address) && all(rule.Workspace) && len(rule.Labels) == 0 && (len(rule.Classes) == 0 || every) &&
		(len(rule.Attributes) == 0 || slices.ContainsFunc(rule.Attributes, all))
}

// expires reads when a rule ends: at the end of a day in UTC, or at a moment.
func (r *reader) expires(b block) time.Time {
	f := b.text("expires", shown)
	if !f.set {
		return time.Time{}
	}
	end, err := time.Parse(time.DateOnly, f.val)
	if err == nil {
		end = end.AddDate(0, 0, 1)
	} else if end, err = time.Parse(time.RFC3339, f.val); err != nil {
		r.errorAt(f.rng, "not a date", "expires is a day, at the end of which (in UTC) the rule ends, or a moment: \"2027-01-31\" or \"2027-01-31T18:00:00+01:00\", in quotes.")
		return time.Time{}
	}
	if end = end.UTC(); end.Year() < 2000 || end.Year() > 9000 {
		r.errorAt(f.rng, "not a date", "expires is in another age. Remove it if the rule never ends.")
		return time.Time{}
	}
	if !end.After(r.now) {
		r.warnAt(f.rng, "expired rule", "Ignore rule %q ended at %s, so it leaves out nothing. Remove it, or give it another date.", b.name, end.Format(time.RFC3339))
	}
	return end
}

// severityRule reads a severity block.
func (r *reader) severityRule(b block) drift.SeverityRule {
	typ, attribute := b.text("type", shown), b.text("attribute", shown)
	action, class, level := b.text("action", shown), b.text("class", shown), b.text("level", shown)
	r.checkPatterns("type", "types of resources", "aws_iam_*", asItems(typ))
	r.checkAddresses("attribute", asItems(attribute))
	r.checkOneOf(action, "action", actions)
	r.checkOneOf(class, "class", texts(drift.Classes()))
	r.checkOneOf(level, "level", texts(drift.Severities()))
	if level.absent() {
		r.missingAt(b.header, "severity rule without a level", "Say how bad it is: level is one of %s.", orList(texts(drift.Severities())))
	}
	return drift.SeverityRule{Name: b.name, Type: typ.val, Attribute: attribute.val, Action: plan.Action(action.val), Class: drift.Class(class.val), Severity: drift.Severity(level.val)}
}

// actions are what a plan can do about a finding.
var actions = texts([]plan.Action{plan.Create, plan.Update, plan.Delete, plan.Replace, plan.ReadData, plan.Forget})

func texts[S ~string](list []S) []string {
	var out []string
	for _, s := range list {
		out = append(out, string(s))
	}
	return out
}

func classes(f field[[]item]) []drift.Class {
	var out []drift.Class
	for _, i := range f.val {
		out = append(out, drift.Class(i.val))
	}
	return out
}

// checkClasses checks what an ignore rule leaves out by its class.
func (r *reader) checkClasses(f field[[]item]) {
	hides := field[[]item]{set: f.set, rng: f.rng}
	for _, i := range f.val {
		if i.val == string(drift.Unchecked) {
			r.errorAt(i.rng, "failed checks can't be ignored", "\"unchecked\" says that nothing is known of a workspace. No rule hides that.")
			continue
		}
		hides.val = append(hides.val, i)
	}
	if len(hides.val) > 0 || len(f.val) == 0 {
		r.checkSome(hides, "class", slices.DeleteFunc(texts(drift.Classes()), func(c string) bool { return c == string(drift.Unchecked) }))
	}
}
