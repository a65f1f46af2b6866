package config

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
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
	f.Add(Starter(StarterInfo{URL: "git@git.example.com:a.git", Roots: []string{"."}}))
	f.Add([]byte("workspace \"w\" {\n drift { schedule = \"CRON_TZ=\" }\n}"))
	f.Add([]byte("data_dir = indent(99999999999, \"a\\nb\")"))
	f.Add([]byte("data_dir = \"${1e999999999}\"\nrunner {\n pass_env = [1/0, 1e999*1e999]\n}"))
	f.Add([]byte("workspace \"w\" {\n variables = { a = 1/0 }\n env = { A = 1/0 }\n}"))
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
	})
}
