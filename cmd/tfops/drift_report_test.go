package main

import (
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/api"
)

func TestWhereAReportGoes(t *testing.T) {
	for _, c := range []struct {
		out, asked   string // -o and --format; "" was not given
		file, format string
		fails        string
	}{
		{out: "", format: "md"},
		{out: "", asked: "html", format: "html"},
		{out: "-", format: "md"},
		{out: "json", format: "json"},
		{out: "json", asked: "json", format: "json"},
		{out: "json", asked: "csv", fails: "two formats"},
		{out: "./json", file: "./json", format: "md"},
		{out: "drift.html", file: "drift.html", format: "html"},
		{out: "drift.XML", file: "drift.XML", format: "junit"},
		{out: "drift.sarif", file: "drift.sarif", format: "sarif"},
		{out: "drift.json", asked: "sarif", file: "drift.json", format: "sarif"},
		{out: "drift.txt", file: "drift.txt", format: "md"},
		{out: "drift.txt", asked: "htm", fails: "htm"},
		{out: "drift", file: "drift", format: "md"},
		{out: "reports/.drift", file: "reports/.drift", format: "md"},
		{out: "drift.HTM", file: "drift.HTM", format: "html"},
		{out: "drift.pdf", fails: "no format of a report has files with the extension .pdf"},
		{out: "drift.pdf", asked: "html", file: "drift.pdf", format: "html"},
	} {
		q := api.ReportQuery{Format: c.asked}
		if c.asked == "" {
			q.Format = "md"
		}
		file, err := reportTo(c.out, &q, c.asked != "")
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("-o %q --format %q: %v, want an error with %q", c.out, c.asked, err, c.fails)
			}
			continue
		}
		if err != nil || file != c.file || q.Format != c.format {
			t.Errorf("-o %q --format %q: file %q, format %q, %v; want %q, %q", c.out, c.asked, file, q.Format, err,
				c.file, c.format)
		}
	}
}
