package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/testrig"
)

// damages are what happens to a file on a disk.
var damages = map[string]func([]byte) []byte{
	"cut":     func(b []byte) []byte { return b[:len(b)/2] },
	"emptied": func([]byte) []byte { return nil },
	"flipped": func(b []byte) []byte {
		b = slices.Clone(b)
		if len(b) > 0 {
			b[len(b)/2] ^= 4
		}
		return b
	},
}

// tornLab damages file after file, and comes in order each time.
type tornLab struct {
	*lab
	module *gittest.Repo
	tried  map[string]bool // by kind of file
	n      int
}

// TestTornFiles damages each kind of file of a data directory between a plan and its
// approval, under a daemon at work and while none is. Nothing is applied but what was
// shown, nothing panics, and what is said to do about it brings everything in order.
func TestTornFiles(t *testing.T) {
	if !testrig.Long(t, "torn files") {
		return
	}
	rounds := 3 // of the many kinds, at each run others
	if os.Getenv("TFOPS_LONG") != "" {
		rounds = 1000
	}
	for name, damage := range damages {
		for _, stopped := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/stopped=%v", name, stopped), func(t *testing.T) {
				t.Parallel()
				l := &tornLab{lab: newLab(t), tried: map[string]bool{}}
				l.module = gittest.NewRepoAt(t, l.path("module.git"))
				l.configure("workspace \"w\" {\n  repository = \"infra\"\n}\n")
				l.step()
				l.serve()
				l.comesInOrder("")
				for range rounds {
					if !l.round(damage, stopped) {
						break
					}
				}
				t.Logf("%d kinds of files: %v", len(l.tried), slices.Sorted(func(yield func(string) bool) {
					for k := range l.tried {
						if !yield(k) {
							return
						}
					}
				}))
				if len(l.tried) < min(rounds, 15) {
					t.Error("hardly any file was tried")
				}
				l.newestModule()
				l.inspected()
			})
		}
	}
}

// step changes what is wanted: a file, and the module.
func (l *tornLab) step() {
	l.n++
	l.module.Commit("main", map[string]string{"payload": fmt.Sprintf("whole %d", l.n), "main.tf": fmt.Sprintf(`
resource "terraform_data" "m" {
  triggers_replace = file("${path.module}/payload")
  provisioner "local-exec" {
    command = "echo ran: $(cat '${path.module}/payload') >> %s"
  }
}
`, l.path("gates", "ran"))})
	l.repo.Commit("main", map[string]string{"deploy.sh": fmt.Sprintf("whole %d", l.n), "main.tf": fmt.Sprintf(`
module "m" {
  source = "git::file://%s?ref=main"
}
resource "terraform_data" "run" {
  triggers_replace = file("deploy.sh")
  provisioner "local-exec" {
    command = "echo ran: $(cat deploy.sh) >> %s"
  }
}
`, l.module.Dir, l.path("gates", "ran"))})
}

// round brings about a plan that waits, damages a file of a kind that was not tried
// yet, approves, and has everything come in order. false: every kind was tried.
func (l *tornLab) round(damage func([]byte) []byte, stopped bool) bool {
	l.t.Helper()
	known := l.runsOf("w")[0].ID
	l.step()
	r := l.latest("w", "awaiting_approval", known)
	path, kind := l.untried(r.ID, stopped)
	if path == "" {
		return false
	}
	if stopped {
		l.terminate()
	}
	before, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) { // the daemon needed it no more
		if stopped {
			l.serve()
		}
		l.command("approve", r.ID, "--digest", r.Plan.Digest)
		l.comesInOrder("")
		return true
	}
	l.tried[kind] = true
	if err == nil {
		err = overwrite(path, damage(before))
	}
	if err != nil {
		l.t.Fatal(err)
	}
	if stopped && !l.starts() || kind == "tfops.db" || kind == "key" {
		if !l.daemon.ended() {
			l.terminate()
		}
		if err := overwrite(path, before); err != nil { // as from a backup
			l.t.Fatal(err)
		}
		l.serve()
	}
	l.command("approve", r.ID, "--digest", r.Plan.Digest)
	l.comesInOrder(kind)
	return true
}

