package validation

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/sandbox"
)

// A rule that names nobody but the owner of data_dir is told before somebody waits for it.
func TestUnmeetableRules(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	repo := gittest.NewRepo(t)
	repo.Commit("main", map[string]string{"main.tf": ""})
	for name, c := range map[string]struct {
		from, data string
		warned     bool
	}{
		"the owner":               {`"` + me.Username + `"`, t.TempDir(), true},
		"the owner twice":         {`"user:` + me.Username + `", "group:own"`, t.TempDir(), true},
		"somebody else, too":      {`"` + me.Username + `", "li"`, t.TempDir(), false},
		"somebody else":           {`"li"`, t.TempDir(), false},
		"anybody":                 {"", t.TempDir(), false},
		"no data directory as of": {`"` + me.Username + `"`, filepath.Join(t.TempDir(), "none"), false},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "tfops.hcl")
			from := ""
			if c.from != "" {
				from = "from = [" + c.from + "]"
			}
			text := fmt.Sprintf(`data_dir = %q
server { socket_group = "users" }
repository "r" { url = %q }
group "own" { members = [%q] }
workspace "w" {
  repository = "r"
  approval "a" {
    %s
  }
}
`, c.data, repo.Dir, me.Username, from)
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
			var summaries []string
			for _, p := range r.Problems {
				summaries = append(summaries, p.Summary)
			}
			text = strings.Join(summaries, "\n")
			if warned := strings.Contains(text, `nobody can meet rule "a"`); warned != c.warned || warned != (text != "") {
				t.Errorf("%q", summaries)
			}
		})
	}
}

// That nothing has to shut engines in does not count for root, which owns data_dir where it runs
// tfops serve.
func TestNoSandboxForRoot(t *testing.T) {
	for _, c := range []struct {
		dir     string
		sandbox string
		warned  bool
	}{
		{t.TempDir(), "none", os.Geteuid() == 0},
		{filepath.Join(t.TempDir(), "not yet"), "none", os.Geteuid() == 0},
		{t.TempDir(), "auto", false},
		{"/", "none", true}, // which is root's
	} {
		cfg := &config.Config{DataDir: c.dir, Runner: config.Runner{Sandbox: sandbox.Wanted(c.sandbox)}}
		if got := forRoot(cfg); len(got) > 0 != c.warned {
			t.Errorf("%s, %s: %+v", c.dir, c.sandbox, got)
		}
	}
}
