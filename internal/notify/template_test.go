package notify

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/notify/notifytest"
	"github.com/tfops/tfops/internal/run"
)

func TestTemplates(t *testing.T) {
	own, err := ParseTemplates(map[run.NoticeKind]Template{
		run.NoticeApplied: {Title: "{{upper .Workspace}}\n applied", Text: `{{.Labels.team}} {{.Labels.none}}{{range $k, $v := .Labels}}{{$k}}={{$v}}{{end}} {{.At.Format "15:04"}} {{.Delivery}} {{.Target}}`},
		run.NoticeErrored: {Text: "only the text"},
		Any:               {Title: "any: {{cut 4 (oneline .Title)}}"},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := func(kind run.NoticeKind) run.Delivery {
		n := notifytest.Notice("a title")
		n.Kind, n.Severity, n.At = kind, "high", time.Date(2027, 3, 1, 2, 0, 0, 0, time.UTC)
		return run.Delivery{ID: "1-ops", Target: "ops", Notice: n}
	}
	for _, c := range []struct {
		name        string
		templates   *Templates
		kind        run.NoticeKind
		title, text string
		own         bool
	}{
		{"built in", nil, run.NoticeApplied, "a title", "Applied 3 changes.\n\nNext: tfops show 01zgwseg0v3j", false},
		{"built in, of drift", nil, run.NoticeDriftNew, "[high] a title",
			"Applied 3 changes.\n\nNext: tfops show 01zgwseg0v3j", false},
		{"of the kind", own, run.NoticeApplied, "NETWORK-PROD applied", "network team=network 02:00 1-ops ops", true},
		{"of the kind in part", own, run.NoticeErrored, "any: a t…", "only the text", true},
		{"of any", own, run.NoticeReport, "any: a t…", "Applied 3 changes.\n\nNext: tfops show 01zgwseg0v3j", true},
	} {
		w := Target{Name: "ops", Templates: c.templates}.Wording(d(c.kind))
		if w.Title != c.title || w.Text != c.text || w.Own != c.own || w.Note != "" {
			t.Errorf("%s: %+v", c.name, w)
		}
	}
	for _, kind := range run.NoticeKinds() {
		if w := (Target{}).Wording(d(kind)); w.Title == "" || w.Text == "" || w.Own || w.Note != "" {
			t.Errorf("%s: %+v", kind, w)
		}
	}
	if w := (Target{}).Wording(run.Delivery{Notice: run.Notice{Kind: run.NoticeTest,
		Command: "tfops status"}}); w.Title != "A test of tfops" || w.Text != "Next: tfops status" {
		t.Errorf("a test: %+v", w)
	}
	long := notifytest.Notice("a title")
	long.Text = strings.Repeat("x", MaxText)
	if w := (Target{}).Wording(run.Delivery{Notice: long}); len(w.Text) > MaxText ||
		!strings.Contains(w.Note, "64 KiB") || !strings.HasPrefix(w.Text, "xxx") {
		t.Errorf("a long text: %d, %q", len(w.Text), w.Note)
	}
}

// TestTemplateFails: one that parses may still fail. The message arrives in the
// built-in words, and says so.
func TestParseTemplates(t *testing.T) {
	for what, in := range map[string]map[run.NoticeKind]Template{
		"unclosed action":                    {run.NoticeApplied: {Text: "{{.Title"}},
		`function "env" not defi`:            {run.NoticeApplied: {Title: `{{env "HOME"}}`}},
		"can't evaluate field No":            {Any: {Text: "{{.Nothing}}"}},
		`of the kind "bogus"`:                {"bogus": {Text: "x"}},
		"64 KiB":                             {Any: {Text: strings.Repeat("x", MaxText+1)}},
		`function "tfopsStep" not`:           {Any: {Text: "{{tfopsStep}}"}},
		"round a loop more than 10000 times": {Any: {Title: "{{range 1000000000000}}{{end}}"}},
	} {
		if _, err := ParseTemplates(in); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), what) ||
			fault.Next(err) == "" {
			t.Errorf("%v, want %q", err, what)
		}
	}
	if p, err := ParseTemplates(nil); err != nil ||
		p.find(run.NoticeApplied, func(p pair) *template.Template { return p.text }) != nil {
		t.Errorf("none: %v", err)
	}
}