// overwrite changes a file in place, as a disk does.
func overwrite(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// numbered is what differs between files of one kind. Git's loose objects lie in directories
// named by two digits of their hash.
var numbered = regexp.MustCompile(`objects/[0-9a-f]{2}/|[0-9a-f]{16,}|[0-9a-z]{20,}|\d+`)

// untried finds a file of a kind that was not tried yet, among those that are shared and
// those of the run that waits.
func (l *tornLab) untried(run string, stopped bool) (path, kind string) {
	l.t.Helper()
	err := filepath.WalkDir(l.data, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return nil // gone meanwhile
		}
		rel, _ := filepath.Rel(l.data, p)
		parts := strings.Split(rel, string(filepath.Separator))
		if d.IsDir() && len(parts) == 2 && parts[0] == "runs" && parts[1] != run {
			return filepath.SkipDir
		}
		k := numbered.ReplaceAllString(rel, "#")
		if !d.Type().IsRegular() || path != "" || l.tried[k] || rel == "tfops.lock" || rel == "tfops.db" && !stopped {
			return nil
		}
		path, kind = p, k
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return path, kind
}

// starts launches a daemon on a damaged directory: it answers, or ends and says what to do.
func (l *tornLab) starts() bool {
	l.t.Helper()
	s := l.launch()
	ok := false
	l.until("the daemon answers or ends", func() bool {
		_, err := l.client.Health(l.t.Context())
		ok = err == nil
		return ok || s.ended()
	})
	return ok
}

// comesInOrder does what the workspace says that it waits for, until it is in sync.
func (l *tornLab) comesInOrder(kind string) {
	l.t.Helper()
	var last string
	done := map[string]int{}
	l.until("after damage to "+kind+" the workspace comes in order", func() bool {
		w, err := l.client.Workspace(l.t.Context(), "w")
		if err != nil {
			l.t.Fatalf("%s: %v", kind, err)
		}
		if w.Sync == "synced" && w.AppliedCommit == l.repo.Head("main") && w.WaitingFor == "" {
			return true
		}
		if w.WaitingFor != "" && w.NextCommand == "" {
			l.t.Fatalf("%s: it waits for %q and says no command", kind, w.WaitingFor)
		}
		if !l.obey(w) {
			return false
		}
		if last = w.NextCommand; done[last] >= 40 {
			l.t.Fatalf("%s: %q brings nothing in order: it waits for %q\n%s", kind, last, w.WaitingFor, l.overview())
		}
		done[last]++
		return false
	})
	for line := range strings.Lines(l.read("gates/ran")) {
		var m int
		if _, err := fmt.Sscanf(line, "ran: whole %d\n", &m); err != nil || m > l.n {
			l.t.Fatalf("%s: something else was applied than what was shown: %q", kind, line)
		}
	}
	if !strings.Contains(l.read("gates/ran"), fmt.Sprintf("ran: whole %d\n", l.n)) {
		l.t.Errorf("%s: the newest commit was not applied", kind)
	}
}

// newestModule has nothing be left to plan. Within a poll a module is not fetched again, so
// the last plan may have been of the one before.
func (l *tornLab) newestModule() {
	l.t.Helper()
	l.until("nothing is left to plan", func() bool {
		if l.command("plan", "w", "--wait").code == 0 {
			return true
		}
		l.command("sync", "w", "--wait")
		l.comesInOrder("")
		return false
	})
}

// obey does what a workspace says is next; false where that is to wait.
func (l *tornLab) obey(w api.Workspace) bool {
	args := strings.Fields(w.NextCommand)
	if len(args) < 3 || args[0] != "tfops" {
		return false
	}
	switch args[1] {
	case "approve":
		r := l.run(args[2])
		if r.Plan == nil || r.Status != "awaiting_approval" {
			return false
		}
		l.command("approve", r.ID, "--digest", r.Plan.Digest)
	case "resolve":
		l.command("resolve", args[2], "-m", "looked")
	case "sync", "poll", "resume":
		l.command(args[1:]...)
	case "show":
		l.command("sync", "w")
	case "state":
		l.command(append(args[1:], "--yes")...)
	default:
		return false
	}
	return true
}
