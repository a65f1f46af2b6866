package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/drift/report/formats"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/moment"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

func newReportCommand(a *app) *cobra.Command {
	var q api.ReportQuery
	var since, out string
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Report what drifted, of the whole fleet",
		Long: `Report what checks of drift came to: of every workspace, with what could not be
checked on top, then findings by severity with the ways out of each, what is new
and what was resolved since the last report, and how it went in 90 days. It
checks nothing by itself (tfops drift does). --id prints one that was made by
schedule, as it was then.

Formats: md, html (one file for people), json (all of it), csv, junit, sarif.
-o FILE writes it to a file, whose extension names the format where --format does
not; -o with the bare name of a format, such as -o json, prints it.`,
		Example: `  tfops drift report
  tfops drift report --since 7d -o drift.html
  tfops drift report --format json | jq '.summary'`,
		Args: usage.Takes(),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := reportTo(out, &q, cmd.Flags().Changed("format"))
			if err != nil {
				return err
			}
			if q.ID != "" && since != "" {
				return fault.New(fault.Invalid, "leave one of them out",
					"--id names a report that was made, whose window is what it was: --since does not change it")
			}
			if q.Since, err = moment.Since(since, a.now()); err != nil {
				return err
			}
			return a.talks(func(ctx context.Context, c *api.Client, _ []string) error {
				return a.driftReport(ctx, c, q, file)
			})(cmd, args)
		},
	}
	cmd.Flags().StringVar(&q.Format, "format", "md", "write it as `FORMAT`: "+strings.Join(reportFormats(), ", "))
	cmd.Flags().StringVar(&since, "since", "", "what is new is newer than this: a duration back (24h, 7d), a date, or "+
		"a `TIME`; without it, the last report by schedule, or a day")
	cmd.Flags().StringVar(&q.ID, "id", "", "print the report of this `ID`, which was made by schedule")
	cmd.Flags().StringVarP(&out, "output", "o", "", "write it to `FILE` instead of stdout")
	_ = cmd.RegisterFlagCompletionFunc("format", usage.Words(reportFormats()))
	_ = cmd.RegisterFlagCompletionFunc("since", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("id", a.complete(reportIDs))
	return cmd
}

// reportTo reads --output of a report: the file to write, "" for stdout. The
// bare name of a format is that format on stdout, as -o is everywhere else; the
// extension of a file names the format unless --format was given.
func reportTo(out string, q *api.ReportQuery, given bool) (file string, err error) {
	if err := usage.OneOf("format", q.Format, reportFormats()); err != nil {
		return "", err
	}
	switch {
	case out == "" || out == "-":
		return "", nil
	case !slices.Contains(reportFormats(), out):
		if !given {
			q.Format, err = formatOf(out)
		}
		return out, err
	case given && q.Format != out:
		return "", fault.New(fault.Invalid, "for a file of that name write -o ./"+out,
			"--format %s and -o %s ask for two formats", q.Format, out)
	}
	q.Format = out
	return "", nil
}

// plain are extensions of files that hold any text.
var plain = []string{"", ".txt", ".text", ".markdown"}

// formatOf is the format that the extension of a file names. One that names
// another kind of file is refused: nothing could open what would be in it.
func formatOf(file string) (string, error) {
	ext := strings.ToLower(filepath.Ext(file))
	for _, f := range formats.All() {
		if ext == f.Extension || ext == ".htm" && f.Name == "html" {
			return f.Name, nil
		}
	}
	if slices.Contains(plain, ext) || strings.HasPrefix(filepath.Base(file), ".") &&
		ext == filepath.Base(strings.ToLower(file)) {
		return "md", nil
	}
	return "", fault.New(fault.Invalid, "name the format: --format "+strings.Join(reportFormats(), ", "),
		"no format of a report has files with the extension %s", ext)
}

func reportFormats() []string {
	var names []string
	for _, f := range formats.All() {
		names = append(names, f.Name)
	}
	return names
}

func (a *app) driftReport(ctx context.Context, c *api.Client, q api.ReportQuery, file string) error {
	var b bytes.Buffer // whole or not at all
	if err := lookup.Report(ctx, c, q.ID, func(id string) error {
		q.ID = id
		b.Reset()
		return c.DriftReport(ctx, q, &b)
	}); err != nil {
		return err
	}
	if file == "" {
		return a.write(b.Bytes())
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		return fault.New(fault.Unavailable, "name a file that can be written", "the report cannot be written: %w", err)
	}
	a.term().Notef("The report is in %s.", file)
	return nil
}

func newReportsCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "reports",
		Short: "List the reports that were made by schedule",
		Long: `List the drift reports that were made by schedule and are kept, newest first. They
are kept for 91 days, and the newest of each name longer.`,
		Example: `  tfops drift reports`,
		Args:    usage.Takes(),
		RunE:    asks(a, (*api.Client).DriftReports, show.Reports),
	}
}
