// Package formats names the formats of a drift report, and writes those that
// programs read: JSON, CSV, JUnit and SARIF. What people read is in package
// documents.
//
// Addresses, values, reasons and names are whatever providers and people make
// them. Each format escapes them in its own way: cell for CSV (a spreadsheet runs
// what begins like a formula), encoding/xml for JUnit, sarifPlain for the messages
// of SARIF. Characters that a terminal obeys or that reorder text are written out
// in all of them.
package formats

import (
	"io"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/documents"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
)

// Format is a form in which a report can be written.
type Format struct {
	Name      string // as in --format
	Media     string // media type
	Extension string // of a file, with the dot
	About     string // whom it is for, in a few words
	write     func(w io.Writer, r *report.Report) error
}

// formats are all of them.
var formats = []Format{
	{"md", "text/markdown; charset=utf-8", ".md", "for issues, chats and terminals", documents.Markdown},
	{"html", "text/html; charset=utf-8", ".html", "one file for people; for mail and print, too", documents.HTML},
	{"json", "application/json", ".json", "all of it; docs/drift-report.schema.json", canonical},
	{"csv", "text/csv; charset=utf-8", ".csv", "one line a finding, for spreadsheets", table},
	{"junit", "application/xml", ".xml", "one test case a workspace, for CI", junit},
	{"sarif", "application/sarif+json", ".sarif", "one result a finding, for code scanning", sarif},
}

// Mail is the HTML as the body of a mail: cut, where it has to be, to what every program shows. Nobody asks for it.
const Mail = "mail"

// All lists them.
func All() []Format { return slices.Clone(formats) }

// Named finds a format. The error is a fault that names the nearest ones.
func Named(name string) (Format, error) {
	var names []string
	for _, f := range formats {
		if f.Name == strings.ToLower(name) {
			return f, nil
		}
		names = append(names, f.Name)
	}
	next := "Use one of " + strings.Join(names, ", ") + "."
	if near := workspace.Nearest(name, names); near != "" {
		next = "Did you mean " + near + "? There are " + strings.Join(names, ", ") + "."
	}
	return Format{}, fault.New(fault.Invalid, next, "There is no report format %q.", name)
}

// Render writes the report in the named format. What cannot be written to w is
// returned as it is; an unknown format is a fault.
func Render(w io.Writer, r *report.Report, format string) error {
	if format == Mail {
		return documents.Mail(w, r)
	}
	f, err := Named(format)
	if err != nil {
		return err
	}
	return f.write(w, r)
}
