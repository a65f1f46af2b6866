package gitrepo_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

// packs lists the mirror's files with a suffix, biggest first.
func packs(t *testing.T, dir, suffix string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*"+suffix))
	if err != nil || len(files) == 0 {
		t.Fatalf("no packs in %s: %v", dir, err)
	}
	return files
}

func change(t *testing.T, path string, edit func([]byte) []byte) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err == nil {
		err = os.WriteFile(path, edit(raw), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func flip(raw []byte) []byte {
	raw[len(raw)/2] ^= 0x55
	return raw
}

func garbage([]byte) []byte { return []byte("\x00\xffwhat?") }

func half(raw []byte) []byte { return raw[:len(raw)/2] }

func TestDamagedMirror(t *testing.T) {
	remove := func(t *testing.T, files ...string) {
		for _, f := range files {
			if err := os.RemoveAll(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		harm   func(t *testing.T, dir string)
		rescue bool // the superseded head must survive
	}{
		"pack cut short": {func(t *testing.T, dir string) { change(t, packs(t, dir, ".pack")[0], half) }, false},
		"pack changed":   {func(t *testing.T, dir string) { change(t, packs(t, dir, ".pack")[0], flip) }, false},
		"pack empty": {func(t *testing.T, dir string) {
			change(t, packs(t, dir, ".pack")[0], func([]byte) []byte { return nil })
		}, false},
		"pack gone":       {func(t *testing.T, dir string) { remove(t, packs(t, dir, ".pack")[0]) }, false},
		"index gone":      {func(t *testing.T, dir string) { remove(t, packs(t, dir, ".idx")[0]) }, false},
		"index changed":   {func(t *testing.T, dir string) { change(t, packs(t, dir, ".idx")[0], flip) }, false},
		"index cut short": {func(t *testing.T, dir string) { change(t, packs(t, dir, ".idx")[0], half) }, false},
		"all packs gone":  {func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "objects")) }, false},
		"HEAD is garbage": {func(t *testing.T, dir string) { change(t, filepath.Join(dir, "HEAD"), garbage) }, true},
		"HEAD gone":       {func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "HEAD")) }, true},
		"references garbage": {func(t *testing.T, dir string) { change(t, filepath.Join(dir, "packed-refs"), flip) },
			true},
		"references cut": {func(t *testing.T, dir string) { change(t, filepath.Join(dir, "packed-refs"), half) },
			true},
		"references gone": {func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "packed-refs")) }, true},
		"reference to nowhere": {func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, "packed-refs"),
				swapRef)
		},
			true},
		"state garbage": {func(t *testing.T, dir string) { change(t, filepath.Join(dir, "tfops.json"), half) },
			false},
		"state of the future": {func(t *testing.T, dir string) { change(t, filepath.Join(dir, "tfops.json"), future) },
			false},
		"somebody else's":      {func(t *testing.T, dir string) { remove(t, dir); gittest.NewRepoAt(t, dir) }, false},
		"a file instead of it": {func(t *testing.T, dir string) { remove(t, dir); change2(t, dir) }, false},
		"an empty directory":   {func(t *testing.T, dir string) { remove(t, dir); mkdir(t, dir) }, false},
		"a mirror being cloned": {func(t *testing.T,
			dir string) {
			remove(t, filepath.Join(dir, "HEAD"))
			mkdir(t, dir+".new")
		}, true},
	} {
		for _, restarted := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, restarted %t", name, restarted), func(t *testing.T) {
				repo := gittest.NewRepo(t)
				old := repo.Commit("main", map[string]string{"a": "old", "pad": strings.Repeat("pad", 1000)})
				via := remote.Remote{URL: repo.Dir}
				m, dir := open(t, via)
				fetch(t, m)
				forced := repo.Commit("main", map[string]string{"a": "new", "b": strings.Repeat("x", 3000)},
					gittest.On(""))
				fetch(t, m)
				c.harm(t, dir)
				if restarted {
					m = reopen(t, dir, via)
				}
				got := fetch(t, m)
				if !strings.HasPrefix(got.Repaired, dir+".damaged-") || got.Reason == "" {
					t.Fatalf("%+v", got)
				}
				if _, err := os.Stat(got.Repaired); err != nil {
					t.Errorf("what was moved aside: %v", err)
				}
				if files := exported(t, m, forced); files["a"] != "new" {
					t.Errorf("after the repair: %v", files)
				}
				if m.Has(old) && exported(t, m, old)["a"] != "old" {
					t.Error("a superseded head is there, and is wrong")
				}
				if c.rescue && !m.Has(old) {
					t.Error("the superseded head was lost, though it could be read")
				}
				if got := fetch(t, m); got.Repaired != "" {
					t.Errorf("repaired twice: %+v", got)
				}
				if _, err := os.Stat(dir + ".new"); !os.IsNotExist(err) {
					t.Errorf("the clone was left: %v", err)
				}
			})
		}
	}
}

func swapRef(raw []byte) []byte {
	return []byte(strings.Replace(string(raw), " refs/heads/main",
		" refs/heads/main\n"+strings.Repeat("1", 40)+" refs/heads/ghost", 1))
}

