package checkout

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/pinned"
)

// mirrored is a mirror of a repository with two commits, of which little differs.
func mirrored(t *testing.T) (m *gitrepo.Mirror, first, second string, files, later map[string]string) {
	t.Helper()
	repo := gittest.NewRepo(t)
	files = map[string]string{"main.tf": "one\n", "same.tf": "the same\n", "deep/in/it.txt": "the same, too\n",
		"run.sh": gittest.Executable("#!/bin/sh\n"), "gone.tf": "gone\n"}
	first = repo.Commit("main", files)
	later = map[string]string{"main.tf": "two\n", "same.tf": "the same\n", "deep/in/it.txt": "the same, too\n",
		"run.sh": gittest.Executable("#!/bin/sh\n"), "new/gone.tf": "gone\n"}
	change := maps.Clone(later)
	change["gone.tf"] = gittest.Delete
	second = repo.Commit("main", change)
	m, err := gitrepo.Open(filepath.Join(t.TempDir(), "infra.git"), remote.Remote{Name: "infra", URL: repo.Dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	if _, err := m.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m, first, second, files, later
}

func holds(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(pinned.Files(dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		seen++
		rel, _ := filepath.Rel(pinned.Files(dir), path)
		b, err := os.ReadFile(path)
		if text, ok := want[filepath.ToSlash(rel)]; !ok ||
			strings.TrimPrefix(text, gittest.Executable("")) != string(b) {
			t.Errorf("%s holds %q, want %q", rel, b, text)
		}
		return err
	})
	if err != nil || seen != len(want) {
		t.Errorf("%d files, want %d; %v", seen, len(want), err)
	}
}

func inode(t *testing.T, dir, name string) uint64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(pinned.Files(dir), name))
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// TestWhatDoesNotDifferIsShared: also when it goes back, when a base is taken away, and
// while each checkout still is what was written.
func TestWhatDoesNotDifferIsShared(t *testing.T) {
	m, first, second, files, later := mirrored(t)
	s := Open(t.TempDir())
	a, err := s.Ensure(t.Context(), "infra", m, first)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Ensure(t.Context(), "infra", m, second)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, a.Dir, files)
	holds(t, b.Dir, later)
	for _, name := range []string{"same.tf", "deep/in/it.txt", "run.sh"} {
		if inode(t, a.Dir, name) != inode(t, b.Dir, name) {
			t.Errorf("%s is there twice", name)
		}
	}
	if inode(t, a.Dir, "main.tf") == inode(t, b.Dir, "main.tf") {
		t.Error("files that differ are one")
	}
	if err := pinned.Check(a.Dir); err == nil {
		t.Error("links do not touch a file here: the test shows nothing")
	}
	for _, dir := range []string{a.Dir, b.Dir} {
		if err := Check(dir); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if _, err := s.Ensure(t.Context(), "infra", never{t}, first); err != nil { // it is what it was
		t.Fatal(err)
	}
	if err := pinned.Check(a.Dir); err != nil {
		t.Errorf("what was read once is read each time: %v", err)
	}
	if err := os.RemoveAll(a.Dir); err != nil {
		t.Fatal(err)
	}
	if err := Check(b.Dir); err != nil {
		t.Errorf("without the other one: %v", err)
	}
}

// never is a source that must not be asked.
type never struct{ t *testing.T }

func (n never) Export(context.Context, string, string, trees.Base) (trees.Exported, error) {
	n.t.Error("exported anew")
	return trees.Exported{}, fs.ErrInvalid
}

// TestATamperedBaseIsNotShared: a file that was changed, with its size and times as
// they were, is in no checkout afterwards.
func TestATamperedBaseIsNotShared(t *testing.T) {
	for _, linked := range []bool{false, true} { // before and after another checkout has links to it
		t.Run(fmt.Sprint(linked), func(t *testing.T) {
			m, first, second, files, later := mirrored(t)
			s := Open(t.TempDir())
			a, err := s.Ensure(t.Context(), "infra", m, first)
			if err != nil {
				t.Fatal(err)
			}
			if linked {
				if _, err := s.Ensure(t.Context(), "infra", m, second); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(pinned.Files(a.Dir), "same.tf")
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString("THE SAME\n"); err != nil || f.Close() != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
			if err := Check(a.Dir); err == nil {
				t.Error("a file that was changed goes unnoticed")
			}
			for sha, want := range map[string]map[string]string{second: later, first: files} {
				c, err := s.Ensure(t.Context(), "infra", m, sha)
				if err != nil {
					t.Fatal(err)
				}
				holds(t, c.Dir, want)
			}
		})
	}
}

func TestDamagedListIsNoBase(t *testing.T) {
	m, first, second, _, later := mirrored(t)
	for name, damage := range map[string]func(path string) error{
		"gone":  os.Remove,
		"cut":   func(p string) error { return os.Truncate(p, 100) },
		"empty": func(p string) error { return os.Truncate(p, 0) },
		"a path that is another's": func(p string) error {
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			return os.WriteFile(p, bytes.Replace(b, []byte("same.tf"), []byte("gone.tf"), 1), 0o600)
		},
		"not hex": func(p string) error { return writeSummed(p, []byte("same.tf\x00abc\x00zz\x00-\x00")) },
		"climbing": func(p string) error {
			return writeSummed(p, []byte("../x\x00abc\x00"+fmt.Sprintf("%064d", 0)+"\x00-\x00"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := Open(t.TempDir())
			a, err := s.Ensure(t.Context(), "infra", m, first)
			if err == nil {
				err = damage(filepath.Join(a.Dir, sharedFile))
			}
			if err != nil {
				t.Fatal(err)
			}
			b, err := s.Ensure(t.Context(), "infra", m, second)
			if err != nil {
				t.Fatal(err)
			}
			holds(t, b.Dir, later)
			for _, same := range []string{"same.tf", "deep/in/it.txt"} {
				if inode(t, a.Dir, same) == inode(t, b.Dir, same) {
					t.Errorf("%s is shared by a list that is damaged", same)
				}
			}
		})
	}
}
