package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/sandbox"
)

// Code that a plan runs puts links where the runner goes on to work: the runner, who sees more than the engine,
// follows none of them.
func TestRunnerFollowsNoLinkOfAPlan(t *testing.T) {
	m := newGitModule(t, "one")
	for name, script := range map[string]string{
		"the directory of modules": "mv .terraform/modules .terraform/m2; ln -s %s .terraform/modules",
		"the data directory":       "rm -rf .terraform; ln -s %s .terraform",
		"the root module":          "cd ..; mv root away; ln -s %s root",
	} {
		for _, command := range []string{"plan", "show"} {
			t.Run(name+"/"+command, func(t *testing.T) {
				code := "terraform {\n  backend \"local\" {}\n}\nresource \"terraform_data\" \"x\" {}\n"
				if name == "the directory of modules" { // the others cannot be moved while a package is shown in them
					code += m.calledAt("main")
				}
				r := newRig(t, map[string]string{"root/main.tf": code})
				victim := filepath.Join(r.given(), "victim")
				if err := os.MkdirAll(filepath.Join(victim, "m"), 0o755); err != nil {
					t.Fatal(err)
				}
				state := filepath.Join(victim, "terraform.tfstate")
				if err := os.WriteFile(state, []byte("{}"), 0o600); err != nil {
					t.Fatal(err)
				}
				ours := r.withEngine("#!/bin/sh\ncase \" $* \" in *\" " + command + " \"*) %[1]s \"$@\"; s=$?\n" +
					fmt.Sprintf(strings.ReplaceAll(script, "%s", "'%s'"), victim) +
					"; exit $s;; esac\nexec %[1]s \"$@\"\n")
				f, result := r.plan(ours, func(j *job.Job, s *job.Secrets) {
					j.Dir = "root"
					s.Backend = fmt.Sprintf("path = %q\n", filepath.Join(r.given(), "own.tfstate"))
				})
				if result.Outcome != job.Failed || !strings.Contains(result.Message, "symbolic link") {
					t.Errorf("%+v\n%s", result, f.read(job.EventsFile))
				}
				if left, err := os.ReadDir(victim); err != nil || len(left) != 2 || !durable.Exists(state) {
					t.Errorf("what a link led to has changed: %v, %v", left, err)
				}
			})
		}
	}
}

// A module whose source is a directory of the machine is a link to it, which the runner would copy.
func TestModulesOfTheMachineAreNotTaken(t *testing.T) {
	r := newRig(t, nil)
	outside := filepath.Join(r.base, "workspaces", "other")
	if err := os.MkdirAll(outside, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "terraform.tfstate"), []byte("CANARY"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{"file://" + outside, "file::" + outside,
		"file://" + filepath.Dir(outside) + "/./other"} {
		r.write("main.tf", fmt.Sprintf("module \"w\" {\n  source = %q\n}\noutput \"o\" {\n  value = "+
			"fileset(\"${path.root}/.terraform/modules/w\", \"**\")\n}\n", source))
		f, result := r.plan()
		if result.Outcome != job.Failed || strings.Contains(f.read(job.EventsFile), "terraform.tfstate\"") {
			t.Errorf("%s: %+v\n%s", source, result, f.read(job.EventsFile))
		}
	}
}

// Git, which an init starts in the module's directory, takes no repository there that was committed as plain files:
// its configuration names programs.
func TestInitRunsNothingOfTheRepository(t *testing.T) {
	r := newRig(t, map[string]string{
		"main.tf": "module \"x\" {\n  source = \"git::https://github.com/acme/mod.git\"\n}\n",
		"HEAD":    "ref: refs/heads/main\n", "objects/info/.keep": "", "refs/heads/.keep": "",
		"config": "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[protocol \"ext\"]\n\tallow = always\n" +
			"[url \"ext::sh hook.sh \"]\n\tinsteadOf = https://github.com/\n",
		"hook.sh": "echo it ran > ran.txt\n"})
	f, result := r.plan()
	if result.Outcome != job.Failed {
		t.Fatalf("%+v", result)
	}
	if durable.Exists(f.wrote("ran.txt")) {
		t.Errorf("a program of the repository ran:\n%s", f.read(job.EventsFile))
	}
}

// hg does what the configuration of a repository says that was committed as files, and has no setting against that: it
// is not started where there is one. Elsewhere it is.
func TestInitRunsNoMercurialInTheRepository(t *testing.T) {
	for name, c := range map[string]struct {
		hgrc, source string
		starts       bool
	}{
		"beside the module":              {"root/.hg/hgrc", "hg::https://example.invalid/mod", false},
		"above it":                       {".hg/hgrc", "hg::https://example.invalid/mod", false},
		"by another source":              {".hg", "git::https://example.invalid/mod", false},
		"in a directory beside it":       {"other/.hg/hgrc", "hg::https://example.invalid/mod", true},
		"a file with a name like it":     {".hgignore", "hg::https://example.invalid/mod", true},
		"no module is fetched by anyone": {".hg/hgrc", "./local", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, map[string]string{"root/main.tf": "module \"x\" {\n  source = \"" + c.source + "\"\n}\n",
				"root/local/main.tf": simple, c.hgrc: "[hooks]\npre-clone = touch ran\n"})
			bin := filepath.Join(r.given(), "bin")
			if err := os.MkdirAll(bin, 0o755); err != nil {
				t.Fatal(err)
			}
			started := filepath.Join(r.given(), "started")
			hg := []byte("#!/bin/sh\npwd > " + started + "\nexit 1\n")
			if err := os.WriteFile(filepath.Join(bin, "hg"), hg, 0o755); err != nil {
				t.Fatal(err)
			}
			r.env["PATH"] += ":" + bin
			_, result := r.plan(func(j *job.Job, _ *job.Secrets) { j.Dir = "root" })
			if durable.Exists(started) != c.starts {
				t.Errorf("hg was started: %t; %+v", !c.starts, result)
			}
			refused := strings.Contains(result.Message, ".hg is a Mercurial repository")
			local := c.source == "./local"
			if refused == (c.starts || local) || local && result.Outcome != job.Succeeded {
				t.Errorf("%+v", result)
			}
		})
	}
}

