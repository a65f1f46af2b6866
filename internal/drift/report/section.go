package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/drift/report/wording"
	"github.com/tfops/tfops/internal/drift/schedule"
)

// unscheduledAge is how old a check may be that no schedule repeats.
const unscheduledAge = 7 * 24 * time.Hour

// Checks are spread over half an hour after they are due, wait for each other
// and take their time.
const (
	spread = 30 * time.Minute
	slack  = time.Hour
)

func (b *builder) section(w Workspace) Section {
	h := b.checks[w.Name].until(b.in.At)
	last, seen := h.last(), h.looked()
	s := Section{Name: w.Name, Repository: w.Repository, Branch: w.Branch, Dir: w.Dir, Labels: w.Labels,
		Applied: w.Applied, AppliedURL: wording.Link(w.Links.CommitURL(w.Applied)), Schedule: w.Schedule,
		Findings: []Finding{}, Pending: []Finding{}, Resolved: []Finding{}, Ignored: []Finding{},
		Blind: []drift.Blind{}}
	if w.Head != w.Applied {
		s.Head, s.HeadURL = w.Head, wording.Link(w.Links.CommitURL(w.Head))
	}
	if w.Schedule != "" && w.Timezone != "" {
		s.Schedule += " " + w.Timezone
	}
	if seen != nil {
		s.Checked, s.Age, s.Run, s.Resources = b.when(seen.At), b.age(seen.At), seen.Run, seen.Resources
		s.InWindow = b.fresh(seen.At)
		s.Blind = blindOf(seen)
	}
	if last != nil && last != seen {
		s.Tried, s.TriedRun = b.when(last.At), last.Run
	}
	s.RunURL = wording.Link(w.Links.RunURL(cmp.Or(s.TriedRun, s.Run)))
	b.fill(&s, w)
	b.decide(&s, w, last)
	return s
}

// blindOf lists what a check could not see, without what no check sees.
func blindOf(c *drift.Check) []drift.Blind {
	never := classify.Blinds(nil)
	out := []drift.Blind{}
	for _, x := range c.Blind {
		if !slices.Contains(never, x) {
			out = append(out, x)
		}
	}
	return out
}

// fill sorts the workspace's findings into the lists of the section. That a
// check failed is no finding of a report, but what the section as a whole says.
func (b *builder) fill(s *Section, w Workspace) {
	for _, f := range b.findings[s.Name] {
		switch {
		case f.Class == drift.Unchecked:
			if f.Life != drift.Resolved {
				s.UnknownSince, s.Failures = b.when(f.Since()), f.Times
				s.Problems = problems(f.Problems)
			}
		case f.Life == drift.Resolved:
			if b.fresh(f.ResolvedAt) && f.Class != drift.PendingCommit && !leftOut(f) {
				s.Resolved = append(s.Resolved, b.finding(f))
			}
		case f.Life == drift.Ignored:
			s.Ignored = append(s.Ignored, b.finding(f))
		case f.Class == drift.PendingCommit:
			s.Pending = append(s.Pending, b.finding(f))
		default:
			s.Findings = append(s.Findings, b.finding(f))
			s.Counts.add(f.Severity, 1)
		}
	}
	s.Severity = s.Counts.Worst()
	for _, list := range [][]Finding{s.Findings, s.Pending, s.Resolved, s.Ignored} {
		slices.SortFunc(list, compareFindings)
		for i := range list {
			f := &list[i]
			f.URL = wording.Link(w.Links.FileURL(w.Applied, f.File, f.Line))
			f.LastRunURL = wording.Link(w.Links.RunURL(f.LastRun))
		}
	}
}

// decide says what is known of the workspace. A check counts only as long as
// its schedule says so, and only if it looked.
func (b *builder) decide(s *Section, w Workspace, last *drift.Check) {
	unchecked := func(next, format string, args ...any) {
		s.Outcome, s.Next, s.Why = drift.NotChecked, next, fmt.Sprintf(format, args...)
	}
	again := drift.CheckCommand(w.Name)
	switch {
	case w.NeverApplied:
		s.Outcome, s.Why, s.Next = drift.NothingYet, "nothing is applied yet, so nothing can drift",
			"tfops sync "+drift.ShellWord(w.Name)
	case w.Unknown != "":
		unchecked(again, "%s", w.Unknown)
	case last == nil && w.Schedule == "":
		unchecked(again, "it was never checked, and has no schedule")
	case last == nil:
		unchecked(again, "it was never checked, though its schedule is %q", s.Schedule)
	case last.Outcome == drift.NothingYet:
		unchecked(again, "it was not checked since something was applied")
	case !looked(last):
		if last.Run != "" {
			again = "tfops logs " + drift.ShellWord(last.Run)
		}
		unchecked(again, "%s", cmp.Or(last.Why, "the check failed"))
	case w.Schedule == "" && b.in.At.Sub(last.At) > unscheduledAge:
		unchecked(again, "the last check is %s old, and no schedule repeats it", b.age(last.At))
	case b.overdue(w, last.At, b.in.At):
		unchecked(again, "the last check is %s old, and the one that was due by the schedule %q was not made",
			b.age(last.At), s.Schedule)
	default:
		s.Outcome = s.known(last)
	}
	if s.Outcome != drift.NotChecked {
		s.UnknownSince, s.Failures, s.Problems = nil, 0, nil
	}
	s.Problems = slices.DeleteFunc(s.Problems, func(p string) bool { return strings.Contains(s.Why, p) })
}

