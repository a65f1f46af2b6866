package datadir

import (
	"os"
	"path/filepath"
	"testing"
)

// What lies around a new data directory tells whether it is the first one.
func TestKnownElsewhere(t *testing.T) {
	put := func(t *testing.T, paths ...string) {
		t.Helper()
		for _, p := range paths {
			if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(p, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name  string
		files []string // below the directory that both lie in
		want  string   // where app is known
	}{
		{"nothing", nil, ""},
		{"beside data_dir", []string{"var/old/tfops.db", "var/old/workspaces/app/terraform.tfstate"}, "var/old"},
		{"beside tfops.hcl", []string{"etc/old/key", "etc/old/workspaces/app/terraform.tfstate"}, "etc/old"},
		{"with snapshots alone", []string{"var/old/tfops.db", "var/old/workspaces/app/snapshots/1.tfstate.age"},
			"var/old"},
		{"with nothing applied", []string{"var/old/tfops.db", "var/old/workspaces/app/engine/init.json"}, ""},
		{"of other workspaces", []string{"var/old/tfops.db", "var/old/workspaces/other/terraform.tfstate"}, ""},
		{"no data directory", []string{"var/old/workspaces/app/terraform.tfstate"}, ""},
		{"itself", []string{"var/new/tfops.db", "var/new/workspaces/app/terraform.tfstate"}, ""},
		{"under its former name", []string{"var/old/tfops.db", "var/old/workspaces/was/terraform.tfstate"}, "var/old"},
		{"in a directory that another name had",
			[]string{"var/old/tfops.db", "var/old/workspaces/first/terraform.tfstate"}, "var/old"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range c.files {
				put(t, filepath.Join(dir, f))
			}
			if c.name == "in a directory that another name had" {
				note := filepath.Join(dir, "var/old/workspaces/first/workspace.json")
				if err := os.WriteFile(note, []byte(`{"format_version": 1, "name": "app"}`), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			file, dataDir := filepath.Join(dir, "etc", "tfops.hcl"), filepath.Join(dir, "var", "new")
			put(t, filepath.Join(dataDir, "tfops.lock"), file)
			others := Others(dataDir, file)
			known, err := Known(map[string]bool{"app": true, "was": true}, others)
			if err != nil {
				t.Fatal(err)
			}
			got := known["app"] + known["was"]
			if got != "" {
				got, err = filepath.Rel(dir, got)
			}
			if err != nil || got != c.want {
				t.Errorf("app is known in %q of %q, want %q", got, others, c.want)
			}
		})
	}
}