// No engine leaves a program that others run as the user of tfops. All other modes are as they were.
func TestNoProgramRunsAsTfops(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": provisioned("cp /bin/true t; chmod 4755 t; chmod u+s t; " +
		"install -m 4755 /bin/true u; for f in t u; do test -u $f && echo broke out by $f; done; " +
		"chmod 0750 t && ./t && mkdir -m 2750 d && " +
		"stat -c 'mode %a' t d")})
	apply := r.planned().startApply()
	must(t, apply.wait(), job.Succeeded, "", "")
	events := apply.read(job.EventsFile)
	if strings.Contains(events, "(local-exec): broke out") || !strings.Contains(events, "mode 750") ||
		!strings.Contains(events, "mode 2750") {
		t.Errorf("%s", events)
	}
}

// Whoever has a plan say that an init is needed gets one, after code of the plan ran. Nothing that this code prepared
// gets to where others take it from: the cache of providers, the workspace's lock file, what the last init made, and
// modules by their source.
func TestAnInitAfterAPlanFillsNothing(t *testing.T) {
	eachView(t, map[string]string{"main.tf": asks("lab 1.0.0")}, func(t *testing.T, r *rig) {
		o := newOffers(t, "network_mirror")
		o.offer("lab", "1.0.0", "honest")
		with, home := o.use(r, "w", "cache"), t.TempDir()
		use := func(j *job.Job, s *job.Secrets) { with(j, s); s.Env["HOME"] = home }
		at := "plugins/example.com/acme/%s/" + offerPlatform + "/terraform-provider-%s"
		plant := ""
		for _, dir := range []string{"terraform.d", "$HOME/.terraform.d", "$HOME/.local/share/terraform"} {
			for name, version := range map[string]string{"lab": "1.0.0", "extra": "9.9.9"} {
				file := "\"" + dir + "/" + fmt.Sprintf(at, name+"/"+version, name) + "\""
				plant += "mkdir -p $(dirname " + file + "); echo evil > " + file + "\n"
			}
		}
		began := filepath.Join(r.given(), "began")
		shim := r.withEngine("#!/bin/sh\ncase \" $* \" in *\" plan \"*) test -e " + began + " || exec %[1]s \"$@\"\n" +
			plant + `
cat > main.tf <<'EOT'
` + asks("lab 1.0.0", "extra 9.9.9") + `EOT
rm -f .terraform.lock.hcl
(sleep 2; echo late > late.txt) >/dev/null 2>&1 </dev/null &
echo '{"@level":"error","@message":"x","type":"diagnostic","diagnostic":{"severity":"error","summary":"Backend initialization required","detail":"x"}}'
exit 1;; esac
exec %[1]s "$@"
`)
		f, result := r.plan(use, shim)
		initialised(t, f, result)
		lock, kept := locked(t, keptLock(r, "w")), locked(t, ground.KeptInitFile(f.job.WorkspaceDir))
		// Implied mirrors take the place of the network for what is found in them.
		for path, text := range map[string]string{o.env["TF_CLI_CONFIG_FILE"]: "", began: ""} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			f, result = r.plan(use, shim)
			if result.Outcome != job.Failed || !strings.Contains(f.read(job.EventsFile), "then once more") {
				t.Fatalf("%+v\n%s", result, f.read(job.EventsFile))
			}
		}
		for _, name := range []string{"lab", "extra"} {
			all, err := filepath.Glob(filepath.Join(r.base, "cache", "providers", "example.com/acme", name, "*/*/*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range all {
				if b := locked(t, path); b != "honest" {
					t.Errorf("%s holds %q", path, b)
				}
			}
			if name == "extra" && len(all) > 0 {
				t.Errorf("the cache got %q", all)
			}
		}
		if got := locked(t, keptLock(r, "w")); got != lock {
			t.Errorf("the lock file that is kept became\n%s", got)
		}
		if got := locked(t, ground.KeptInitFile(f.job.WorkspaceDir)); got != kept {
			t.Errorf("what is kept of init became\n%s", got)
		}
	})
}

