package authorship_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/authorship"
	"github.com/tfops/tfops/internal/gitrepo"
	gitHistory "github.com/tfops/tfops/internal/gitrepo/history"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/testrig"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// history is a repository of the real Git, and a mirror of it.
type history struct {
	t      *testing.T
	dir    string
	env    []string
	mirror *gitrepo.Mirror
	clock  int
}

func newHistory(t *testing.T) *history {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal("these tests need git on PATH")
	}
	h := &history{t: t, dir: filepath.Join(t.TempDir(), "work"), clock: 1_700_000_000,
		env: append(os.Environ(), "HOME="+t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
			"GIT_CONFIG_COUNT=3", "GIT_CONFIG_KEY_0=gc.auto", "GIT_CONFIG_VALUE_0=0",
			"GIT_CONFIG_KEY_1=maintenance.auto", "GIT_CONFIG_VALUE_1=false",
			"GIT_CONFIG_KEY_2=merge.renames", "GIT_CONFIG_VALUE_2=true")}
	if err := os.Mkdir(h.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	h.as("li", "init", "-q", "-b", "main")
	h.write(map[string]string{"live/app/main.tf": "module \"vpc\" {\n  source = \"../../modules/vpc\"\n}\n",
		"live/app/prod.tfvars": "a = 1\n", "live/other/main.tf": "# other\n",
		"modules/vpc/main.tf": lines("vpc"), "README.md": "read me\n"})
	h.commit("li", "first")
	return h
}

// lines are enough of a file for Git to see it again after a change.
func lines(what string) string {
	var b strings.Builder
	for i := range 30 {
		fmt.Fprintf(&b, "# %s line %d\n", what, i)
	}
	return b.String()
}

// as runs git as a person, each time a minute later.
func (h *history) as(who string, args ...string) string {
	h.t.Helper()
	h.clock += 60
	return h.at(fmt.Sprintf("%d +0000", h.clock), who, args...)
}

