package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/setup"
	"github.com/tfops/tfops/internal/validation"
)

// checkout makes a Git checkout with two root modules in the working directory.
func checkout(t *testing.T, branch string) *git.Repository {
	t.Helper()
	repo, err := git.PlainInitWithOptions("infra",
		&git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName(branch)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"infra/live/prod", "infra/live/staging", "infra/modules/net"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, "infra/live/prod/main.tf", "module \"net\" {\n  source = \"../../modules/net\"\n}\n")
	write(t, "infra/live/staging/main.tf", "resource \"terraform_data\" \"x\" {}\n")
	write(t, "infra/modules/net/main.tf", "resource \"terraform_data\" \"net\" {}\n")
	return repo
}

func TestInit(t *testing.T) {
	for name, c := range map[string]struct {
		origin   string // "" for none
		url      string // what is written; "" for the checkout itself
		upstream string // what origin/HEAD points to
		branch   string
	}{
		"no origin": {branch: "trunk"},
		"https": {origin: "https://git.example.com/acme/infra.git",
			url: "https://git.example.com/acme/infra.git", branch: "trunk"},
		"password in it": {origin: "https://ana:hunter22@git.example.com/acme/infra.git",
			url: "https://git.example.com/acme/infra.git", branch: "trunk"},
		"ssh": {origin: "git@git.example.com:acme/infra.git", url: "git@git.example.com:acme/infra.git",
			branch: "trunk"},
		"local path": {origin: "file:///srv/git/infra.git", url: "/srv/git/infra.git", branch: "trunk"},
		"default upstream": {origin: "https://git.example.com/acme/infra.git",
			url: "https://git.example.com/acme/infra.git", upstream: "release/next", branch: "release/next"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShell(t)
			repo := checkout(t, "trunk")
			if c.origin != "" {
				if _, err := repo.CreateRemote(&config.RemoteConfig{Name: "origin",
					URLs: []string{c.origin}}); err != nil {
					t.Fatal(err)
				}
			}
			if c.upstream != "" {
				ref := plumbing.NewSymbolicReference("refs/remotes/origin/HEAD",
					plumbing.ReferenceName("refs/remotes/origin/"+c.upstream))
				if err := repo.Storer.SetReference(ref); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir("infra/live") // anywhere in a checkout will do
			data := t.TempDir()
			var w setup.Written
			r := s.ends(exit.Done, "init", "--data-dir", data, "-o", "json")
			if err := json.Unmarshal([]byte(r.out), &w); err != nil {
				t.Fatal(err)
			}
			if c.url == "" {
				top, err := filepath.Abs("..")
				if err != nil {
					t.Fatal(err)
				}
				c.url = top
			}
			if w.URL != c.url || w.Branch != c.branch || w.DataDir != data ||
				strings.Join(w.Workspaces, " ") != "live-prod live-staging" {
				t.Errorf("wrote %+v, want url %q, branch %q", w, c.url, c.branch)
			}
			if text := read(t, "tfops.hcl"); strings.Contains(text, "hunter22") {
				t.Error("the password is in the file")
			}
			if c.origin == "" || strings.HasPrefix(c.url, "https") {
				if out := s.ok("validate"); !strings.Contains(out, "live-prod") {
					t.Errorf("validate prints\n%s", out)
				}
			}
		})
	}
}

func TestInitOverwritesNothing(t *testing.T) {
	s := newShell(t)
	if r := s.ends(exit.Usage, "init"); !strings.Contains(r.err, "not in a Git checkout") ||
		!strings.Contains(r.err, "tfops init CHECKOUT") {
		t.Errorf("without a checkout: %s", r.err)
	}
	checkout(t, "main")
	write(t, "tfops.hcl", "mine")
	if r := s.ends(exit.Failed, "init", "infra"); !strings.Contains(r.err, "tfops.hcl exists already") {
		t.Errorf("says %s", r.err)
	}
	if read(t, "tfops.hcl") != "mine" {
		t.Error("it was overwritten")
	}
	out := s.ok("init", "infra", "--config", "other.hcl", "--branch", "prod", "--url", "https://git.example.com/x.git")
	for _, want := range []string{"Wrote other.hcl", "branch prod", "2 workspaces",
		"tfops validate --config other.hcl", "tfops serve --config other.hcl"} {
		if !strings.Contains(out, want) {
			t.Errorf("init prints\n%s\nwithout %q", out, want)
		}
	}
	if text := read(t, "other.hcl"); !strings.Contains(text, "https://git.example.com/x.git") ||
		!strings.Contains(text, `"prod"`) {
		t.Errorf("wrote\n%s", text)
	}
	if r := s.ends(exit.Failed, "init", "infra", "--config", "no/such/dir.hcl"); !strings.Contains(r.err,
		"cannot be written") {
		t.Errorf("says %s", r.err)
	}
}

