package formats

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/documents"
	"github.com/tfops/tfops/internal/drift/report/wording"
	"github.com/tfops/tfops/internal/term"
)

// columns are those of the CSV. A workspace without a finding has a line, too,
// whose columns of a finding are empty: a report never passes it over.
var columns = []string{"workspace", "repository", "branch", "dir", "outcome", "why", "checked_at",
	"id", "severity", "class", "life", "new", "address", "attributes", "problems", "first_seen", "last_seen",
	"age_days",
	"times", "file", "line", "owners", "last_run", "last_approvers", "acknowledged_by", "reason", "until", "ignored_by",
	"resolved_at", "resolved_by", "revert", "codify", "accept", "ignore", "check"}

// table writes a line for each finding: open, resolved and ignored.
func table(w io.Writer, r *report.Report) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	for i := range r.Workspaces {
		s := &r.Workspaces[i]
		some := false
		for _, list := range [][]report.Finding{s.Findings, s.Pending, s.Resolved, s.Ignored} {
			for j := range list {
				some = true
				if err := out.Write(append(workspaceCells(s), findingCells(&list[j])...)); err != nil {
					return err
				}
			}
		}
		if some {
			continue
		}
		if err := out.Write(append(workspaceCells(s), make([]string, len(columns)-7)...)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func workspaceCells(s *report.Section) []string {
	return []string{cell(s.Name), cell(s.Repository), cell(s.Branch), cell(s.Dir), string(s.Outcome), cell(s.Why),
		stamp(s.Checked)}
}

func findingCells(f *report.Finding) []string {
	var attributes []string
	for _, a := range f.Attributes {
		attributes = append(attributes, documents.AttributeLine(a))
	}
	if f.More > 0 {
		attributes = append(attributes, "and "+wording.Count(f.More, "more attribute"))
	}
	days := strconv.FormatFloat(float64(f.Age)/86400, 'f', 2, 64)
	out := []string{cell(f.ID), string(f.Severity), string(f.Class), string(f.Life), strconv.FormatBool(f.New),
		cell(f.Address), cell(strings.Join(attributes, "; ")), cell(strings.Join(f.Problems, "; ")),
		f.FirstSeen.Format(time.RFC3339), f.LastSeen.Format(time.RFC3339), days, strconv.Itoa(f.Times), cell(f.File),
		number(f.Line),
		cell(strings.Join(f.Owners, " ")), cell(f.LastRun), cell(strings.Join(f.LastApprovers, " "))}
	ack := drift.Ack{}
	if f.Ack != nil {
		ack = *f.Ack
	}
	out = append(out, cell(ack.By), cell(ack.Reason), stamp(&ack.Until), cell(strings.Join(f.IgnoredBy, " ")),
		stamp(f.ResolvedAt), cell(f.ResolvedBy))
	for _, w := range drift.Ways() {
		out = append(out, cell(command(f, w)))
	}
	return out
}

// command is that of a way out; empty when it is not offered.
func command(f *report.Finding, way drift.Way) string {
	for _, w := range f.WaysOut {
		if w.Way == way {
			return w.Command
		}
	}
	return ""
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func stamp(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// starters are what makes a spreadsheet take a cell for a formula, the
// full-width forms included.
const starters = "=+-@＝＋－＠"

// cell makes text safe for a spreadsheet: what it might run begins with an
// apostrophe, which spreadsheets take for "this is text". Text that begins
// with an apostrophe gets another one, so that cutting one off gives the text
// back. The same holds after each semicolon: where a decimal point is a comma,
// it ends a cell. A line end or control character is written out.
func cell(s string) string {
	s = term.Clean(s)
	if !strings.Contains(s, ";") {
		return guarded(s)
	}
	parts := strings.Split(s, ";")
	for i, p := range parts {
		parts[i] = guarded(p)
	}
	return strings.Join(parts, ";")
}

func guarded(s string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(s, unicode.IsSpace))
	if strings.HasPrefix(s, "'") || strings.ContainsRune(starters, first) {
		return "'" + s
	}
	return s
}