func (h *history) at(when, who string, args ...string) string {
	h.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = h.dir
	cmd.Env = append(slices.Clone(h.env), "GIT_AUTHOR_NAME="+who, "GIT_AUTHOR_EMAIL="+who+"@example.com",
		"GIT_COMMITTER_NAME="+who, "GIT_COMMITTER_EMAIL="+who+"@example.com", "GIT_AUTHOR_DATE="+when,
		"GIT_COMMITTER_DATE="+when)
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (h *history) write(files map[string]string) {
	h.t.Helper()
	for name, text := range files {
		p := filepath.Join(h.dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			h.t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *history) commit(who, message string) string {
	h.t.Helper()
	h.as(who, "add", "-A")
	h.as(who, "commit", "-q", "--allow-empty", "-m", message)
	return h.as(who, "rev-parse", "HEAD")
}

// change commits one file.
func (h *history) change(who, path, text string) string {
	h.t.Helper()
	h.write(map[string]string{path: text})
	return h.commit(who, "change "+path)
}

// edit changes one line of a file.
func (h *history) edit(who, path string, line int) string {
	h.t.Helper()
	b, err := os.ReadFile(filepath.Join(h.dir, path))
	if err != nil {
		h.t.Fatal(err)
	}
	all := strings.Split(string(b), "\n")
	all[line] = "# by " + who
	return h.change(who, path, strings.Join(all, "\n"))
}

func app(dir string) workspace.Workspace {
	return workspace.Workspace{Name: "app", Repository: "infra", Dir: dir, Engine: "terraform",
		VarFiles: []string{"prod.tfvars"}}
}

// find asks who wrote what lies between two commits, of a workspace that was in one directory
// and is in another.
func (h *history) find(base, head string, was, is workspace.Workspace,
	change ...func(*authorship.Question)) authorship.Authors {
	h.t.Helper()
	m := h.fetched()
	q := authorship.Question{Base: base, Head: head, Repository: "infra", Retry: "tfops sync app"}
	for _, side := range []struct {
		sha string
		w   workspace.Workspace
	}{{base, was}, {head, is}} {
		if side.sha == "" || !m.Has(side.sha) {
			continue
		}
		tree, err := m.Tree(side.sha)
		if err != nil {
			h.t.Fatal(err)
		}
		q.Touches = append(q.Touches, reach.NewIndex().Graph(tree, []workspace.Workspace{side.w}).Touches("app"))
	}
	for _, c := range change {
		c(&q)
	}
	a, err := authorship.Find(h.t.Context(), m, q, time.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *history) fetched() *gitrepo.Mirror {
	h.t.Helper()
	if h.mirror == nil {
		m, err := gitrepo.Open(filepath.Join(h.t.TempDir(), "infra.git"), remote.Remote{Name: "infra", URL: h.dir})
		if err != nil {
			h.t.Fatal(err)
		}
		h.mirror = m
		h.t.Cleanup(func() { _ = m.Close() })
	}
	if _, err := h.mirror.Fetch(h.t.Context(), gitrepo.Everything); err != nil {
		h.t.Fatal(err)
	}
	return h.mirror
}

// want asserts who wrote what lies between a commit and HEAD.
func (h *history) want(base string, people ...string) authorship.Authors {
	h.t.Helper()
	a := h.find(base, h.as("li", "rev-parse", "HEAD"), app("live/app"), app("live/app"))
	wantPeople(h.t, a, people...)
	return a
}

func wantPeople(t *testing.T, a authorship.Authors, people ...string) {
	t.Helper()
	if a.Unknown != "" {
		t.Errorf("not known: %s (%s)", a.Unknown, a.Next)
	}
	got := []string{}
	for _, p := range a.People {
		local, _, _ := strings.Cut(p.Email, "@")
		got = append(got, local)
	}
	slices.Sort(got)
	slices.Sort(people)
	if got = slices.Compact(got); !slices.Equal(got, people) {
		t.Errorf("written by %q, want %q: %+v", got, people, a.People)
	}
}

func wantUnknown(t *testing.T, a authorship.Authors, why, next string) {
	t.Helper()
	if !strings.Contains(a.Unknown, why) || a.Unknown == "" || !strings.Contains(a.Next, next) || a.Next == "" {
		t.Errorf("not known because of %q (%q), want %q (%q)", a.Unknown, a.Next, why, next)
	}
}

func TestWhoWroteIt(t *testing.T) {
	for name, play := range map[string]func(*history, string){
		"a typo on top": func(h *history, base string) {
			h.edit("ana", "live/app/main.tf", 1)
			h.edit("bo", "live/app/main.tf", 0)
			h.want(base, "ana", "bo")
		},
		"a commit on top that touches nothing": func(h *history, base string) {
			h.edit("ana", "live/app/main.tf", 1)
			h.change("bo", "README.md", "a typo")
			h.commit("cy", "nothing at all")
			h.want(base, "ana")
		},
		"another workspace's": func(h *history, base string) {
			h.edit("ana", "live/other/main.tf", 0)
			h.edit("bo", "live/app/main.tf", 0)
			h.want(base, "bo")
		},
		"a shared module alone": func(h *history, base string) {
			h.edit("ana", "modules/vpc/main.tf", 3)
			h.want(base, "ana")
		},
		"a module before it is used": func(h *history, base string) {
			h.change("ana", "modules/dns/main.tf", lines("dns"))
			h.change("bo", "live/app/dns.tf", "module \"dns\" {\n  source = \"../../modules/dns\"\n}\n")
			h.want(base, "ana", "bo")
		},
		"a var file": func(h *history, base string) {
			h.edit("ana", "live/app/prod.tfvars", 0)
			h.want(base, "ana")
		},
		"a file of another name is no input": func(h *history, base string) {
			h.change("ana", "live/app/notes.md", "x")
			h.want(base)
		},
		"what was done and undone": func(h *history, base string) {
			bad := h.edit("ana", "live/app/main.tf", 1)
			h.as("bo", "revert", "--no-edit", bad)
			h.want(base, "ana", "bo")
		},
		"a cherry-pick has the author and who picked": func(h *history, base string) {
			h.as("ana", "checkout", "-q", "-b", "side")
			picked := h.edit("ana", "live/app/main.tf", 1)
			h.as("bo", "checkout", "-q", "main")
			h.as("bo", "cherry-pick", picked)
			h.want(base, "ana", "bo")
		},
		"a squash names them in its message": func(h *history, base string) {
			h.write(map[string]string{"live/app/main.tf": "# squashed\n"})
			h.commit("bo", "squash\n\nCO-AUTHORED-BY: Ana <ana@example.com>\n\nmore text\n"+
				"co-authored-by : Cy <cy@example.com>, Di <di@example.com>\nCo-authored-by: Ed\n  <ed@example.com>")
			h.want(base, "ana", "bo", "cy", "di", "ed")
		},
		"a deleted file": func(h *history, base string) {
			h.as("ana", "rm", "-q", "live/app/main.tf")
			h.commit("ana", "gone")
			h.change("bo", "live/app/main.tf", "# back\n")
			h.want(base, "ana", "bo")
		},
		"a mailmap makes nobody else of anybody": func(h *history, base string) {
			h.edit("ana", "live/app/main.tf", 1)
			h.change("ana", ".mailmap", "Bo <bo@example.com> <ana@example.com>\n")
			h.want(base, "ana")
		},
		"dates in the future and long ago": func(h *history, base string) {
			h.write(map[string]string{"live/app/a.tf": "# a\n"})
			h.as("ana", "add", "-A")
			h.at("@3786912000 +0000", "ana", "commit", "-q", "-m", "2090")
			h.write(map[string]string{"live/app/b.tf": "# b\n"})
			h.as("bo", "add", "-A")
			h.at("@86400 +0000", "bo", "commit", "-q", "-m", "1970")
			h.edit("cy", "live/app/b.tf", 0)
			h.want(base, "ana", "bo", "cy")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistory(t)
			play(h, h.as("li", "rev-parse", "HEAD"))
		})
	}
}

func TestMerges(t *testing.T) {
	// fork has a side branch of ana that changes a file, and goes back to main.
	fork := func(h *history, path string) {
		h.as("ana", "checkout", "-q", "-b", "side")
		h.edit("ana", path, 1)
		h.as("bo", "checkout", "-q", "main")
	}
	for name, play := range map[string]func(*history, string){
		"who only merges wrote nothing": func(h *history, base string) {
			fork(h, "live/app/main.tf")
			h.as("bo", "merge", "-q", "--no-ff", "-m", "merge", "side")
			h.want(base, "ana")
		},
		"both parents": func(h *history, base string) {
			fork(h, "live/app/main.tf")
			h.edit("cy", "modules/vpc/main.tf", 3)
			h.as("bo", "merge", "-q", "-m", "merge", "side")
			h.want(base, "ana", "cy")
		},
		"a branch from before the applied commit": func(h *history, _ string) {
			fork(h, "live/app/main.tf")
			base := h.edit("cy", "modules/vpc/main.tf", 3)
			h.as("bo", "merge", "-q", "-m", "merge", "side")
			h.want(base, "ana")
		},
		"an evil merge": func(h *history, base string) {
			fork(h, "README.md")
			h.as("bo", "merge", "-q", "--no-ff", "--no-commit", "side")
			h.edit("bo", "live/app/main.tf", 1)
			h.want(base, "bo")
		},
		"a merge that slips a new file in": func(h *history, base string) {
			fork(h, "README.md")
			h.as("bo", "merge", "-q", "--no-ff", "--no-commit", "side")
			h.change("bo", "live/app/new.tf", "# new\n")
			h.want(base, "bo")
		},
		"a merge that drops the other side": func(h *history, base string) {
			fork(h, "live/app/main.tf")
			fixed := h.as("bo", "rev-parse", "side")
			h.edit("cy", "README.md", 0)
			h.as("bo", "merge", "-q", "-s", "ours", "-m", "merge", "side")
			h.want(base, "ana", "bo")
			h.want(fixed, "bo") // who undid what is applied
		},
		"a conflict that somebody resolved": func(h *history, base string) {
			fork(h, "live/app/main.tf")
			h.edit("cy", "live/app/main.tf", 1)
			h.as("bo", "merge", "-q", "-X", "ours", "-m", "merge", "side")
			h.want(base, "ana", "bo", "cy")
		},
		"one file put together of two": func(h *history, base string) {
			fork(h, "modules/vpc/main.tf")
			h.edit("cy", "modules/vpc/main.tf", 25)
			h.as("bo", "merge", "-q", "-m", "merge", "side")
			h.want(base, "ana", "bo", "cy")
		},
		"an octopus": func(h *history, base string) {
			for who, path := range map[string]string{"ana": "live/app/a.tf", "cy": "live/app/c.tf",
				"di": "live/other/d.tf"} {
				h.as(who, "checkout", "-q", "-b", who, base)
				h.change(who, path, "# "+who+"\n")
			}
			h.as("bo", "checkout", "-q", "main")
			h.as("bo", "merge", "-q", "-m", "octopus", "ana", "cy", "di")
			h.want(base, "ana", "cy")
		},
		"a criss-cross": func(h *history, base string) {
			fork(h, "live/app/main.tf")
			h.edit("cy", "modules/vpc/main.tf", 3)
			h.as("bo", "branch", "main1")
			h.as("bo", "merge", "-q", "-m", "main takes side", "side")
			h.as("bo", "checkout", "-q", "side")
			h.as("bo", "merge", "-q", "-m", "side takes main", "main1")
			h.edit("di", "live/app/prod.tfvars", 0)
			h.as("bo", "checkout", "-q", "main")
			h.as("bo", "merge", "-q", "-m", "again", "side")
			h.want(base, "ana", "cy", "di")
		},
		"of histories that have nothing in common": func(h *history, base string) {
			h.as("ana", "checkout", "-q", "--orphan", "other")
			h.as("ana", "rm", "-rfq", ".")
			h.change("ana", "live/app/extra.tf", "# extra\n")
			h.as("bo", "checkout", "-q", "main")
			h.as("bo", "merge", "-q", "--allow-unrelated-histories", "-m", "merge", "other")
			h.want(base, "ana")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistory(t)
			play(h, h.as("li", "rev-parse", "HEAD"))
		})
	}
}

func TestMoves(t *testing.T) {
	for name, play := range map[string]func(*history, string){
		"the directory, with dir in the configuration": func(h *history, base string) {
			h.edit("ana", "live/app/main.tf", 1)
			h.as("bo", "mv", "live/app", "live/web")
			head := h.commit("bo", "moved")
			wantPeople(h.t, h.find(base, head, app("live/app"), app("live/web")), "ana", "bo")
		},
		"another directory, which the workspace gets": func(h *history, base string) {
			h.edit("ana", "live/other/main.tf", 0)
			h.edit("bo", "live/app/main.tf", 0)
			head := h.as("li", "rev-parse", "HEAD")
			wantPeople(h.t, h.find(base, head, app("live/app"), app("live/other")), "ana", "bo")
		},
		"a new module that is renamed before it is used": func(h *history, base string) {
			h.change("ana", "modules/evil/main.tf", lines("evil"))
			h.as("bo", "mv", "modules/evil", "modules/good")
			h.write(map[string]string{"live/app/x.tf": "module \"x\" {\n  source = \"../../modules/good\"\n}\n"})
			h.commit("bo", "use it")
			h.want(base, "ana", "bo")
		},
		"and is renamed once more, with changes": func(h *history, base string) {
			h.change("ana", "draft/main.tf", lines("draft"))
			h.as("bo", "mv", "draft", "draft2")
			h.commit("bo", "rename")
			h.as("cy", "mv", "draft2", "modules/new")
			h.edit("cy", "modules/new/main.tf", 3)
			h.change("di", "live/app/x.tf", "module \"x\" {\n  source = \"../../modules/new\"\n}\n")
			h.want(base, "ana", "bo", "cy", "di")
		},
		"a module that was there": func(h *history, base string) {
			h.edit("ana", "modules/vpc/main.tf", 5)
			h.as("bo", "mv", "modules/vpc", "modules/net")
			h.change("bo", "live/app/main.tf", "module \"vpc\" {\n  source = \"../../modules/net\"\n}\n")
			h.want(base, "ana", "bo")
		},
		"the configuration's file, where inputs changed": func(h *history, base string) {
			h.change("ana", "ops/tfops.hcl", "# other inputs\n")
			h.want(base)
			wantPeople(h.t, h.find(base, h.as("li", "rev-parse", "HEAD"), app("live/app"), app("live/app"),
				func(q *authorship.Question) { q.Reconfigured = true }), "ana")
		},
		"where it is not known what was read everybody counts": func(h *history, base string) {
			h.change("ana", "README.md", "x")
			wantPeople(h.t, h.find(base, h.as("li", "rev-parse", "HEAD"), app("live/app"), app("live/app"),
				func(q *authorship.Question) { q.Every = true }), "ana")
		},
		"the directory is removed": func(h *history, base string) {
			h.edit("bo", "live/other/main.tf", 0)
			h.as("ana", "rm", "-rq", "live/app")
			head := h.commit("ana", "gone")
			wantPeople(h.t, h.find(base, head, app("live/app"), app("live/app")), "ana")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistory(t)
			play(h, h.as("li", "rev-parse", "HEAD"))
		})
	}
}

// What Git cannot tell blocks the rules, and says what to do.
func TestWhereItIsNotKnown(t *testing.T) {
	t.Run("the first apply is of the whole history", func(t *testing.T) {
		h := newHistory(t)
		h.edit("ana", "live/app/main.tf", 1)
		h.edit("bo", "README.md", 0)
		h.want("", "li", "ana")
	})
	t.Run("a forced push undoes what is applied", func(t *testing.T) {
		h := newHistory(t)
		applied := h.edit("ana", "live/app/main.tf", 1)
		h.fetched()
		h.as("bo", "reset", "-q", "--hard", "HEAD~1")
		head := h.as("bo", "rev-parse", "HEAD")
		a := h.find(applied, head, app("live/app"), app("live/app"))
		wantUnknown(t, a, "forced push", "git merge -s ours "+applied[:8])
		// What it says helps: who merges is the author of the step back.
		h.as("cy", "merge", "-q", "-s", "ours", "-m", "back, on purpose", applied)
		h.want(applied, "cy")
	})
	t.Run("a rebase of what is applied", func(t *testing.T) {
		h := newHistory(t)
		applied := h.edit("ana", "live/app/main.tf", 1)
		h.fetched()
		h.as("bo", "reset", "-q", "--hard", "HEAD~1")
		h.edit("bo", "README.md", 0)
		h.as("bo", "cherry-pick", applied)
		a := h.find(applied, h.as("bo", "rev-parse", "HEAD"), app("live/app"), app("live/app"))
		wantUnknown(t, a, "forced push", "git merge")
	})
	t.Run("a forced push that takes nothing of the workspace away", func(t *testing.T) {
		h := newHistory(t)
		applied := h.edit("ana", "live/other/main.tf", 0)
		h.fetched()
		h.as("bo", "reset", "-q", "--hard", "HEAD~1")
		h.edit("cy", "live/app/main.tf", 1)
		h.want(applied, "cy")
	})
	t.Run("the applied commit is in no repository any more", func(t *testing.T) {
		h := newHistory(t)
		head := h.as("li", "rev-parse", "HEAD")
		a := h.find(strings.Repeat("ab", 20), head, app("live/app"), app("live/app"))
		wantUnknown(t, a, "abababab", "")
	})
	t.Run("a shallow remote", func(t *testing.T) {
		h := newHistory(t)
		base := h.as("li", "rev-parse", "HEAD")
		h.edit("ana", "live/app/main.tf", 1)
		h.edit("bo", "live/app/main.tf", 0)
		deep := h.dir
		h.dir = filepath.Join(t.TempDir())
		h.as("li", "clone", "-q", "--depth=1", "file://"+deep, "shallow")
		h.dir = filepath.Join(h.dir, "shallow")
		head := h.as("li", "rev-parse", "HEAD")
		a := h.find("", head, app("live/app"), app("live/app"))
		wantUnknown(t, a, "shallow", "git fetch --unshallow")
		if a := h.find(base, head, app("live/app"), app("live/app")); a.Unknown == "" {
			t.Errorf("known: %+v", a)
		}
	})
	t.Run("more co-authors than anybody has", func(t *testing.T) {
		h := newHistory(t)
		base := h.as("li", "rev-parse", "HEAD")
		var b strings.Builder
		for i := range 300 {
			fmt.Fprintf(&b, "Co-authored-by: X <x%d@example.com>\n", i)
		}
		h.write(map[string]string{"live/app/main.tf": "# x\n"})
		head := h.commit("ana", "many\n\n"+b.String())
		wantUnknown(t, h.find(base, head, app("live/app"), app("live/app")), "more than 256 co-authors", "")
	})
}

// fast has Git import a stream of commits on main.
func (h *history) fast(stream string) {
	h.t.Helper()
	cmd := exec.Command("git", "fast-import", "--quiet", "--force")
	cmd.Dir, cmd.Env, cmd.Stdin = h.dir, h.env, strings.NewReader(stream)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("git fast-import: %v\n%s", err, out)
	}
}

