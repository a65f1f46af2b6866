package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/term"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Cases     []junitCase `xml:"testcase"`
}

// junitCase is a workspace: unchecked is an error, drifted a failure, never
// applied is skipped.
type junitCase struct {
	Name      string     `xml:"name,attr"`
	Class     string     `xml:"classname,attr"`
	File      string     `xml:"file,attr,omitempty"`
	Skipped   *junitText `xml:"skipped"`
	Error     *junitText `xml:"error"`
	Failure   *junitText `xml:"failure"`
	SystemOut string     `xml:"system-out,omitempty"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

func junit(w io.Writer, r *Report) error {
	o := r.Summary.Workspaces
	name := "tfops drift"
	if r.Name != "" {
		name += " " + term.Clean(r.Name)
	}
	all := junitSuites{Name: name, Tests: o.Total, Failures: o.Drifted, Errors: o.Unchecked, Skipped: o.NeverApplied}
	suite := junitSuite{Name: name, Timestamp: r.At.UTC().Format("2006-01-02T15:04:05"), Tests: o.Total,
		Failures: o.Drifted, Errors: o.Unchecked,
		Skipped: o.NeverApplied, Cases: make([]junitCase, len(r.Workspaces))}
	for i := range r.Workspaces {
		suite.Cases[i] = r.Workspaces[i].junit()
	}
	all.Suites = []junitSuite{suite}
	out := &sticky{w: w}
	out.text(xml.Header)
	if out.err != nil {
		return out.err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	out.text("\n")
	return out.err
}

func (s *Section) junit() junitCase {
	c := junitCase{Name: term.Clean(s.Name), Class: term.Clean(cmp.Or(s.Repository, "tfops")), File: term.Clean(s.Dir)}
	switch s.Outcome {
	case drift.NothingYet:
		c.Skipped = &junitText{Message: term.Clean(s.Why)}
	case drift.NotChecked:
		c.Error = &junitText{Message: term.Clean(s.Why), Type: "unchecked", Text: s.plain()}
	case drift.Drifted:
		c.Failure = &junitText{Message: term.Clean(s.drifted()), Type: "drift", Text: s.plain()}
	default:
		if len(s.Findings)+len(s.Ignored) > 0 {
			c.SystemOut = s.plain()
		}
	}
	return c
}

// drifted sums up the findings, as in "3 open findings: 1 critical, 2 low".
func (s *Section) drifted() string {
	if len(s.Findings) == 0 {
		return "it has drifted"
	}
	return count(len(s.Findings), "open finding") + ": " + s.Counts.String()
}

// String lists the severities that there are, worst first.
func (s Severities) String() string {
	var parts []string
	for _, v := range severityOrder {
		if n := s.Of(v); n > 0 {
			parts = append(parts, thousands(n)+" "+string(v))
		}
	}
	return strings.Join(parts, ", ")
}

// plain is the section as plain text.
func (s *Section) plain() string {
	var b strings.Builder
	b.WriteByte('\n')
	for _, p := range s.Problems {
		fmt.Fprintf(&b, "%s\n", term.Clean(p))
	}
	if s.Next != "" {
		fmt.Fprintf(&b, "Next: %s\n", term.Clean(s.Next))
	}
	for i := range s.Findings {
		s.Findings[i].plain(&b)
	}
	if n := len(s.Ignored); n > 0 {
		fmt.Fprintf(&b, "%s ignored by rules\n", count(n, "finding"))
	}
	return b.String()
}

func (f *Finding) plain(b *strings.Builder) {
	fmt.Fprintf(b, "[%s] %s: %s, %s", f.Severity, term.Clean(f.Address), f.Class, f.state())
	if f.File != "" {
		fmt.Fprintf(b, " (%s)", term.Clean(f.place()))
	}
	b.WriteByte('\n')
	for _, a := range f.Attributes {
		fmt.Fprintf(b, "    %s\n", term.Clean(a.line()))
	}
	if f.More > 0 {
		fmt.Fprintf(b, "    and %s\n", count(f.More, "more attribute"))
	}
	for _, p := range f.Problems {
		fmt.Fprintf(b, "    %s\n", term.Clean(p))
	}
	for _, w := range f.WaysOut {
		fmt.Fprintf(b, "    %s: %s\n", w.Way, term.Clean(w.Command))
	}
}

// place is where a finding's resource is written.
func (f *Finding) place() string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}

// state is how a finding stands, as in "new", "seen 4 times in 3 days".
func (f *Finding) state() string {
	switch {
	case f.ResolvedAt != nil && f.ResolvedBy != "":
		return "resolved by run " + f.ResolvedBy + " after " + long(f.Age)
	case f.ResolvedAt != nil:
		return "the world changed back after " + long(f.Age)
	case f.New && f.Returned != nil:
		return "back after it was resolved"
	case f.New:
		return "new"
	case f.Times == 1:
		return "seen once, " + long(f.Age) + " ago"
	}
	return "seen " + count(f.Times, "time") + ", for " + long(f.Age)
}

// until says how long an acknowledgement or rule lasts.
func until(t time.Time, otherwise string) string {
	if t.IsZero() {
		return otherwise
	}
	return "until " + clock(t)
}
