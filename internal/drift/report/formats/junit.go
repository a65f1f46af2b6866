package formats

import (
	"bufio"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/documents"
	"github.com/tfops/tfops/internal/drift/report/wording"
	"github.com/tfops/tfops/internal/term"
)

type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	junitCounts
	Suites []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string `xml:"name,attr"`
	Timestamp string `xml:"timestamp,attr"`
	junitCounts
	Cases []junitCase `xml:"testcase"`
}

type junitCounts struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
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

func junit(w io.Writer, r *report.Report) error {
	o := r.Summary.Workspaces
	name := "tfops drift"
	if r.Name != "" {
		name += " " + term.Clean(r.Name)
	}
	counts := junitCounts{Tests: o.Total, Failures: o.Drifted, Errors: o.Unchecked, Skipped: o.NeverApplied}
	suite := junitSuite{Name: name, Timestamp: r.At.UTC().Format("2006-01-02T15:04:05"), junitCounts: counts}
	for i := range r.Workspaces {
		suite.Cases = append(suite.Cases, testCase(&r.Workspaces[i]))
	}
	all := junitSuites{Name: name, junitCounts: counts, Suites: []junitSuite{suite}}
	out := bufio.NewWriter(w) // keeps its first error
	out.WriteString(xml.Header)
	e := xml.NewEncoder(out)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	out.WriteString("\n")
	return out.Flush()
}

func testCase(s *report.Section) junitCase {
	c := junitCase{Name: term.Clean(s.Name), Class: term.Clean(cmp.Or(s.Repository, "tfops")), File: term.Clean(s.Dir)}
	switch s.Outcome {
	case drift.NothingYet:
		c.Skipped = &junitText{Message: term.Clean(s.Why)}
	case drift.NotChecked:
		c.Error = &junitText{Message: term.Clean(s.Why), Type: "unchecked", Text: plain(s)}
	case drift.Drifted:
		c.Failure = &junitText{Message: term.Clean(documents.Drifted(s)), Type: "drift", Text: plain(s)}
	default:
		if len(s.Pending)+len(s.Ignored) > 0 {
			c.SystemOut = plain(s)
		}
	}
	return c
}

// plain is the section as plain text.
func plain(s *report.Section) string {
	var b strings.Builder
	b.WriteByte('\n')
	for _, p := range s.Problems {
		fmt.Fprintf(&b, "%s\n", term.Clean(p))
	}
	if s.Next != "" {
		fmt.Fprintf(&b, "Next: %s\n", term.Clean(s.Next))
	}
	for i := range s.Findings {
		plainFinding(&b, &s.Findings[i])
	}
	for i := range s.Pending {
		plainFinding(&b, &s.Pending[i])
	}
	if n := len(s.Ignored); n > 0 {
		fmt.Fprintf(&b, "%s ignored by rules\n", wording.Count(n, "finding"))
	}
	return b.String()
}

func plainFinding(b *strings.Builder, f *report.Finding) {
	fmt.Fprintf(b, "[%s] %s: %s, %s", f.Severity, term.Clean(f.Address), f.Class, documents.State(f))
	if f.File != "" {
		fmt.Fprintf(b, " (%s)", term.Clean(documents.Place(f)))
	}
	b.WriteByte('\n')
	for _, a := range f.Attributes {
		fmt.Fprintf(b, "    %s\n", term.Clean(documents.AttributeLine(a)))
	}
	if f.More > 0 {
		fmt.Fprintf(b, "    and %s\n", wording.Count(f.More, "more attribute"))
	}
	for _, p := range f.Problems {
		fmt.Fprintf(b, "    %s\n", term.Clean(p))
	}
	for _, w := range f.WaysOut {
		fmt.Fprintf(b, "    %s: %s\n", w.Way, term.Clean(w.Command))
	}
}