func TestWants(t *testing.T) {
	targets := []Target{
		{Name: "all"},
		{Name: "kinds", On: []run.NoticeKind{run.NoticeErrored, run.NoticeTest}},
		{Name: "net", Filter: Filter{Workspaces: []string{"db-?", "network-*"}}},
		{Name: "team", Filter: Filter{Labels: map[string]string{"team": "net*", "tier": "prod"}}},
		{Name: "grave", Filter: Filter{Severity: drift.High}},
		{Name: "both", On: []run.NoticeKind{run.NoticeDriftNew},
			Filter: Filter{Workspaces: []string{"*"}, Severity: drift.Medium}},
	}
	prod := map[string]string{"team": "network", "tier": "prod"}
	for _, c := range []struct {
		n    run.Notice
		want string
	}{
		{run.Notice{Kind: run.NoticeApplied, Workspace: "network-prod", Labels: prod}, "all net team grave"},
		{run.Notice{Kind: run.NoticeErrored, Workspace: "db-1", Labels: map[string]string{"team": "network"}},
			"all kinds net grave"},
		{run.Notice{Kind: run.NoticeDriftNew, Workspace: "db-12", Severity: "critical"}, "all grave both"},
		{run.Notice{Kind: run.NoticeDriftNew, Workspace: "db-12", Severity: "high"}, "all grave both"},
		{run.Notice{Kind: run.NoticeDriftNew, Workspace: "db-12", Severity: "medium"}, "all both"},
		{run.Notice{Kind: run.NoticeDriftNew, Workspace: "db-12", Severity: "low"}, "all"},
		{run.Notice{Kind: run.NoticeConfigInvalid}, "all grave"},
		{run.Notice{Kind: run.NoticeTest, Workspace: "network-prod", Labels: prod}, ""},
	} {
		if got := strings.Join(Wants(targets, c.n), " "); got != c.want {
			t.Errorf("%+v: %q, want %q", c.n, got, c.want)
		}
	}
}

// TestTemplatesEnd: a template that writes nothing would have the daemon go
// round for ever, whatever it may write.
func TestTemplatesEnd(t *testing.T) {
	const far = "1000000000000"
	twice := ""
	for i := range 60 {
		twice += fmt.Sprintf(`{{define "%d"}}{{template "%d"}}{{template "%d"}}{{end}}`, i, i+1, i+1)
	}
	for _, text := range []string{
		"{{range " + far + "}}{{end}}",
		"{{$n := " + far + "}}{{range $n}}{{end}}",
		"{{range $n := 2000}}{{range 2000}}{{end}}{{end}}",
		"{{if .Title}}{{range " + far + "}}{{end}}{{end}}",
		"{{if not .Title}}{{else}}{{range " + far + "}}{{end}}{{end}}",
		"{{with .Title}}{{range " + far + "}}{{end}}{{end}}",
		"{{with ``}}{{else}}{{range " + far + "}}{{end}}{{end}}",
		"{{range 0}}{{else}}{{range " + far + "}}{{end}}{{end}}",
		"{{range 3}}{{range " + far + "}}{{continue}}{{end}}{{end}}",
		`{{define "x"}}{{range ` + far + `}}{{end}}{{end}}{{template "x"}}`,
		`{{block "x" .}}{{range ` + far + `}}{{end}}{{end}}`,
		twice + `{{define "60"}}{{end}}{{template "0"}}`,
		`{{define "x"}}{{template "x"}}{{end}}{{template "x"}}`,
	} {
		p, err := read(Template{Text: text})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := execute(p.text, sample); err == nil || !strings.Contains(err.Error(), "round a loop") {
			t.Errorf("%.80s: %v", text, err)
		}
	}
	// What is of use goes on: as often as it is used, at once and by many.
	p, err := read(Template{Text: `{{range $n := 9000}}{{if eq $n 8999}}{{.}}{{$.Title}}{{end}}{{end}}`})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 3 {
				if text, err := execute(p.text, sample); text != "8999A title" || err != nil {
					t.Errorf("%q, %v", text, err)
				}
			}
		})
	}
	all.Wait()
}