// many are n commits on top of one, of which each tenth touches the workspace; the one of each
// hundred is by ana.
func many(base string, n int) string {
	var b strings.Builder
	for i := range n {
		who, file := "bo", fmt.Sprintf("docs/%d.md", i%50)
		if i%10 == 0 {
			file = "live/app/main.tf"
		}
		if i%100 == 0 {
			who = "ana"
		}
		text := fmt.Sprintf("# %d\n", i)
		fmt.Fprintf(&b, "commit refs/heads/main\ncommitter %s <%s@example.com> %d +0000\ndata 1\nx\n", who, who,
			1_700_100_000+i)
		if i == 0 {
			fmt.Fprintf(&b, "from %s\n", base)
		}
		fmt.Fprintf(&b, "M 100644 inline %s\ndata %d\n%s\n", file, len(text), text)
	}
	return b.String()
}

// A range is bounded; what is above the bound is not known, and no plan waits for it for long.
func TestLongRanges(t *testing.T) {
	h := newHistory(t)
	base := h.as("li", "rev-parse", "HEAD")
	h.fast(many(base, 3000))
	a := h.find(base, h.as("li", "rev-parse", "main"), app("live/app"), app("live/app"))
	wantPeople(t, a, "ana", "bo")
	if a.Commits != 300 || a.People[0].Commits+a.People[1].Commits != 300 {
		t.Errorf("%+v", a)
	}
	if !testrig.Long(t, "a range that is too long") {
		return
	}
	h.fast(many(base, gitHistory.MaxCommits+1))
	a = h.find(base, h.as("li", "rev-parse", "main"), app("live/app"), app("live/app"))
	wantUnknown(t, a, "more than 20000 commits", "commit = ")
}

