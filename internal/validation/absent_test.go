package validation

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
)

// TestWhatTheRepositoryDoesNotHave is told by a warning before a daemon finds it, as long as nothing
// can be known that would make it right: what is only not committed yet, or in a submodule, may be.
func TestWhatTheRepositoryDoesNotHave(t *testing.T) {
	repo := gittest.NewRepo(t)
	repo.Commit("main", map[string]string{"live/app/main.tf": `resource "terraform_data" "x" {}`,
		"live/app/prod.tfvars": "", "docs/x.md": "",
		".gitmodules": "[submodule \"m\"]\n\tpath = vendor/m\n\turl = ../m\n"})
	new := filepath.Join(repo.Dir, "live/new")
	if err := os.MkdirAll(new, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(new, "main.tf"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		dir, vars string
		want      []string // of the warning; none: there is none
	}{
		"all is there": {"live/app", "prod.tfvars", nil},
		"another directory": {"live/ap", "", []string{
			"branch main of repository r: the repository has no directory live/ap (workspace w)", "live/app"}},
		"no module": {"docs", "", []string{"directory docs has no .tf file"}},
		"another var file": {"live/app", "prd.tfvars", []string{"has no var file live/app/prd.tfvars",
			"prod.tfvars"}},
		"a file":              {"live/app/main.tf", "", []string{"is a file, not a directory"}},
		"not committed yet":   {"live/new", "", nil},
		"in a submodule":      {"vendor/m/root", "", nil},
		"beside one, by name": {"vendor/m2", "", []string{"no directory vendor/m2"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "tfops.hcl")
			vars := ""
			if c.vars != "" {
				vars = fmt.Sprintf("var_files = [%q]", c.vars)
			}
			text := fmt.Sprintf("data_dir = %q\nrepository \"r\" { url = %q }\n"+
				"workspace \"w\" {\n  repository = \"r\"\n  dir = %q\n  %s\n}\n", t.TempDir(), repo.Dir, c.dir, vars)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, err := config.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Check(cfg, "", time.Now())
			if err != nil || !r.Valid {
				t.Fatalf("%+v, %v", r.Problems, err)
			}
			var got []string
			for _, p := range r.Problems {
				got = append(got, p.Severity+" "+p.File+": "+p.Summary+" "+p.Detail)
			}
			if len(c.want) == 0 && len(got) > 0 || len(c.want) > 0 && len(got) != 1 {
				t.Fatalf("%q", got)
			}
			for _, w := range c.want {
				if !strings.HasPrefix(got[0], "warning "+file) || !strings.Contains(got[0], w) {
					t.Errorf("%q lacks %q", got[0], w)
				}
			}
		})
	}
}
