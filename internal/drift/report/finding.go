package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report/wording"
	"github.com/tfops/tfops/internal/natural"
)

// What is kept of one finding: a report of a whole fleet has to stay readable,
// and in memory.
const (
	maxAttributes = 50
	maxProblems   = 10
	maxProblem    = 500 // characters
)

// Meaning says in one sentence what a class is.
func Meaning(c drift.Class) string { return wording.Sentence(c.Meaning()) + "." }

// leftOut reports whether rules leave all of a finding out.
func leftOut(f *drift.Finding) bool {
	showing := func(a drift.Attribute) bool { return a.IgnoredBy == "" }
	return f.Life == drift.Ignored || len(f.Attributes) > 0 && !slices.ContainsFunc(f.Attributes, showing)
}

func (b *builder) finding(f *drift.Finding) Finding {
	began := f.Since()
	out := Finding{
		ID: f.ID, Address: f.Address, Type: f.Type, Class: f.Class, Meaning: wording.Sentence(f.Meaning()) + ".",
		Action:   f.Action,
		Follows:  f.Follows,
		Written:  f.Written,
		Severity: cmp.Or(f.Severity, drift.Medium), Life: f.Life, New: b.fresh(began),
		FirstSeen: b.time(f.FirstSeen), LastSeen: b.time(f.LastSeen), Returned: b.when(f.Returned),
		ResolvedAt: b.when(f.ResolvedAt), ResolvedBy: f.ResolvedBy, Age: b.age(began), Times: f.Times,
		File: f.File, Line: f.Line, Owners: f.Owners, LastRun: f.LastRun, LastApprovers: f.LastApprovers,
		Problems: problems(f.Problems),
	}
	if !f.ResolvedAt.IsZero() {
		out.Age = Seconds(max(0, f.ResolvedAt.Sub(began)) / time.Second)
	}
	if out.Owners == nil {
		out.Owners = []string{}
	}
	if f.Ack != nil {
		ack := *f.Ack
		ack.At = b.time(ack.At)
		if !ack.Until.IsZero() {
			ack.Until = b.time(ack.Until)
		}
		if ack.Attributes == nil {
			ack.Attributes = []string{}
		}
		out.Ack = &ack
	}
	b.attributes(&out, f)
	out.WaysOut = append([]drift.WayOut{}, f.WaysOut(b.in.At)...)
	return out
}

func (b *builder) attributes(out *Finding, f *drift.Finding) {
	n := min(len(f.Attributes), maxAttributes)
	out.Attributes, out.More = make([]Attribute, n), len(f.Attributes)-n
	for i, a := range f.Attributes {
		if a.IgnoredBy != "" && !slices.Contains(out.IgnoredBy, a.IgnoredBy) {
			out.IgnoredBy = append(out.IgnoredBy, a.IgnoredBy)
		}
		if i >= n {
			continue
		}
		shown := Attribute{Path: a.Path, Sensitive: a.Sensitive, IgnoredBy: a.IgnoredBy,
			New: !out.New && f.Life != drift.Resolved && b.fresh(a.FirstSeen)}
		shown.Before, shown.After, shown.Wanted = values(a)
		out.Attributes[i] = shown
	}
}

func problems(list []string) []string {
	var out []string
	for _, p := range list[:min(len(list), maxProblems)] {
		out = append(out, wording.Whole(wording.Cut(p, "", maxProblem)))
	}
	if more := len(list) - maxProblems; more > 0 {
		out = append(out, "and "+wording.Count(more, "more problem"))
	}
	return out
}

// compareFindings puts the worst first, what is new before what is known, and
// what somebody knows of last.
func compareFindings(a, c Finding) int {
	return cmp.Or(
		cmp.Compare(flag(a.Life == drift.Acknowledged), flag(c.Life == drift.Acknowledged)),
		a.Severity.Compare(c.Severity),
		cmp.Compare(flag(!a.New), flag(!c.New)),
		cmp.Compare(slices.Index(classOrder, a.Class), slices.Index(classOrder, c.Class)),
		natural.Compare(a.Address, c.Address),
		strings.Compare(a.ID, c.ID))
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

var classOrder = drift.Classes()
