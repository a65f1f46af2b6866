package documents

import (
	"bufio"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"sync"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/wording"
	"github.com/tfops/tfops/internal/term"
)

// maxPaged is how many findings the page tells in full: it has to open on a
// phone and go through a mail server. The rest has a line each.
const maxPaged = 500

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"clean": term.Clean, "clock": clock, "clockZone": clockZone, "number": wording.Number, "count": wording.Count,
		"sentence": wording.Sentence, "link": wording.Link, "until": until, "lasts": lasts, "printAgain": printAgain,
		"severities": drift.Severities,
		"commitOf":   commitOf,
		"pageOf":     func(name, page string) commitView { return commitView{name, wording.Link(page)} },
		"brief":      func(s string) string { s, _ = wording.Cut(s, "", 140); return s },
		"list":       func(list []string) string { return wording.List(wording.Cleaned(list)) },
		"labels":     labelsOf, "place": Place, "state": State, "acknowledged": acknowledged, "offers": offers,
		"listed": listed, "unlisted": unlisted, "anyWanted": anyWanted, "class": wording.Class, "fill": fill,
	}).Parse(pageSource))
})

// commitView is a commit, with the address of its page where that is known.
type commitView struct{ Short, URL string }

func commitOf(sha, page string) commitView {
	return commitView{sha[:min(len(sha), 8)], wording.Link(page)} // as long as in all of tfops
}

// view is a report as the page shows it.
type view struct {
	*report.Report
	Style     template.CSS
	Chart     chart
	First     first
	Unread    []unreadView
	Groups    []groupView
	Unchecked []*failureView
	Drifted   []*sectionView
	Clean     []*sectionView
	Never     []*sectionView
	Resolved  []resolvedView
	Owners    []report.OwnerCount
	Ruled     []drift.LeftOut
	Coverage  string

	DriftedFindings, CleanResources int // of the tiles

	Cut  bool // the whole is elsewhere
	More struct{ Groups, Unchecked, Drifted, Clean, Never, Resolved, Owners, Rules int }
}

// first is where to look first: a few lines, worst first, that lead to the rest.
type first struct {
	Unchecked []*failureView
	Findings  []line
	More      int // unchecked workspaces and critical or new findings besides
}

// maxFirst is how many lines of each there are.
const maxFirst = 8

type line struct {
	*report.Finding
	Workspace string
}

type sectionView struct {
	*report.Section
	Anchor string
	Open   findingsView // that nobody knows of
	Known  findingsView // acknowledged
	Waits  string       // commits that wait
	Seen   string       // when it was looked at
	Blind  string
}

// findingsView are findings of a workspace: in full, or with a line each.
type findingsView struct {
	Full, Short []*report.Finding
	More        int // that are not told
}

// failureView is unchecked workspaces of one reason, which stands in the first.
type failureView struct {
	Sections []*sectionView
	Count    int
	More     int // that are not told
}

// First is the one that tells the reason.
func (f *failureView) First() *sectionView { return f.Sections[0] }

type groupView struct {
	*report.Group
	Cause, Reach, Named string
}

type unreadView struct{ Text, Next string }

type resolvedView struct {
	*report.Finding
	Workspace string
	How       string
}

// HTML writes one HTML file. It needs no script and asks nobody for anything:
// its own policy forbids both. Escaping is html/template's; what would reorder
// or hide text is written out before.
func HTML(w io.Writer, r *report.Report) error {
	out := bufio.NewWriterSize(w, 1<<16)
	if err := pageTemplate().Execute(out, viewOf(r, whole)); err != nil {
		return err
	}
	return out.Flush()
}