// A version switcher is asked for the engine's version where the module lies, and some do what is written there. They
// are shut in as the engine is, and what they did is gone before an init.
func TestVersionSwitchersAreShutIn(t *testing.T) {
	for _, level := range []sandbox.Level{sandbox.Namespaces, sandbox.Filters} {
		t.Run(string(level), func(t *testing.T) {
			r := newRig(t, map[string]string{"main.tf": simple, "hook": "grep -q canary-of-others $DATA/key && " +
				"echo harm > $GIVEN/read; echo x >> $DATA/tfops.db; echo x > $OUT; " +
				"mkdir terraform.d; pwd > $GIVEN/asked; id -u > $GIVEN/began; head -c 5000000 /dev/zero >&2"})
			r.local.Most = level
			v := r.victim()
			out := filepath.Join(t.TempDir(), "out")
			ours := r.withEngine("#!/bin/sh\ncase \" $* \" in *\" version \"*) DATA=" + v.Data + " GIVEN=" + r.given() +
				" OUT=" + out + " sh ./hook;; esac\nexec %[1]s \"$@\"\n")
			f, result := r.plan(ours, func(j *job.Job, s *job.Secrets) {
				j.Cell.Read, j.Cell.Write, s.Env["HOME"] = nil, []string{r.given()}, v.Home
			})
			if result.Sandbox != level {
				t.Skipf("NOT RUN: this machine gives the level %q alone", result.Sandbox)
			}
			if b, err := os.ReadFile(filepath.Join(r.given(), "asked")); err != nil ||
				strings.TrimSpace(string(b)) != f.job.Tree {
				t.Errorf("it was asked in %q, %v", b, err)
			}
			for _, path := range []string{filepath.Join(r.given(), "read"), out} {
				if durable.Exists(path) {
					t.Errorf("there is %s", path)
				}
			}
			if b, err := os.ReadFile(filepath.Join(v.Data, "tfops.db")); err != nil || string(b) != v.Secret {
				t.Errorf("the store holds %q, %v", b, err)
			}
			if result.Outcome == job.Succeeded || !strings.Contains(result.Message, "says more than") {
				t.Errorf("what it says has no bound: %+v", result)
			}
		})
	}
}

// The daemon asks no version switcher in a checkout.
func TestTheDaemonAsksNoSwitcherInACheckout(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	_, j, secrets := r.planJob()
	r.withEngine("#!/bin/sh\necho asked > "+filepath.Join(r.given(), "asked")+"\nexec %[1]s \"$@\"\n")(&j, &secrets)
	j.Engine.Made = "1.5.6"
	err := r.local.HasEngine(t.Context(), j, secrets.Env)
	if err != nil || durable.Exists(filepath.Join(r.given(), "asked")) {
		t.Errorf("it was asked: %v", err)
	}
}
