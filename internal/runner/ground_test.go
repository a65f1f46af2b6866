package runner

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/engines"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/treecopy"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/testrig"
)

// eachView runs a test in the ways in which an engine can be shown its tree.
func eachView(t *testing.T, files map[string]string, test func(t *testing.T, r *rig)) {
	for _, name := range []string{"overlay", "copy", "user"} { // the last one is a copy that belongs to another user
		t.Run(name, func(t *testing.T) {
			r := newRig(t, files)
			copied := name != "overlay"
			switch r.local.Copy = copied; {
			case name == "copy" && os.Getuid() == 0:
				r.local.Most = sandbox.Filters
			case name == "user" && os.Getuid() != 0:
				t.Skip("NOT RUN: it takes root to run engines as other users")
			}
			if got, err := r.local.namespaceFor(filepath.Join(r.base, "cache")); err != nil || !copied &&
				got == cell.NoNamespace {
				t.Fatalf("this machine does not let a runner mount: %v", r.local.Sandbox().Lacks)
			}
			if level := r.local.Sandbox().Level; name == "user" && level != sandbox.Users {
				t.Fatalf("the level is %s: %v", level, r.local.Sandbox().Lacks)
			}
			test(t, r)
		})
	}
}

// gitModule is a repository of one module, whose branch can move.
type gitModule struct {
	t   testing.TB
	dir string
}

func newGitModule(t testing.TB, payload string) *gitModule {
	m := &gitModule{t, filepath.Join(t.TempDir(), "m")}
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m.git("init", "-q", "-b", "main")
	m.commit(payload)
	return m
}

func (m *gitModule) git(args ...string) {
	m.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", m.dir, "-c", "user.name=a", "-c", "user.email=a@example.com"},
		args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("git %v: %v %s", args, err, out)
	}
}