func viewOf(r *report.Report, most bounds) *view {
	v := &view{Report: r, Style: template.CSS(pageStyle), Chart: chartOf(r.Trend),
		Coverage: coverage(r)}
	full, failed := inFull(r, most.full), map[*report.Section]*sectionView{}
	for i := range r.Workspaces {
		s := sectionOf(&r.Workspaces[i], full, most.short)
		s.Anchor = fmt.Sprintf("w-%d", i+1)
		switch {
		case s.Outcome == drift.NotChecked:
			failed[s.Section] = s
		case s.Outcome == drift.Drifted:
			v.Drifted = append(v.Drifted, s)
		case s.Outcome == drift.NothingYet:
			v.Never = append(v.Never, s)
		default:
			v.Clean = append(v.Clean, s)
		}
		for j := range s.Resolved {
			f := &s.Resolved[j]
			v.Resolved = append(v.Resolved, resolvedView{f, s.Name, resolution(f, term.Clean)})
		}
	}
	for _, f := range failures(r) {
		one := &failureView{}
		for _, s := range f.sections {
			one.Sections = append(one.Sections, failed[s])
		}
		one.Count = len(one.Sections)
		v.Unchecked = append(v.Unchecked, one)
	}
	for i := range r.Groups {
		g := &r.Groups[i]
		v.Groups = append(v.Groups, groupView{Group: g, Cause: cause(g, term.Clean), Reach: reaches(g),
			Named: named(g, term.Clean)})
	}
	for _, u := range r.Unreadable {
		v.Unread = append(v.Unread, unreadView{unread(u, term.Clean), u.Next})
	}
	v.First = firstOf(v)
	v.DriftedFindings, v.CleanResources = openIn(v.Drifted), compared(v.Clean)
	v.shorten(most.rows)
	return v
}

// firstOf takes what is not known, and what is critical, high or new.
func firstOf(v *view) first {
	out := first{Unchecked: v.Unchecked[:min(maxFirst, len(v.Unchecked))]}
	for i := range v.Workspaces {
		s := &v.Workspaces[i]
		for j := range s.Findings {
			f := &s.Findings[j]
			if f.Life != drift.Acknowledged && (f.New || !drift.High.Worse(f.Severity)) {
				out.Findings = append(out.Findings, line{f, s.Name})
			}
		}
	}
	slices.SortStableFunc(out.Findings, func(a, b line) int {
		return cmp.Or(a.Severity.Compare(b.Severity), newFirst(a.New, b.New))
	})
	n := min(maxFirst, len(out.Findings))
	out.More = len(v.Unchecked) - len(out.Unchecked) + len(out.Findings) - n
	out.Findings = out.Findings[:n]
	return out
}

// newFirst compares so that what is new comes first.
func newFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func sectionOf(s *report.Section, full map[*report.Finding]bool, short int) *sectionView {
	v := &sectionView{Section: s, Seen: looks(s), Blind: blinds(s, term.Clean)}
	unknown, known := apart(s.Findings)
	v.Open, v.Known = findingsOf(unknown, full, short), findingsOf(known, full, short)
	if n := len(s.Pending); n > 0 {
		v.Waits = pending(n)
	}
	return v
}

func findingsOf(all []*report.Finding, full map[*report.Finding]bool, short int) (v findingsView) {
	for _, f := range all {
		if full[f] {
			v.Full = append(v.Full, f)
		} else {
			v.Short = append(v.Short, f)
		}
	}
	v.Short = cut(v.Short, short, &v.More)
	return v
}

// openIn counts the findings of some workspaces that nobody acknowledged.
func openIn(sections []*sectionView) (n int) {
	for _, s := range sections {
		n += len(s.Open.Full) + len(s.Open.Short) + s.Open.More
	}
	return n
}

// shorten keeps the beginning of each list.
func (v *view) shorten(most int) {
	v.Groups = cut(v.Groups, most, &v.More.Groups)
	v.Unchecked = cut(v.Unchecked, most, &v.More.Unchecked)
	for _, f := range v.Unchecked {
		f.Sections = cut(f.Sections, most, &f.More)
	}
	v.Drifted = cut(v.Drifted, most, &v.More.Drifted)
	v.Clean = cut(v.Clean, most, &v.More.Clean)
	v.Never = cut(v.Never, most, &v.More.Never)
	v.Resolved = cut(v.Resolved, most, &v.More.Resolved)
	v.Owners = cut(v.Summary.Owners, most, &v.More.Owners)
	v.Ruled = cut(v.Rules, most, &v.More.Rules)
}
