package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/drift/report/wording"
	"github.com/tfops/tfops/internal/natural"
)

// days is how far back trend and means go.
const days = 90

// Build makes the report. It changes nothing of the input and keeps no value
// of it but strings and labels.
func Build(in Input) *Report {
	if in.Location == nil {
		in.Location = time.UTC
	}
	b := newBuilder(in)
	in.Instance.URL = wording.Link(in.Instance.URL)
	r := &Report{Version: Version, ID: in.ID, Name: in.Name, At: b.time(in.At), Since: b.time(in.Since),
		Last: in.Last, Timezone: in.Location.String(), Instance: in.Instance, Rules: b.leftOut(),
		Blind:      classify.Blinds(nil),
		Workspaces: make([]Section, 0, len(in.Workspaces))}
	for _, w := range b.in.Workspaces {
		r.Workspaces = append(r.Workspaces, b.section(w))
	}
	slices.SortFunc(r.Workspaces, compareSections)
	r.Unreadable, r.Unowned, r.Groups = b.unreadable(), b.unowned(), b.groups()
	r.Summary = b.summary(r.Workspaces)
	r.Trend = b.trend(r.Summary)
	r.Headline = headline(r)
	return r
}

// builder holds what is looked up often while a report is made.
type builder struct {
	in       Input
	checks   map[string]history          // by workspace
	findings map[string][]*drift.Finding // by workspace
	dues     map[string][]time.Time      // by schedule and time zone
}

func newBuilder(in Input) *builder {
	b := &builder{in: in, checks: map[string]history{}, findings: map[string][]*drift.Finding{},
		dues: map[string][]time.Time{}}
	for i := range in.Checks {
		c := &in.Checks[i]
		b.checks[c.Workspace] = append(b.checks[c.Workspace], c)
	}
	for _, h := range b.checks {
		slices.SortStableFunc(h, func(a, c *drift.Check) int { return a.At.Compare(c.At) })
	}
	for i := range in.Findings {
		f := &in.Findings[i]
		b.findings[f.Workspace] = append(b.findings[f.Workspace], f)
	}
	return b
}

func (b *builder) time(t time.Time) time.Time { return t.In(b.in.Location).Truncate(time.Second) }

// when is time for what may be absent.
func (b *builder) when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = b.time(t)
	return &t
}

// age is how long before the report something was.
func (b *builder) age(t time.Time) Seconds {
	return Seconds(max(0, b.in.At.Sub(t)) / time.Second)
}

// fresh reports whether something was in the report's window.
func (b *builder) fresh(t time.Time) bool { return t.After(b.in.Since) && !t.After(b.in.At) }

// leftOut is what the rules leave out, in their order.
func (b *builder) leftOut() []drift.LeftOut {
	out := drift.LeftOutBy(b.in.Ignore, b.in.Findings, b.in.At)
	for i := range out {
		if t := out[i].Rule.Expires; !t.IsZero() {
			out[i].Rule.Expires = t.In(b.in.Location)
		}
	}
	return out
}

// history is the checks of a workspace, oldest first.
type history []*drift.Check

// until is the part of the history up to a time.
func (h history) until(t time.Time) history {
	n, _ := slices.BinarySearchFunc(h, t, func(c *drift.Check, t time.Time) int {
		if c.At.After(t) {
			return 1
		}
		return -1
	})
	return h[:n]
}

// last is the newest check, or nil.
func (h history) last() *drift.Check {
	if len(h) == 0 {
		return nil
	}
	return h[len(h)-1]
}

// looked is the newest check that looked, or nil.
func (h history) looked() *drift.Check {
	for i := len(h) - 1; i >= 0; i-- {
		if looked(h[i]) {
			return h[i]
		}
	}
	return nil
}

func looked(c *drift.Check) bool {
	return c != nil && (c.Outcome == drift.Clean || c.Outcome == drift.Drifted)
}

// places are the outcomes in the order of a report.
var places = []drift.Outcome{drift.NotChecked, drift.Drifted, drift.Clean, drift.NothingYet}

// compareSections puts what is not known on top, of that what was not looked
// at for the longest time; then drift, the worst first.
func compareSections(a, c Section) int {
	if by := cmp.Compare(slices.Index(places, a.Outcome), slices.Index(places, c.Outcome)); by != 0 {
		return by
	}
	switch a.Outcome {
	case drift.NotChecked:
		if by := compareChecked(a.Checked, c.Checked); by != 0 {
			return by
		}
	case drift.Drifted:
		if by := a.Counts.compare(c.Counts); by != 0 {
			return by
		}
	}
	return natural.Compare(a.Name, c.Name)
}

func compareChecked(a, c *time.Time) int {
	switch {
	case a == nil && c == nil:
		return 0
	case a == nil:
		return -1
	case c == nil:
		return 1
	}
	return a.Compare(*c)
}

// compare puts worse counts first.
func (s Severities) compare(o Severities) int {
	return cmp.Or(cmp.Compare(o.Critical, s.Critical), cmp.Compare(o.High, s.High), cmp.Compare(o.Medium, s.Medium),
		cmp.Compare(o.Low, s.Low))
}

// Of is the count of one severity.
func (s Severities) Of(severity drift.Severity) int {
	switch severity {
	case drift.Critical:
		return s.Critical
	case drift.High:
		return s.High
	case drift.Medium:
		return s.Medium
	}
	return s.Low
}

func (s *Severities) add(severity drift.Severity, n int) {
	switch severity {
	case drift.Critical:
		s.Critical += n
	case drift.High:
		s.High += n
	case drift.Medium:
		s.Medium += n
	default:
		s.Low += n
	}
}

func (s *Severities) sum(o Severities) {
	s.Critical, s.High, s.Medium, s.Low = s.Critical+o.Critical, s.High+o.High, s.Medium+o.Medium, s.Low+o.Low
}

// Total is the count of all.
func (s Severities) Total() int { return s.Critical + s.High + s.Medium + s.Low }

// Worst is the worst severity that there is; empty without any.
func (s Severities) Worst() drift.Severity {
	for _, v := range drift.Severities() {
		if s.Of(v) > 0 {
			return v
		}
	}
	return ""
}
