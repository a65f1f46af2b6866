package report

import (
	"bufio"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/tfops/tfops/internal/drift"
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
		"clean": term.Clean, "long": long, "clock": clock, "clockZone": clockZone, "commit": commit, "thousands": thousands,
		"count": func(n int, what string) string {
			return count(n,
				what)
		}, "upper": upper, "link": link, "until": until, "lasts": lasts,
		"severities": func() []drift.Severity { return severityOrder }, "stamp": stamp, "worst": Severities.worst,
		"brief": func(s string) string { s, _ = cut(s, "", 140); return s },
		"and":   func(list []string) string { return and(cleaned(list)) },
		"again": again,
	}).Parse(pageSource))
})

// view is a report as the page shows it.
type view struct {
	*Report
	Style     template.CSS
	Chart     chart
	First     first
	Unchecked []*sectionView
	Drifted   []*sectionView
	Clean     []*sectionView // without a finding
	Pending   []*sectionView // clean, with findings that a commit explains
	Never     []*sectionView
	Resolved  []resolvedView
	Classes   []ClassCount // of all findings that the page shows
	Coverage  string
}

// first is where to look first: a few lines, worst first, that lead to the rest.
type first struct {
	Unchecked []*sectionView
	Findings  []line
	More      int // unchecked workspaces and critical or new findings besides
}

// maxFirst is how many lines of each there are.
const maxFirst = 8

type line struct {
	*Finding
	Workspace string
}

type sectionView struct {
	*Section
	Anchor string
	Full   []*Finding
	Short  []*Finding
	Seen   string // when it was looked at
	Blind  string
}

type resolvedView struct {
	*Finding
	Workspace string
	How       string
}

// Offers names the ways out of a finding.
func (f *Finding) Offers() string {
	var out []string
	for _, w := range f.WaysOut {
		out = append(out, string(w.Way))
	}
	return strings.Join(out, ", ")
}

// page writes one HTML file. It needs no script and asks nobody for anything:
// its own policy forbids both. Escaping is html/template's; what would reorder
// or hide text is written out before.
func page(w io.Writer, r *Report) error {
	out := bufio.NewWriterSize(w, 1<<16)
	if err := pageTemplate().Execute(out, viewOf(r)); err != nil {
		return err
	}
	return out.Flush()
}

func viewOf(r *Report) *view {
	v := &view{Report: r, Style: template.CSS(pageStyle), Chart: chartOf(r.Trend), Classes: r.Summary.Classes,
		Coverage: coverage(r.Summary)}
	full := inFull(r, maxPaged)
	for i := range r.Workspaces {
		s := sectionOf(&r.Workspaces[i], full)
		s.Anchor = fmt.Sprintf("w-%d", i+1)
		switch {
		case s.Outcome == drift.NotChecked:
			v.Unchecked = append(v.Unchecked, s)
		case s.Outcome == drift.Drifted:
			v.Drifted = append(v.Drifted, s)
		case s.Outcome == drift.NothingYet:
			v.Never = append(v.Never, s)
		case len(s.Findings) > 0:
			v.Pending = append(v.Pending, s)
		default:
			v.Clean = append(v.Clean, s)
		}
		for j := range s.Resolved {
			f := &s.Resolved[j]
			v.Resolved = append(v.Resolved, resolvedView{f, s.Name, f.resolution(term.Clean)})
		}
	}
	v.First = firstOf(v)
	return v
}

// firstOf takes what is not known, and what is critical, high or new.
func firstOf(v *view) first {
	out := first{Unchecked: v.Unchecked[:min(maxFirst, len(v.Unchecked))]}
	for i := range v.Workspaces {
		s := &v.Workspaces[i]
		for j := range s.Findings {
			f := &s.Findings[j]
			if f.Life != drift.Acknowledged && f.Class != drift.PendingCommit && (f.New || rank(f.Severity) <= rank(drift.High)) {
				out.Findings = append(out.Findings, line{f, s.Name})
			}
		}
	}
	slices.SortStableFunc(out.Findings, func(a, b line) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), cmp.Compare(flag(!a.New), flag(!b.New)))
	})
	n := min(maxFirst, len(out.Findings))
	out.More = len(v.Unchecked) - len(out.Unchecked) + len(out.Findings) - n
	out.Findings = out.Findings[:n]
	return out
}

func sectionOf(s *Section, full map[*Finding]bool) *sectionView {
	v := &sectionView{Section: s, Seen: s.looks(), Blind: s.blinds(term.Clean)}
	for i := range s.Findings {
		if f := &s.Findings[i]; full[f] {
			v.Full = append(v.Full, f)
		} else {
			v.Short = append(v.Short, f)
		}
	}
	return v
}

// Place, State and so on are what the page asks a finding for.

// Place is where its resource is written.
func (f *Finding) Place() string { return f.place() }

// State is how it stands.
func (f *Finding) State() string { return f.state() }

// Listed are the attributes that are shown.
func (f *Finding) Listed() []Attribute { return f.listed() }

// Unlisted is how many are not.
func (f *Finding) Unlisted() int { return f.unlisted() }

// Acknowledged reports whether somebody's word covers it.
func (f *Finding) Acknowledged() bool { return f.Ack != nil && f.Life == drift.Acknowledged }

// AnyWanted reports whether a shown attribute has a wanted value of its own.
func (f *Finding) AnyWanted() bool {
	for _, a := range f.listed() {
		if a.Wanted != nil {
			return true
		}
	}
	return false
}

// Words are the labels as one line.
func (s *Section) Words() string {
	var parts []string
	for _, k := range sortedKeys(s.Labels) {
		parts = append(parts, k+"="+s.Labels[k])
	}
	return strings.Join(parts, " ")
}