func future(raw []byte) []byte {
	return []byte(strings.Replace(string(raw), `"format":1`, `"format":2`, 1))
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

func change2(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("what?"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamageMetByARead: the read says so, Has is false until a fetch has
// repaired it.
func TestDamageMetByARead(t *testing.T) {
	repo := gittest.NewRepo(t)
	content := t.TempDir() + random(1<<20) // unlike any that an earlier run left in memory
	sha := repo.Commit("main", map[string]string{"a": content})
	via := remote.Remote{URL: repo.Dir}
	m, dir := open(t, via)
	fetch(t, m)
	change(t, packs(t, dir, ".pack")[0], func(raw []byte) []byte {
		clear(raw[len(raw)/2 : len(raw)/2+1000])
		return raw
	})
	m = reopen(t, dir, via)
	if !m.Has(sha) {
		t.Fatal("the commit itself is sound")
	}
	wantFault(t, second(m.Export(t.Context(), sha, filepath.Join(t.TempDir(), "x"), trees.Base{})), fault.Unavailable,
		"damaged", "next poll")
	if m.Has(sha) {
		t.Error("Has is true after damage was met")
	}
	if got := fetch(t, m); got.Repaired == "" {
		t.Error("not repaired")
	}
	if !m.Has(sha) || exported(t, m, sha)["a"] != content {
		t.Error("not readable after the repair")
	}
}

// TestDamageWhileTheRemoteIsAway: nothing is moved before there is something to
// put in its place.
func TestDamageWhileTheRemoteIsAway(t *testing.T) {
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main", map[string]string{"a": "a"})
	via := remote.Remote{URL: repo.Dir}
	m, dir := open(t, via)
	fetch(t, m)
	change(t, filepath.Join(dir, "HEAD"), garbage)
	if err := os.Rename(repo.Dir, repo.Dir+".away"); err != nil {
		t.Fatal(err)
	}
	wantFault(t, second(m.Fetch(t.Context())), fault.Invalid, repo.Dir)
	if got := exported(t, m, sha); got["a"] != "a" {
		t.Errorf("the mirror cannot be read any more: %v", got)
	}
	if err := os.Rename(repo.Dir+".away", repo.Dir); err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, m); got.Repaired == "" {
		t.Error("not repaired")
	}
}

// TestDamagedCopiesAreBounded: a disk that keeps failing does not fill up.
func TestDamagedCopiesAreBounded(t *testing.T) {
	repo := gittest.NewRepo(t)
	repo.Commit("main", map[string]string{"a": "a"})
	m, dir := open(t, remote.Remote{URL: repo.Dir})
	fetch(t, m)
	last := ""
	for range 5 {
		change(t, filepath.Join(dir, "HEAD"), garbage)
		last = fetch(t, m).Repaired
	}
	aside, err := filepath.Glob(dir + ".damaged-*")
	if err != nil || len(aside) != 2 || aside[1] != last {
		t.Errorf("%v, %v; the last is %s", aside, err, last)
	}
}

// TestReadOnlyDisk: a mirror that cannot be written is a fault that says so.
func TestReadOnlyDisk(t *testing.T) {
	repo := gittest.NewRepo(t)
	repo.Commit("main", map[string]string{"a": "a"})
	blocked := filepath.Join(t.TempDir(), "file")
	change2(t, blocked)
	m := reopen(t, filepath.Join(blocked, "infra.git"), remote.Remote{URL: repo.Dir})
	_, err := m.Fetch(t.Context())
	wantFault(t, err, fault.Internal, "disk", blocked)
}

// TestConcurrentUse: exports, trees and fetches side by side, while branches
// move and packs are merged.
func TestConcurrentUse(t *testing.T) {
	repo := gittest.NewRepo(t)
	first := repo.Commit("main", map[string]string{"a": "0", "dir/pad": random(100_000)})
	for name, via := range map[string]remote.Remote{"http": {URL: gittest.ServeHTTP(t, repo.Dir, "", "")},
		"local": {URL: repo.Dir}} {
		t.Run(name, func(t *testing.T) {
			m, _ := open(t, via)
			fetch(t, m)
			tree, err := m.Tree(first)
			if err != nil {
				t.Fatal(err)
			}
			heads := make(chan string, 100)
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					for sha := range heads {
						if !m.Has(sha) {
							t.Errorf("%s is not there", sha)
							continue
						}
						for _, id := range []string{sha, first} {
							if _, err := m.Export(t.Context(), id, filepath.Join(t.TempDir(), "x"),
								trees.Base{}); err != nil {
								t.Errorf("Export: %v", err)
							}
						}
						if raw, err := fs.ReadFile(tree, "a"); err != nil || string(raw) != "0" {
							t.Errorf("Tree: %q, %v", raw, err)
						}
						if _, err := m.Changed(t.Context(), first, sha); err != nil {
							t.Errorf("Changed: %v", err)
						}
					}
				})
			}
			for i := range 30 {
				sha := repo.Commit("main", map[string]string{"a": fmt.Sprint(name, i),
					fmt.Sprint("f", i): random(1000)},
					gittest.On(first))
				fetch(t, m)
				heads <- sha
				if i%10 == 9 {
					if err := m.Maintain(t.Context(), []string{first}); err != nil {
						t.Errorf("Maintain: %v", err)
					}
				}
			}
			close(heads)
			wg.Wait()
		})
	}
}

func TestConcurrentFetches(t *testing.T) {
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main", map[string]string{"a": "0"})
	m, _ := open(t, remote.Remote{URL: gittest.ServeHTTP(t, repo.Dir, "", "")})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, err := m.Fetch(t.Context()); err != nil || got.Repaired != "" {
				t.Errorf("%+v, %v", got, err)
			}
			if !m.Has(sha) {
				t.Error("not there after a fetch")
			}
		})
	}
	wg.Wait()
}
