package local

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/tfops/tfops/internal/fault"
)

// worktree makes a repository with a working tree and commits files to it.
func worktree(t *testing.T) (dir string, commit func(files map[string]string) string) {
	t.Helper()
	dir = t.TempDir()
	repo, err := git.PlainInitWithOptions(dir,
		&git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: plumbing.Main}})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := repo.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	return dir, func(files map[string]string) string {
		t.Helper()
		for name, content := range files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if target, ok := strings.CutPrefix(content, "-> "); ok {
				err = os.Symlink(target, path)
			} else if content == "" {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, []byte(content), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := tree.AddWithOptions(&git.AddOptions{All: true}); err != nil {
			t.Fatal(err)
		}
		who := &object.Signature{Name: "Ana", Email: "ana@example.com", When: time.Unix(1, 0)}
		h, err := tree.Commit("a change", &git.CommitOptions{Author: who})
		if err != nil {
			t.Fatal(err)
		}
		return h.String()
	}
}

func TestCheckout(t *testing.T) {
	dir, commit := worktree(t)
	first := commit(map[string]string{"live/main.tf": "a", "live/deep/x.tf": "b", "link.tf": "-> live/main.tf",
		"old.tf": "c"})
	second := commit(map[string]string{"live/main.tf": "changed", "old.tf": "", "new/x.tf": "d"})
	c, err := OpenCheckout(filepath.Join(dir, "live"))
	if err != nil {
		t.Fatal(err)
	}
	for rev, want := range map[string]string{"HEAD": second, "HEAD~1": first, "main": second, first[:8]: first} {
		if got, err := c.Resolve(rev); err != nil || got != want {
			t.Errorf("%s is %s, %v", rev, got, err)
		}
	}
	if _, err := c.Resolve("nowhere"); !fault.Is(err, fault.NotFound) || fault.Next(err) == "" {
		t.Errorf("%v", err)
	}
	paths, err := c.Changed(t.Context(), first, second)
	if err != nil || strings.Join(paths, " ") != "live/main.tf new/x.tf old.tf" {
		t.Errorf("%v, %v", paths, err)
	}
	if fork, err := c.Fork(first, second); err != nil || fork != first {
		t.Errorf("%s, %v", fork, err)
	}
	heads, err := c.Heads()
	if err != nil || len(heads) != 1 || heads["main"] != second || c.Branch() != "main" || c.Origin() != "" {
		t.Errorf("%v, %v", heads, err)
	}
	tree, err := c.Tree(first)
	if err != nil {
		t.Fatal(err)
	}
	b, err := fs.ReadFile(tree, "link.tf")
	if err != nil || string(b) != "a" {
		t.Errorf("through a link: %q, %v", b, err)
	}
	if target, err := fs.ReadLink(tree, "link.tf"); err != nil || target != "live/main.tf" {
		t.Errorf("the link: %q, %v", target, err)
	}
	for _, name := range []string{"../x", "gone", "live/main.tf/x"} {
		if _, err := fs.Stat(tree, name); err == nil {
			t.Errorf("%s is there", name)
		}
	}
}

// Many may read at once, although go-git's store cannot.
func TestCheckoutIsReadByMany(t *testing.T) {
	dir, commit := worktree(t)
	files := map[string]string{}
	for _, name := range []string{"a", "b", "c", "d"} {
		files["live/"+name+"/main.tf"] = name
	}
	sha := commit(files)
	c, err := OpenCheckout(dir)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := c.Tree(sha)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for name, want := range files {
				if b, err := fs.ReadFile(tree, name); err != nil || string(b) != want {
					t.Errorf("%s: %q, %v", name, b, err)
				}
			}
		})
	}
	all.Wait()
}

func TestNoCheckout(t *testing.T) {
	if _, err := OpenCheckout(t.TempDir()); !fault.Is(err, fault.Invalid) || fault.Next(err) == "" {
		t.Errorf("%v", err)
	}
}