func (m *gitModule) commit(payload string) {
	m.t.Helper()
	module := "resource \"terraform_data\" \"x\" {\n  input = path.module\n  triggers_replace = " +
		"file(\"${path.module}/payload\")\n  provisioner \"local-exec\" {\n" +
		"    command = \"echo payload $(cat ${path.module}/payload)\"\n  }\n}\noutput \"text\" { value = " +
		"file(\"${path.module}/payload\") }\n"
	for name, text := range map[string]string{"main.tf": module, "payload": payload} {
		if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
	m.git("add", ".")
	m.git("commit", "--allow-empty", "-qm", payload)
}

func (m *gitModule) id(ref string) string {
	m.t.Helper()
	out, err := exec.Command("git", "-C", m.dir, "rev-parse", ref).Output()
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func (m *gitModule) calledAt(ref string) string {
	return "module \"m\" {\n  source = \"git::file://" + m.dir + "?ref=" + ref +
		"\"\n}\noutput \"payload\" { value = module.m.text }\n"
}

func atOnce(j *job.Job, _ *job.Secrets) { j.ModuleAge = 0 }

func speculative(j *job.Job, _ *job.Secrets) { j.LockState = false }

// A plan is applied with the modules that it was made with, whatever moves and whoever
// plans meanwhile.
func TestModulesBelongToTheirRun(t *testing.T) {
	m := newGitModule(t, "one")
	eachView(t, map[string]string{"main.tf": m.calledAt("main")}, func(t *testing.T, r *rig) {
		m.commit("one")
		waiting := r.planned(atOnce)
		m.commit("two")
		other := r.planned(atOnce, speculative)
		if was, is := waiting.groundPackages(), other.seenPayload(); is != "two" || len(was) != 1 {
			t.Fatalf("the later plan saw %q, the first stands on %v", is, was)
		}
		for f, commit := range map[*flight]string{waiting: "main~1", other: "main"} {
			got := mustLoad(t, f.dir).Plan.Modules
			if len(got) != 1 || got[0].Call != "m" || got[0].Source != "git::file://"+m.dir+"?ref=main" ||
				got[0].Commit != m.id(commit) {
				t.Errorf("the plan names the modules %+v, want one of commit %s", got, m.id(commit))
			} else if f == waiting && got[0].Digest != f.groundPackages()[0] {
				t.Errorf("the plan names %s, and stands on %s", got[0].Digest, f.groundPackages())
			}
		}
		if err := os.Rename(m.dir, m.dir+".away"); err != nil { // nothing is fetched at apply
			t.Fatal(err)
		}
		apply := waiting.startApply()
		must(t, apply.wait(), job.Succeeded, "", "")
		if events := apply.read(job.EventsFile); !strings.Contains(events, "payload one") ||
			strings.Contains(events, "payload two") {
			t.Fatalf("applied with another payload:\n%s", events)
		}
		if err := os.Rename(m.dir+".away", m.dir); err != nil {
			t.Fatal(err)
		}
	})
}

func (f *flight) groundPackages() []string {
	f.t.Helper()
	digests, err := ground.GroundPackages(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	return digests
}

// seenPayload is what a plan shows of the module's payload; empty when it does not change.
func (f *flight) seenPayload() string {
	f.t.Helper()
	result := mustLoad(f.t.(*testing.T), f.dir)
	for _, o := range result.Plan.Outputs {
		if s, ok := o.After.(string); ok && o.Name == "payload" {
			return s
		}
	}
	return ""
}

// What a plan stores of paths is the same in every run, and relative where it is by hand.
func TestPathsAreTheSameInEachRun(t *testing.T) {
	m := newGitModule(t, "one")
	files := map[string]string{"live/main.tf": m.calledAt("main") + `
resource "terraform_data" "paths" {
  input = [abspath(path.root), path.cwd, path.root, path.module, abspath("../x")]
}
resource "terraform_data" "rights" {
  triggers_replace = [for f in ["run.sh", "main.tf"] : f]
  provisioner "local-exec" { command = "stat -c 'mode %a of %n' run.sh main.tf . .." }
}
`, "live/run.sh": "#!/bin/sh\n"}
	eachView(t, files, func(t *testing.T, r *rig) {
		if err := os.Chmod(filepath.Join(r.tree, "live", "run.sh"), 0o755); err != nil {
			t.Fatal(err)
		}
		in := func(j *job.Job, _ *job.Secrets) { j.Dir = "live" }
		first := r.planned(in)
		apply := first.startApply(in)
		must(t, apply.wait(), job.Succeeded, "", "")
		for _, want := range []string{"mode 755 of run.sh", "mode 644 of main.tf", "mode 755 of ."} {
			if !strings.Contains(apply.read(job.EventsFile), want) {
				t.Errorf("not %q", want)
			}
		}
		for _, later := range []*flight{r.planned(in, speculative), r.planned(in, atOnce),
			r.planned(in, func(j *job.Job, _ *job.Secrets) { j.Run += "-and-more" })} {
			if p := mustLoad(t, later.dir).Plan; p.HasChanges() {
				t.Fatalf("a plan of the same commit has changes: %s %+v", p.Counts, p.Changes)
			}
		}
		state, err := os.ReadFile(backend.ManagedState(r.workspaceDir(), "default"))
		if err != nil || !strings.Contains(string(state), `".terraform/modules/m"`) {
			t.Fatalf("path.module is not as it is by hand: %v\n%s", err, state)
		}
	})
}

// Whatever an approved plan stands on, a change of it keeps the plan from being applied.
func TestChangedGroundIsNeverApplied(t *testing.T) {
	m := newGitModule(t, "one")
	files := map[string]string{"main.tf": m.calledAt("main") + provisioned("sh ./deploy.sh"),
		"deploy.sh": "echo deployed", "lib/one.sh": "true", "lib/two.sh": "true"}
	overwrite := func(path, text string) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), info.Mode()); err != nil {
			return err
		}
		return os.Chtimes(path, info.ModTime(), info.ModTime()) // as an attacker would
	}
	inCheckout := func(f *flight, name string) string { return filepath.Join(pinned.Files(f.job.Checkout), name) }
	inModule := func(f *flight, name string) string {
		return filepath.Join(pinned.Files(ground.PackageStore{Dir: filepath.Join(f.job.CacheDir,
			"modules")}.Content(f.groundPackages()[0])), name)
	}
	for name, change := range map[string]func(f *flight) error{
		"a script of the commit, with as many bytes": func(f *flight) error {
			return overwrite(inCheckout(f, "deploy.sh"), "echo tampered")
		},
		"a script of the commit, emptied": func(f *flight) error {
			return os.Truncate(inCheckout(f, "deploy.sh"), 0)
		},
		"a script of the commit, by a new file": func(f *flight) error {
			path := inCheckout(f, "deploy.sh")
			if err := os.WriteFile(path+".new", []byte("echo deployed"), 0o644); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
		"a file more in the commit": func(f *flight) error {
			return os.WriteFile(inCheckout(f, "more.tf"), nil, 0o644)
		},
		"a file less in the commit":    func(f *flight) error { return os.Remove(inCheckout(f, "deploy.sh")) },
		"a script that nobody may run": func(f *flight) error { return os.Chmod(inCheckout(f, "deploy.sh"), 0o600) },
		"no index of the checkout": func(f *flight) error {
			return os.Truncate(filepath.Join(f.job.Checkout, "index"), 0)
		},
		"a script, by a link to one of the run's own": func(f *flight) error {
			path := inCheckout(f, "deploy.sh")
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Symlink(filepath.Join(f.dir, "evil.sh"), path)
		},
		"a script that everybody may run": func(f *flight) error { return os.Chmod(inCheckout(f, "deploy.sh"), 0o755) },
		"a directory that is gone":        func(f *flight) error { return os.RemoveAll(inCheckout(f, "lib")) },
		"a directory, by a link to another": func(f *flight) error {
			if err := os.Rename(inCheckout(f, "lib"), filepath.Join(f.dir, "lib")); err != nil {
				return err
			}
			return os.Symlink(filepath.Join(f.dir, "lib"), inCheckout(f, "lib"))
		},
		"a file more, where fileset looks": func(f *flight) error {
			return os.WriteFile(filepath.Join(inCheckout(f, "lib"), "evil.sh"), nil, 0o644)
		},
		"a script, through a link to it from elsewhere": func(f *flight) error {
			other := filepath.Join(f.dir, "other.sh")
			if err := os.Link(inCheckout(f, "deploy.sh"), other); err != nil {
				return err
			}
			return overwrite(other, "echo tampered")
		},
		"a script, by another one's second name": func(f *flight) error {
			other, path := filepath.Join(f.dir, "other.sh"), inCheckout(f, "deploy.sh")
			if err := errors.Join(os.WriteFile(other, []byte("echo tampered"), 0o644), os.Remove(path)); err != nil {
				return err
			}
			return os.Link(other, path)
		},
		"a mark that takes a script away": func(f *flight) error {
			return unix.Mknod(f.wrote("deploy.sh"), unix.S_IFCHR, 0)
		},
		"a mark that takes what is in a directory away": func(f *flight) error {
			if err := os.Mkdir(f.wrote("lib"), 0o755); err != nil {
				return err
			}
			return unix.Setxattr(f.wrote("lib"), "user.overlay.opaque", []byte("y"), 0)
		},
		"a link that the run wrote": func(f *flight) error { return os.Symlink("/etc/passwd", f.wrote("evil.txt")) },
		"a module":                  func(f *flight) error { return overwrite(inModule(f, "payload"), "two") },
		"a module, gone":            func(f *flight) error { return os.RemoveAll(filepath.Dir(inModule(f, ""))) },
		"a file that the run wrote": func(f *flight) error {
			return os.WriteFile(f.wrote("evil_override.tf"), []byte("locals {}\n"), 0o644)
		},
		"a script laid over the commit's": func(f *flight) error {
			return os.WriteFile(f.wrote("deploy.sh"), []byte("echo tampered"), 0o755)
		},
		"what it stands on, not known": func(f *flight) error {
			return os.Remove(filepath.Join(f.dir, job.GroundFile))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, files)
			f := r.planned()
			if err := change(f); err != nil {
				t.Fatal(err)
			}
			apply := f.startApply()
			must(t, apply.wait(), job.Failed, job.CauseStale, "what was approved is not there any more")
			if durable.Exists(filepath.Join(apply.dir, job.StartedFile)) || strings.Contains(apply.read(job.EventsFile),
				"tampered") {
				t.Fatal("the engine was started")
			}
		})
	}
	t.Run("what it stands on, rewritten", func(t *testing.T) {
		r := newRig(t, files)
		f := r.planned()
		if err := os.WriteFile(filepath.Join(f.dir, job.GroundFile), append(f.groundText(), ' '), 0o600); err != nil {
			t.Fatal(err)
		}
		must(t, f.startApply().wait(), job.Failed, job.CauseBadInput, "not the one that was approved")
	})
	t.Run("another engine", func(t *testing.T) {
		r := newRig(t, files)
		f := r.planned()
		terraform, err := exec.LookPath("terraform")
		if err != nil {
			t.Fatal(err)
		}
		shim := filepath.Join(r.given(), "bin", "terraform")
		if err := os.MkdirAll(filepath.Dir(shim), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(shim, []byte("#!/bin/sh\nexec "+terraform+" \"$@\"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		apply := f.startApply(func(j *job.Job, _ *job.Secrets) { j.Engine.Path = shim })
		must(t, apply.wait(), job.Failed, job.CauseStale, "the plan was made by terraform")
	})
}

// What a plan writes into its tree its apply finds there, and nobody else does.
func TestWhatAPlanWrites(t *testing.T) {
	files := map[string]string{"main.tf": provisioned("cat made.txt; echo applied > made.txt")}
	eachView(t, files, func(t *testing.T, r *rig) {
		f := r.planned(func(j *job.Job, _ *job.Secrets) {
			written := cell.WrittenDir(j.Ground, cell.TreeName)
			if err := os.MkdirAll(written, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(written, "made.txt"), []byte("made by the plan\n"),
				0o644); err != nil {
				t.Fatal(err)
			}
		})
		other := r.planned(speculative)
		if durable.Exists(other.wrote("made.txt")) {
			t.Fatal("another run has it, too")
		}
		apply := f.startApply()
		must(t, apply.wait(), job.Succeeded, "", "")
		if !strings.Contains(apply.read(job.EventsFile), "made by the plan") {
			t.Fatalf("the apply does not find it:\n%s", apply.read(job.EventsFile))
		}
		if durable.Exists(filepath.Join(pinned.Files(f.job.Checkout), "made.txt")) {
			t.Fatal("it was written into the shared checkout")
		}
		if err := pinned.Check(f.job.Checkout); err != nil {
			t.Fatal(err)
		}
	})
}

// withEngine has runs use a script for their engine; its %s is the real one.
func (r *rig) withEngine(script string) option {
	r.t.Helper()
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		r.t.Fatal(err)
	}
	shim := filepath.Join(r.base, "bin", "terraform")
	if err := os.MkdirAll(filepath.Dir(shim), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(shim, fmt.Appendf(nil, script, terraform), 0o755); err != nil {
		r.t.Fatal(err)
	}
	return func(j *job.Job, _ *job.Secrets) { j.Engine.Path = shim }
}

// What making a plan changed of the commit's files is told, and nothing else is: not what it added,
// and not what it touched and left as it was.
func TestWhatAPlanRewrites(t *testing.T) {
	files := map[string]string{"main.tf": provisioned("sh ./deploy.sh"), "deploy.sh": "echo honest", "same.txt": "same",
		"run.sh": "true", "gone.txt": "x", "old/a.txt": "a", "old/deep/b.txt": "b", "dir/c.txt": "c", "dir/d.txt": "d",
		"file.txt": "f", "link.txt": "l"}
	const evil = `#!/bin/sh
case " $* " in *" plan "*)
  echo 'echo rewritten' > deploy.sh
  cp same.txt t && cat t > same.txt && touch -d 2001-01-01 same.txt
  chmod 0755 run.sh
  rm -r gone.txt old
  rm -r dir && mkdir dir && echo c > dir/c.txt && echo new > dir/new.txt && printf d > dir/d.txt
  rm file.txt && mkdir file.txt && echo > file.txt/in
  rm link.txt && ln -s deploy.sh link.txt
  echo more > added.txt;;
esac
exec %s "$@"
`
	want := []plan.Rewritten{{Path: "deploy.sh"}, {Path: "dir/c.txt"}, {Path: "file.txt"},
		{Path: "gone.txt", Removed: true}, {Path: "link.txt"}, {Path: "old/a.txt", Removed: true},
		{Path: "old/deep/b.txt", Removed: true}, {Path: "run.sh"}}
	eachView(t, files, func(t *testing.T, r *rig) {
		ours := r.withEngine(evil)
		for name, opts := range map[string][]option{"a plan to apply": {ours},
			"a plan to look at": {ours, speculative}} {
			f := r.planned(opts...)
			got := mustLoad(t, f.dir).Plan.Rewritten
			slices.SortFunc(got, func(a, b plan.Rewritten) int { return strings.Compare(a.Path, b.Path) })
			if !slices.Equal(got, want) {
				t.Errorf("%s: it rewrote %+v\nwant %+v", name, got, want)
			}
		}
		f := r.planned(ours)
		apply := f.startApply(ours)
		must(t, apply.wait(), job.Succeeded, "", "")
		if !strings.Contains(apply.read(job.EventsFile), "rewritten") {
			t.Error("the apply has another script than was told")
		}
	})
	t.Run("a module", func(t *testing.T) {
		r := newRig(t, map[string]string{"main.tf": newGitModule(t, "one").calledAt("main")})
		evil := "#!/bin/sh\ncase \" $* \" in *\" plan \"*) for d in .terraform/modules/*/; do " +
			"echo evil > $d/payload; done;; esac\nexec %s \"$@\"\n"
		got := mustLoad(t, r.planned(r.withEngine(evil)).dir).Plan.Rewritten
		if len(got) != 1 || !strings.HasPrefix(got[0].Path, ".terraform/modules/") ||
			path.Base(got[0].Path) != "payload" {
			t.Errorf("it rewrote %+v", got)
		}
	})
	t.Run("more than are named", func(t *testing.T) {
		many := map[string]string{"main.tf": provisioned("true")}
		for i := range ground.MaxRewritten + 7 {
			many[fmt.Sprintf("f/%03d.txt", i)] = "x"
		}
		r := newRig(t, many)
		p := mustLoad(t, r.planned(r.withEngine("#!/bin/sh\nrm -rf f\nexec %s \"$@\"\n")).dir).Plan
		if len(p.Rewritten) != ground.MaxRewritten || p.MoreRewritten != 7 {
			t.Errorf("%d, and %d more", len(p.Rewritten), p.MoreRewritten)
		}
	})
	t.Run("a lock file that init completes, and one that something rewrites", func(t *testing.T) {
		dir := t.TempDir()
		for in, text := range map[string]string{"was": "a\nb\n", "grew": "a\nnew\nb\n", "lost": "a\nnew\nc\n"} {
			file := filepath.Join(dir, in, ".terraform.lock.hcl")
			err := errors.Join(os.Mkdir(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644))
			if err != nil {
				t.Fatal(err)
			}
		}
		for name, want := range map[string]int{"grew": 0, "lost": 1} {
			layer := ground.Layer{Shared: filepath.Join(dir, "was"), Written: filepath.Join(dir, name)}
			got, _, err := ground.Rewritten([]ground.Layer{layer})
			if err != nil || len(got) != want {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	})
	t.Run("an honest plan", func(t *testing.T) {
		if p := mustLoad(t, newRig(t, files).planned().dir).Plan; len(p.Rewritten)+p.MoreRewritten > 0 {
			t.Errorf("it rewrote %+v", p.Rewritten)
		}
	})
}

// Many workspaces that need one source within a poll fetch it once; after that it is
// fetched anew, unless it cannot move.
func TestASourceIsFetchedOnceForAll(t *testing.T) {
	if !testrig.Long(t, "sources that many fetch") {
		return
	}
	var hits atomic.Int64
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.Create("main.tf")
	if err == nil {
		_, err = w.Write([]byte("output \"o\" { value = 1 }\n"))
	}
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			hits.Add(1)
		}
		w.Header().Set("Content-Type", "application/zip")
		_, _ = w.Write(archive.Bytes())
	}))
	t.Cleanup(server.Close)
	digest, err := engines.FileSum(tempFile(t, archive.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	call := func(query string) string {
		return fmt.Sprintf("module \"m\" {\n  source = %q\n}\n", server.URL+"/m.zip"+query)
	}

	r := newRig(t, map[string]string{"main.tf": call("")})
	first := r.planned()
	once := hits.Load() // go-getter may ask for the same archive more than once
	var flights []*flight
	for i := range 3 {
		flights = append(flights, r.start(r.planJob(func(j *job.Job, _ *job.Secrets) {
			j.WorkspaceDir = filepath.Join(r.base, fmt.Sprint("other", i))
		})))
	}
	for _, f := range flights {
		must(t, f.wait(), job.Succeeded, "", "")
	}
	if n := hits.Load(); once == 0 || n != once {
		t.Fatalf("fetched %d times by the first, %d by all", once, n)
	}
	r.planned(atOnce)
	if n := hits.Load(); n != 2*once {
		t.Fatalf("a source that can move was not fetched anew: %d", n)
	}
	r.write("main.tf", call("?checksum=sha256:"+digest))
	r.planned(atOnce)
	fixed := hits.Load()
	if _, result := r.plan(atOnce); result.Outcome != job.Succeeded || !result.InitReused || hits.Load() != fixed {
		t.Fatalf("a source that cannot move was fetched anew: %d, %d; %+v", fixed, hits.Load(), result)
	}
	// A plan that waits shares what it was made with: it keeps no copy of its own.
	if left, _ := os.ReadDir(filepath.Join(first.job.Ground, "written", "modules", "m")); len(left) > 0 {
		t.Errorf("the run keeps a copy of the module: %v", left)
	}
}

func tempFile(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A damaged package is fetched again, and one from before a power cut is read once more.
func TestDamagedPackageIsFetchedAgain(t *testing.T) {
	m := newGitModule(t, "one")
	r := newRig(t, map[string]string{"main.tf": m.calledAt("main")})
	f := r.planned()
	content := ground.PackageStore{Dir: filepath.Join(f.job.CacheDir, "modules")}.Content(f.groundPackages()[0])
	if err := os.Truncate(filepath.Join(pinned.Files(content), "payload"), 0); err != nil {
		t.Fatal(err)
	}
	_, result := r.plan()
	must(t, result, job.Succeeded, "", "")
	if b, _ := os.ReadFile(filepath.Join(pinned.Files(content), "payload")); string(b) != "one" {
		t.Fatalf("the payload is %q", b)
	}
	if err := os.RemoveAll(filepath.Join(f.job.CacheDir, "modules")); err != nil {
		t.Fatal(err)
	}
	must(t, r.planned().startApply().wait(), job.Succeeded, "", "")
}

// What holds for root holds for everybody else, who has a user namespace and no
// capability that the engine could inherit.
func TestAsAnotherUser(t *testing.T) {
	if !testrig.Long(t, "phases of another user") {
		return
	}
	if os.Getuid() != 0 {
		return // every test here is run by another user than root
	}
	const daemon = 1 // whom every system has: ssh refuses a user without a name
	dir := t.TempDir()
	self, err := os.Executable()
	if err == nil {
		err = treecopy.File(self, filepath.Join(dir, "runner.test"), 0o755)
	}
	for d := dir; err == nil && d != os.TempDir(); d = filepath.Dir(d) {
		err = os.Chmod(d, 0o755)
	}
	if err == nil {
		err = os.Chown(dir, daemon, daemon)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "runner.test"), "-test.run",
		"^(TestModulesBelongToTheirRun|TestPathsAreTheSameInEachRun|TestPlanThenApply|TestEngineHasNoCapabilities|"+
			"TestModulesByHTTP|TestModulesBySSH|TestModulesOfARegistry)$")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: daemon, Gid: daemon}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestEngineHasNoCapabilities(t *testing.T) {
	if os.Getuid() == 0 {
		return // root has them anyway; see TestAsAnotherUser
	}
	r := newRig(t, map[string]string{"main.tf": provisioned("echo caps $(grep -h Cap /proc/self/status) of $(id -u)")})
	if got, err := r.local.namespaceFor(filepath.Join(r.base, "cache")); err != nil || got != cell.UserNamespace {
		t.Fatalf("the namespace is %s: %v", got, r.local.Sandbox().Lacks)
	}
	apply := r.planned().startApply()
	must(t, apply.wait(), job.Succeeded, "", "")
	none := "caps CapInh: 0000000000000000 CapPrm: 0000000000000000 CapEff: 0000000000000000"
	if events := apply.read(job.EventsFile); !strings.Contains(events, none) ||
		!strings.Contains(events, fmt.Sprintf("of %d", os.Getuid())) {
		t.Fatalf("%s", events)
	}
}
