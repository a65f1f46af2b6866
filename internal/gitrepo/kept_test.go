package gitrepo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/workspace/reach"
)

type keeper interface {
	Kept(name string) ([]byte, error)
	Keep(name string, content []byte) error
}

// What was made of a tree is kept with the mirror: it is there after a restart,
// nobody else can read it, and it goes with the mirror.
func TestMirrorKeeps(t *testing.T) {
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main", map[string]string{"main.tf": "a"})
	m, dir := open(t, remote.Remote{URL: repo.Dir})
	fetch(t, m)
	tree := func(m *gitrepo.Mirror) keeper {
		tree, err := m.Tree(sha)
		if err != nil {
			t.Fatal(err)
		}
		return tree.(keeper)
	}
	k := tree(m)
	if _, err := k.Kept("facts"); err == nil {
		t.Fatal("there is something before it was kept")
	}
	kept := filepath.Join(dir, "kept")
	if err := os.MkdirAll(kept, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, kept, map[string]string{"facts.123": "of a process that was killed"})
	for _, text := range []string{"one", "two"} {
		if err := k.Keep("facts", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := tree(reopen(t, dir, remote.Remote{URL: repo.Dir})).Kept("facts"); err != nil ||
		string(got) != "two" {
		t.Errorf("%q, %v", got, err)
	}
	entries, err := os.ReadDir(kept)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	if info, err := os.Stat(filepath.Join(kept, "facts")); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	for _, name := range []string{"", ".", "..", "../x", "a/b", "facts.123"} {
		if err := k.Keep(name, nil); err == nil {
			t.Errorf("%q is kept", name)
		}
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(kept, "facts")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, path); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Kept("facts"); err == nil {
		t.Errorf("a link is followed: %q", got)
	}
	if err := k.Keep("facts", []byte("three")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(secret); err != nil || string(got) != "s" {
		t.Errorf("a link is written through: %q, %v", got, err)
	}
}

// After a restart what a commit touches is told from what was kept, and the same as
// before; nothing of it is believed where it is damaged.
func TestGraphAfterARestart(t *testing.T) {
	files, ws := graphRoots(120, 12)
	repo := gittest.NewRepo(t)
	from := repo.Commit("main", files)
	to := repo.Commit("main", map[string]string{"modules/m000/main.tf": "variable \"n\" {}\n"})
	m, dir := open(t, remote.Remote{URL: repo.Dir})
	fetch(t, m)
	touched := func() string {
		got := graphOf(t, reach.NewIndex(), reopen(t, dir, remote.Remote{URL: repo.Dir}), to,
			ws).Affected([]string{"modules/m000/main.tf"})
		return fmt.Sprint(len(got), got)
	}
	graphOf(t, reach.NewIndex(), m, from, ws)
	path := filepath.Join(dir, "kept", "facts")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := touched()
	for i := 0; i < len(whole); i += len(whole) / 3 {
		raw := append([]byte{}, whole...)
		raw[i] ^= 4
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := touched(); got != want {
			t.Errorf("byte %d is damaged: %s", i, got)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	again := reopen(t, dir, remote.Remote{URL: repo.Dir})
	fetch(t, again)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("what was kept outlives its mirror: %v", err)
	}
	if got := touched(); got != want {
		t.Errorf("after the mirror was made anew: %s", got)
	}
}