// known is the outcome where the last check holds. What a rule leaves out does
// not count, nor what a commit explains that is not applied.
func (s *Section) known(last *drift.Check) drift.Outcome {
	if len(s.Findings) > 0 {
		return drift.Drifted
	}
	if last.Outcome == drift.Drifted && len(s.Pending)+len(s.Ignored) == 0 {
		return drift.Drifted // somebody forgot to pass the findings: never say clean
	}
	return drift.Clean
}

// overdue reports whether another check was due by the schedule since one at
// that time.
func (b *builder) overdue(w Workspace, since, now time.Time) bool {
	due := b.due(w.Schedule, w.Timezone)
	i, _ := slices.BinarySearchFunc(due, since.Add(spread), time.Time.Compare)
	return i < len(due) && now.After(due[i].Add(spread+slack))
}

// due lists when a schedule is due from before the first day of the trend to
// the report, leaving out what follows within the spread. A schedule that
// cannot be read is never due: what reads the configuration complains of it.
func (b *builder) due(spec, zone string) []time.Time {
	key := spec + "\x00" + zone
	if due, ok := b.dues[key]; ok || spec == "" {
		return due
	}
	var due []time.Time
	if s, err := schedule.Parse(spec, zone); err == nil {
		for t := s.Next("", b.in.At.AddDate(0, 0, -days-1)); !t.IsZero() &&
			!t.After(b.in.At); t = s.Next("", t.Add(spread)) {
			due = append(due, t)
		}
	}
	b.dues[key] = due
	return due
}

func (b *builder) summary(sections []Section) Summary {
	var sum Summary
	classes, owners := map[drift.Class]int{}, map[string]*OwnerCount{}
	for i := range sections {
		s := &sections[i]
		sum.Workspaces.add(s.Outcome)
		sum.Severity.sum(s.Counts)
		sum.Resolved += len(s.Resolved)
		sum.Ignored += len(s.Ignored)
		sum.Pending += len(s.Pending)
		sum.cover(s)
		for j := range s.Findings {
			f := &s.Findings[j]
			classes[f.Class]++
			for _, o := range ownersOf(f) {
				if owners[o] == nil {
					owners[o] = &OwnerCount{Owner: o}
				}
				owners[o].Count++
				owners[o].Severity.add(f.Severity, 1)
			}
			if f.New {
				sum.New++
			}
			if f.Life == drift.Acknowledged {
				sum.Acknowledged++
			}
		}
	}
	sum.Open = sum.Severity.Total()
	sum.Classes, sum.Owners = []ClassCount{}, []OwnerCount{}
	for _, c := range drift.Classes() {
		if n := classes[c]; n > 0 {
			sum.Classes = append(sum.Classes, ClassCount{Class: c, Meaning: Meaning(c), Count: n})
		}
	}
	for _, o := range owners {
		sum.Owners = append(sum.Owners, *o)
	}
	slices.SortFunc(sum.Owners, func(a, c OwnerCount) int {
		return cmp.Or(cmp.Compare(c.Count, a.Count), strings.Compare(a.Owner, c.Owner))
	})
	return sum
}

func (o *Outcomes) add(outcome drift.Outcome) {
	o.Total++
	switch outcome {
	case drift.Clean:
		o.Clean++
	case drift.Drifted:
		o.Drifted++
	case drift.NothingYet:
		o.NeverApplied++
	default:
		o.Unchecked++
	}
}

// cover counts what was looked at.
func (sum *Summary) cover(s *Section) {
	if s.Outcome == drift.NothingYet {
		return
	}
	sum.Coverage.Workspaces++
	if s.InWindow {
		sum.Coverage.Checked++
		sum.Coverage.Resources += s.Resources
	}
	switch {
	case s.Checked == nil:
		sum.NeverChecked++
	case sum.Oldest == nil || s.Checked.Before(sum.Oldest.At) || s.Checked.Equal(sum.Oldest.At) &&
		s.Name < sum.Oldest.Workspace:
		sum.Oldest = &OldestCheck{Workspace: s.Name, At: *s.Checked, Age: s.Age}
	}
}

// ownersOf lists who owns a finding; nobody is one of them, too.
func ownersOf(f *Finding) []string {
	if len(f.Owners) == 0 {
		return []string{""}
	}
	return f.Owners
}