func TestValidate(t *testing.T) {
	s := newShell(t)
	write(t, "tfops.hcl", `data_dir = "data"
server { socket_group = "tfops" }
repository "infra" { url = "https://git.example.com/infra.git" }
workspace "a" {
  repository = "infra"
  branch     = "main"
  dir        = "a"
  approval "destructive" {
    when = plan.delete > 0
  }
  drift {
    schedule = "0 2 * * *"
    timezone = "Europe/Paris"
  }
}
`)
	r := s.ends(exit.Done, "validate")
	if !strings.Contains(r.err, "is valid: 1 workspace in 1 repository, no warnings.") {
		t.Errorf("says %s", r.err)
	}
	golden(t, "validate.table", r.out)
	var v validation.Result
	if err := json.Unmarshal([]byte(s.ok("validate", "-o", "json")), &v); err != nil || !v.Valid ||
		len(v.Workspaces) != 1 || v.Workspaces[0].DriftTimezone != "Europe/Paris" {
		t.Errorf("%v: %+v", err, v)
	}

	write(t, "tfops.hcl", "repository \"infra\" {\n  ulr = \"x\"\n}\nworkspce \"a\" {}\n")
	r = s.ends(exit.Usage, "validate")
	for _, want := range []string{"tfops.hcl:2:3", "tfops.hcl:4:1", "^^^", "url", "workspace", "mistakes"} {
		if !strings.Contains(r.err, want) {
			t.Errorf("says\n%s\nwithout %q", r.err, want)
		}
	}
	if r.out != "" || strings.Contains(r.err, "\x1b") {
		t.Errorf("prints %q and %q", r.out, r.err)
	}
	r = s.ends(exit.Usage, "validate", "-o", "json")
	v = validation.Result{}
	if err := json.Unmarshal([]byte(r.out), &v); err != nil || v.Valid || len(v.Problems) != 3 ||
		v.Problems[1].Line != 2 || !filepath.IsAbs(v.Path) {
		t.Errorf("%v: %+v", err, v)
	}
	if r := s.ends(exit.Usage, "serve"); !strings.Contains(r.err, "tfops.hcl:2:3") {
		t.Errorf("serve says %s", r.err)
	}
}

// What drift checks find and who is told is listed, and where it goes is not.
func TestValidateOfRules(t *testing.T) {
	s := newShell(t)
	t.Setenv("TFOPS_TEST_HOOK", "https://ana:CANARYpass@hooks.example.com/CANARYpath")
	t.Setenv("TFOPS_TEST_SIGN", "CANARYsign")
	const rules = `data_dir = "data"
repository "infra" { url = "https://git.example.com/infra.git" }
workspace "a" {
  repository = "infra"
  apply      = "auto"
  drift {
    schedule  = "@daily"
    heal      = true
    heal_only = ["changed"]
  }
}
ignore "old" {
  address = "a.b"
  reason  = "It was."
  expires = "2020-01-01"
}
ignore "new" {
  class   = "input"
  reason  = "It is"
  expires = "2097-01-01"
}
severity "iam" {
  type  = "aws_iam_*"
  class = "changed"
  level = "high"
}
severity "rest" { level = "low" }
report "nightly" {
  schedule = "0 6 * * *"
  timezone = "Europe/Paris"
}
report "weekly" {
  schedule = "0 6 * * 1"
  formats  = ["html", "csv"]
  to       = ["hook"]
  since    = "7d"
}
notify "hook" {
  url    = env("TFOPS_TEST_HOOK")
  secret = env("TFOPS_TEST_SIGN")
}
`
	write(t, "tfops.hcl", rules+"notify \"mail\" {\n  url = "+
		"\"smtp://mail.example.com/?from=CANARYfrom@example.com&to=b@example.com\"\n  on = [\"report\"]\n}\n")
	r := s.ends(exit.Done, "validate")
	golden(t, "validate-rules.table", r.out)
	all := r.out + r.err
	r = s.ends(exit.Done, "validate", "-o", "json")
	golden(t, "validate-rules.json", regexp.MustCompile(`"[^"]*/(data|tfops.hcl)"`).ReplaceAllString(r.out,
		`"HERE/$1"`))
	if all += r.out + r.err; strings.Contains(all, "CANARY") {
		t.Errorf("a secret is shown:\n%s", all)
	}
	write(t, "tfops.hcl", strings.Replace(rules, "notify \"hook\" {",
		"notify \"hook\" {\n  url = \"slack://CANARY\"\n  hmac = \"CANARY\"\n", 1))
	for _, format := range []string{"table", "json", "yaml"} {
		if r := s.ends(exit.Usage, "validate", "-o", format); strings.Contains(r.out+r.err, "CANARY") ||
			!strings.Contains(r.out+r.err, "hmac") {
			t.Errorf("%s\n%s", r.out, r.err)
		}
	}
}

// A fleet that nobody watches is said to be one.
func TestValidateTellsOfSilence(t *testing.T) {
	const bare = "data_dir = \"data\"\nrepository \"infra\" { url = \"https://git.example.com/infra.git\" }\n" +
		"workspace " +
		"\"a\" {\n repository = \"infra\"\n drift {\n  schedule = \"%s\"\n }\n}\n"
	const checked, told = "No workspace is checked for drift", "Nobody is told what happens"
	for src, want := range map[string][2]bool{
		fmt.Sprintf(bare, ""):       {true, true},
		fmt.Sprintf(bare, "@daily"): {false, true},
		fmt.Sprintf(bare, "") + "notify \"n\" { url = \"https://example.com/\" }\n": {true, false},
	} {
		s := newShell(t)
		write(t, "tfops.hcl", src)
		if r := s.ends(exit.Done, "validate"); strings.Contains(r.err, checked) != want[0] ||
			strings.Contains(r.err, told) != want[1] {
			t.Errorf("%s\n%s", src, r.err)
		}
	}
}