// Where the clock of the applied commit was wrong, its own history is not taken for new.
func TestWrongClocks(t *testing.T) {
	h := newHistory(t)
	h.edit("ana", "live/app/main.tf", 1)
	h.as("cy", "checkout", "-q", "-b", "side")
	h.edit("cy", "live/app/main.tf", 0)
	h.as("li", "checkout", "-q", "main")
	h.write(map[string]string{"live/app/b.tf": "# b\n"})
	h.as("li", "add", "-A")
	h.at("@86400 +0000", "li", "commit", "-q", "-m", "1970")
	base := h.as("li", "rev-parse", "HEAD")
	h.as("bo", "merge", "-q", "-m", "merge", "side")
	h.want(base, "cy")
}

// A forge that commits for whoever merges is nobody; whoever writes as it is somebody.
func TestForgesAreNobody(t *testing.T) {
	h := newHistory(t)
	base := h.as("li", "rev-parse", "HEAD")
	h.write(map[string]string{"live/app/main.tf": "# x\n"})
	h.as("ana", "add", "-A")
	cmd := exec.Command("git", "commit", "-q", "-m", "squash (#12)")
	cmd.Dir = h.dir
	cmd.Env = append(slices.Clone(h.env), "GIT_AUTHOR_NAME=ana", "GIT_AUTHOR_EMAIL=ana@example.com",
		"GIT_COMMITTER_NAME=GitHub", "GIT_COMMITTER_EMAIL=noreply@github.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	h.want(base, "ana")
	h.write(map[string]string{"live/app/main.tf": "# y\n"})
	h.as("ana", "add", "-A")
	cmd = exec.Command("git", "commit", "-q", "-m", "not a merge")
	cmd.Dir = h.dir
	cmd.Env = append(slices.Clone(h.env), "GIT_AUTHOR_NAME=GitHub", "GIT_AUTHOR_EMAIL=noreply@github.com",
		"GIT_COMMITTER_NAME=GitHub", "GIT_COMMITTER_EMAIL=noreply@github.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	h.want(base, "ana", "noreply")
}
