package drift

import (
	"slices"
	"time"

	"github.com/tfops/tfops/internal/drift/glob"
)

// Ignore is a rule that leaves differences out of reports. It never changes
// what a plan would do. What is empty is any.
type Ignore struct {
	Name       string            `json:"name"`
	Address    string            `json:"address,omitempty"`    // glob over addresses
	Attributes []string          `json:"attributes,omitempty"` // globs over attribute paths, each with all beneath it
	Classes    []Class           `json:"classes,omitempty"`
	Workspace  string            `json:"workspace,omitempty"` // glob over workspace names
	Labels     map[string]string `json:"labels,omitempty"`    // that the workspace must have; see Concerns
	Reason     string            `json:"reason"`
	Expires    time.Time         `json:"expires,omitzero"` // zero: never
	Owner      string            `json:"owner,omitempty"`  // who answers for the rule
}

// Concerns reports whether the rule may be of a workspace's findings. A
// Finding knows no labels: whoever gives rules to Apply leaves out those that
// do not concern the workspace.
func (r Ignore) Concerns(workspace string, labels map[string]string) bool {
	for k, v := range r.Labels {
		if have, ok := labels[k]; !ok || have != v {
			return false
		}
	}
	return glob.MatchName(r.Workspace, workspace)
}

// Expired reports whether the rule holds no more.
func (r Ignore) Expired(now time.Time) bool { return !r.Expires.IsZero() && !now.Before(r.Expires) }

// ruling is a rule made ready to be asked many times.
type ruling struct {
	Ignore
	address    glob.Glob
	attributes []glob.Glob
}

func rulings(rules []Ignore, now time.Time) []ruling {
	var out []ruling
	for _, r := range rules {
		if r.Expired(now) {
			continue
		}
		l := ruling{Ignore: r, address: glob.New(r.Address, true)}
		for _, a := range r.Attributes {
			l.attributes = append(l.attributes, glob.New(a, false))
		}
		out = append(out, l)
	}
	return out
}

// of reports whether the rule is of a finding at all.
func (r ruling) of(f Finding) bool {
	return f.Class != Unchecked && // that nothing is known is never left out
		(len(r.Classes) == 0 || slices.Contains(r.Classes, f.Class)) &&
		glob.MatchName(r.Workspace, f.Workspace) && (r.Address == "" || r.address.Matches(f.Address))
}

// attribute reports whether the rule is of what differs at a path. A rule of attributes is none of a resource
// as a whole, which is gone or to be made.
func (r ruling) attribute(f *Finding, path string) bool {
	if len(r.attributes) > 0 && path == "" && f.Type != "" {
		return false
	}
	return len(r.attributes) == 0 || slices.ContainsFunc(r.attributes,
		func(g glob.Glob) bool { return g.Matches(path) })
}

// Apply marks the attributes that a rule leaves out, by the first rule that
// does, and moves findings into and out of being ignored; it ends
// acknowledgements, too, whose time is over. A rule that has expired or is not
// there any more brings back what it left out. Resolved findings stay as they
// are. The findings are new; those passed in are not changed.
func Apply(rules []Ignore, findings []Finding, now time.Time) ([]Finding, []Event) {
	ready := rulings(rules, now)
	out := make([]Finding, len(findings))
	var events []Event
	for i, f := range findings {
		out[i] = f
		if !f.Open() {
			continue
		}
		from := f.Life
		f.Attributes = slices.Clone(f.Attributes)
		shown, text := f.rule(ready), ""
		switch {
		case len(f.showing()) == 0:
			f.Life, text = from.take(ruledOut), "left out by the rule "+f.ignoredBy()
		case len(shown) > 0 && slices.ContainsFunc(shown, func(p string) bool { return !f.Ack.Covers(p, now) }):
			f.Life, text = from.take(ruleLeft), "no rule leaves it out any more: "+names(shown)
		case from == Ignored: // what shows is acknowledged
			f.Life, text = from.take(ruleLeft), "no rule leaves it out any more"
		}
		f, text = f.settle(now, text)
		if out[i] = f; f.Life != from {
			events = append(events, moved(f, from, now, text))
		}
	}
	return out, events
}

// rule marks the attributes, and lists those that show and did not before.
func (f *Finding) rule(ready []ruling) (shown []string) {
	for i := range f.Attributes {
		a := &f.Attributes[i]
		was := a.IgnoredBy
		a.IgnoredBy = ""
		for _, r := range ready {
			if r.of(*f) && r.attribute(f, a.Path) {
				a.IgnoredBy = r.Name
				break
			}
		}
		if was != "" && a.IgnoredBy == "" {
			shown = append(shown, a.Path)
		}
	}
	return shown
}

// LeftOut is what one rule leaves out of a report.
type LeftOut struct {
	Rule       Ignore   `json:"rule"`
	Expired    bool     `json:"expired,omitempty"`
	Findings   []string `json:"findings"` // IDs, sorted
	Attributes int      `json:"attributes"`
}

// LeftOutBy lists for every rule what it leaves out of the open findings, those
// that leave out nothing and expired ones too.
func LeftOutBy(rules []Ignore, findings []Finding, now time.Time) []LeftOut {
	out := make([]LeftOut, len(rules))
	for i, r := range rules {
		out[i] = LeftOut{Rule: r, Expired: r.Expired(now), Findings: []string{}}
		for _, f := range findings {
			n := 0
			for _, a := range f.Attributes {
				if a.IgnoredBy == r.Name && f.Open() {
					n++
				}
			}
			if n > 0 {
				out[i].Attributes += n
				out[i].Findings = append(out[i].Findings, f.ID)
			}
		}
		slices.Sort(out[i].Findings)
	}
	return out
}

// Rules are what the configuration says of findings.
type Rules struct {
	Ignore   []Ignore
	Severity []SeverityRule
}

// Update is Follow, Apply and Grade in one, with one event for each finding
// that moved.
func (r Rules) Update(known []Finding, check Check, found []Difference, now time.Time) ([]Finding, []Event) {
	findings, events := Follow(known, check, found, now)
	findings, more := r.Reapply(findings, now)
	events = append(events, more...)
	before := map[string]Severity{}
	for _, f := range known {
		if f.Open() {
			before[f.ID] = f.Severity
		}
	}
	for i, f := range findings {
		was, open := before[f.ID]
		if from := f.Life; open && was != "" && f.Open() && f.Severity.Worse(was) && from.take(joined) != from {
			findings[i].Life = from.take(joined)
			events = append(events, moved(findings[i], from, now, "it is worse: "+string(f.Severity)+", and was "+
				string(was)))
		}
	}
	return findings, net(events)
}

// Reapply brings findings up to date with the rules without a check: rules
// that were added, changed or have expired, and acknowledgements that have
// ended. No event: nothing moved, though severities may be others.
func (r Rules) Reapply(known []Finding, now time.Time) ([]Finding, []Event) {
	findings, events := Apply(r.Ignore, known, now)
	for i := range findings {
		if findings[i].Open() {
			findings[i].Severity = Grade(r.Severity, findings[i])
		}
	}
	return findings, net(events)
}

// NextEnd is when the next rule, or acknowledgement of an open finding, ends
// after now; zero when none does.
func (r Rules) NextEnd(known []Finding, now time.Time) (next time.Time) {
	ends := func(at time.Time) {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	for _, i := range r.Ignore {
		ends(i.Expires)
	}
	for _, f := range known {
		if f.Ack != nil && f.Open() {
			ends(f.Ack.Until)
		}
	}
	return next
}
