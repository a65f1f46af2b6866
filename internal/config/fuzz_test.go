package config

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/config/reporting"
	"github.com/tfops/tfops/internal/config/starter"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/schedule"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
)

// No text makes Load panic, and what it finds can be rendered.
func FuzzLoad(f *testing.F) {
	inputs, err := filepath.Glob("testdata/*.hcl")
	if err != nil {
		f.Fatal(err)
	}
	for _, in := range inputs {
		src, err := os.ReadFile(in)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte(whole))
	f.Add(starter.File(starter.Info{URL: "git@git.example.com:a.git", Roots: []string{"."}}))
	f.Add([]byte("workspace \"w\" {\n drift { schedule = \"CRON_TZ=\" }\n}"))
	f.Add([]byte("data_dir = indent(99999999999, \"a\\nb\")"))
	f.Add([]byte("data_dir = \"${1e999999999}\"\nrunner {\n pass_env = [1/0, 1e999*1e999]\n}"))
	f.Add([]byte("workspace \"w\" {\n variables = { a = 1/0 }\n env = { A = 1/0 }\n}"))
	for _, src := range blocksAtTheEdge {
		f.Add([]byte(src))
	}
	for _, src := range secretPlaces {
		f.Add([]byte(src))
	}
	path := filepath.Join(f.TempDir(), "tfops.hcl")
	f.Fuzz(func(t *testing.T, src []byte) {
		if err := os.WriteFile(path, src, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		var out bytes.Buffer
		if err != nil {
			if err := err.(*Problems).Render(&out, true, 40); err != nil || out.Len() == 0 {
				t.Errorf("rendered %q, %v", out.String(), err)
			}
			return
		}
		for _, w := range c.Workspaces {
			if w.Name == "" || w.Repository == "" || w.PlanTimeout <= 0 || w.KeepRuns < 0 {
				t.Errorf("an invalid workspace was loaded: %+v", w)
			}
		}
		if err := c.RenderWarnings(&out, false, 0); err != nil {
			t.Error(err)
		}
		checkBlocks(t, c)
	})
}

// blocksAtTheEdge have values at the edges of what the blocks for drift and
// notifications take.
var blocksAtTheEdge = []string{
	"ignore \"x\" {\n address = \"" + strings.Repeat("*.", 5000) + "\"\n reason = \"x\"\n}",
	"ignore \"x\" {\n address = \"a[\\\"\\\\\\\"]\"\n attributes = [\"[\", \"]\", \".\", \"\\\\\"]\n" +
		" reason = \"\u0000\"\n}",
	"ignore \"x\" {\n expires = \"9999-12-31\"\n reason = \"x\"\n class = [null]\n}",
	"ignore \"x\" {\n expires = \"2027-02-29T24:00:00+99:00\"\n labels = { (null) = null, a = [] }\n}",
	"severity \"x\" {\n type = \"[\"\n action = \"no-op\"\n level = null\n}\nseverity \"x\" { level = \"low\" }",
	"report \"x\" {\n schedule = \", , , , ,\"\n timezone = \"../../etc/passwd\"\n formats = [null, \"\"]\n" +
		" to = [\"\", null]\n since = \"-1d\"\n}",
	"report \"x\" {\n schedule = \"@every 99999999999d\"\n since = \"99999999999d\"\n}",
	"report \"x\" {\n schedule = \"@every -1s\"\n timezone = \"Local\"\n}",
	"notify \"x\" {\n url = \"https://h/\"\n on = [null, \"test\", \"\"]\n filter {\n workspaces = [\"\", \"[\"]\n" +
		" labels = { a = \"\" }\n }\n}",
	"notify \"x\" {\n url = \"https://h/\"\n template \"any\" {\n" +
		" text = \"{{range .Labels}}{{template \\\"text\\\" .}}{{end}}\"\n }\n}",
	"notify \"x\" {\n url = \"https://h/\"\n template \"any\" {\n" +
		" text = \"{{define \\\"text\\\"}}{{template \\\"text\\\"}}{{end}}{{template \\\"text\\\"}}\"\n }\n}",
	"notify \"x\" {\n url = \"https://h/\"\n template \"report\" {\n text = \"{{printf \\\"%1000000d\\\" 1}}\"\n }\n}",
	"notify \"x\" {\n url = \"https://h/\"\n template \"any\" {\n text = \"{{range 9000000000000}}{{end}}\"\n }\n}",
	"notify \"\" {\n url = \"https://h/\"\n}\nnotify \"\u0000\" {}\nnotify {}",
	"notify \"x\" {\n url = \"smtp://h/?to=%zz\"\n secret = \"\"\n}",
	"workspace \"w\" {\n drift {\n heal = 1\n heal_only = [\"unchecked\", null]\n heal_cooldown = \"0s\"\n }\n}",
	"runner {\n drift_concurrency = 1e400\n}",
}

// checkBlocks checks what every configuration that was taken has.
func checkBlocks(t *testing.T, c *Config) {
	t.Helper()
	for _, r := range c.Ignore {
		if r.Reason == "" || reporting.IgnoresAll(r) || slices.Contains(r.Classes, drift.Unchecked) {
			t.Errorf("a rule that hides too much was loaded: %+v", r)
		}
	}
	for _, r := range c.Severity {
		if !slices.Contains(drift.Severities(), r.Severity) {
			t.Errorf("an invalid rule was loaded: %+v", r)
		}
	}
	for _, r := range c.Reports {
		s, err := schedule.Parse(r.Schedule, r.Timezone)
		if err != nil || s.IsZero() || r.Since < 0 || r.Since > reporting.LongestWindow {
			t.Errorf("an invalid report was loaded: %+v, %v", r, err)
		}
		if _, err := time.LoadLocation(r.Timezone); err != nil {
			t.Error(err)
		}
		for _, to := range r.To {
			if !slices.ContainsFunc(c.Notify, func(n notify.Target) bool { return n.Name == to }) {
				t.Errorf("a report goes to %q, which is not there", to)
			}
		}
	}
	for _, n := range c.Notify {
		if n.URL == "" || n.Name == "" || len(n.On) == 0 || slices.Contains(n.On, run.NoticeTest) {
			t.Errorf("an invalid notify block was loaded: %v %v", n, n.On)
		}
	}
	for _, w := range c.Workspaces {
		if w.Drift.HealCooldown < time.Minute {
			t.Errorf("%s is healed without end", w.Name)
		}
	}
}
