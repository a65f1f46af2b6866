package gitrepo_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// size is how much a directory holds, in bytes.
func size(t *testing.T, dir string) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		sum += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// ways are the ways to a repository.
func ways(t *testing.T, repo *gittest.Repo) map[string]remote.Remote {
	srv := gittest.ServeSSH(t, repo.Dir)
	return map[string]remote.Remote{
		"local": {URL: repo.Dir},
		"http":  {URL: gittest.ServeHTTP(t, repo.Dir, "", "")},
		"ssh":   {URL: srv.URL, Auth: remote.Auth{SSHKey: srv.Key, KnownHosts: srv.KnownHosts()}},
	}
}

func only(names ...string) func(string) bool {
	return func(branch string) bool {
		for _, n := range names {
			if ok, err := filepath.Match(n, branch); err == nil && ok {
				return true
			}
		}
		return false
	}
}

// TestFollowed: stale branches cost nothing; what comes to be followed later is
// there after the next fetch, and what somebody asks for at once.
func TestFollowed(t *testing.T) {
	repo := gittest.NewRepo(t)
	first := repo.Commit("main", map[string]string{"a": "main"})
	repo.Tag("v1", first)
	repo.AnnotatedTag("v1.0.1", "commit", first)
	var stale []string
	for i := range 30 {
		stale = append(stale,
			repo.Commit(fmt.Sprint("stale", i), map[string]string{"blob": random(200_000)}, gittest.On(first)))
	}
	below := repo.Commit("deep", map[string]string{"a": "below"}, gittest.On(first))
	repo.Commit("deep", map[string]string{"a": "above"})
	repo.Tag("lost", stale[9])
	env := repo.Commit("env-prod", map[string]string{"a": "prod"}, gittest.On(first))

	for name, r := range ways(t, repo) {
		t.Run(name, func(t *testing.T) {
			m, dir := open(t, r)
			m.Follow(only("main", "env-*"))
			fetch(t, m)
			if n := size(t, dir); n > 100_000 {
				t.Errorf("the mirror has %d bytes", n)
			}
			if !m.Has(first) || !m.Has(env) || m.Has(stale[0]) {
				t.Errorf("main %t, env-prod %t, stale0 %t", m.Has(first), m.Has(env), m.Has(stale[0]))
			}
			for ref, want := range map[string]string{"v1": first, "v1.0.1": first, "env-prod": env} {
				if got, err := m.Resolve(t.Context(), ref); err != nil || got != want {
					t.Errorf("%s: %s, %v", ref, got, err)
				}
			}
			if heads, err := m.Heads(t.Context()); err != nil || len(heads) != 33 {
				t.Errorf("Heads lists %d branches, %v", len(heads), err)
			}
			for _, ref := range []string{"stale1", "refs/heads/stale1", "lost", stale[2], stale[3][:10]} {
				wantFault(t, second(m.Resolve(t.Context(), ref)), fault.NotFound)
				if _, err := m.Fetch(t.Context(), ref); err != nil {
					t.Fatal(err)
				}
				sha, err := m.Resolve(t.Context(), ref)
				if err != nil || exported(t, m, sha)["a"] != "main" {
					t.Errorf("after a fetch of %s: %s, %v", ref, sha, err)
				}
				fetch(t, m)
				if again, err := m.Resolve(t.Context(), ref); err != nil || again != sha {
					t.Errorf("after another fetch, %s: %s, %v", ref, again, err)
				}
				if ref == "stale1" {
					m, _ = open(t, r) // refs/heads/stale1 is the same one
					m.Follow(only("main"))
					fetch(t, m)
				}
			}
			if _, err := m.Fetch(t.Context(), below, "no-such-branch", strings.Repeat("1", 40)); err != nil {
				t.Fatalf("what the host does not have or give out: %v", err)
			}
			if given := m.Has(below); given != (name == "local") { // go-git's server gives out heads only
				t.Errorf("the commit below a head: %t", given)
			}
			if _, err := m.Fetch(t.Context(), gitrepo.Everything); err != nil || !m.Has(below) || !m.Has(stale[29]) {
				t.Errorf("everything: %v", err)
			}

			m, _ = open(t, r)
			m.Follow(only("main"))
			fetch(t, m)
			m.Follow(only("main", "stale4"))
			fetch(t, m)
			if !m.Has(stale[4]) || m.Has(stale[5]) {
				t.Error("a branch that came to be followed was not fetched, or another one was")
			}
			m.Follow(nil)
			fetch(t, m)
			if !m.Has(stale[5]) {
				t.Error("all branches are followed, and not all are there")
			}
		})
	}
}

// TestFollowedTagsOfLater: an annotated tag comes with the commit that it names,
// and with one that was there before it.
func TestFollowedTagsOfLater(t *testing.T) {
	repo := gittest.NewRepo(t)
	repo.Commit("main", map[string]string{"a": "1"})
	for name, r := range ways(t, repo) {
		t.Run(name, func(t *testing.T) {
			m, _ := open(t, r)
			m.Follow(only("main"))
			fetch(t, m)
			old := repo.Head("main")
			repo.AnnotatedTag("old-"+name, "commit", old)
			now := repo.Commit("main", map[string]string{"a": name})
			repo.AnnotatedTag("new-"+name, "commit", now)
			fetch(t, m)
			for ref, want := range map[string]string{"old-" + name: old, "new-" + name: now} {
				if got, err := m.Resolve(t.Context(), ref); err != nil || got != want {
					t.Errorf("%s: %s, %v", ref, got, err)
				}
			}
		})
	}
}

// TestUnfollowedCommitStays: what a run was made of is there after many fetches
// and a repack, and so is the repository's damage a matter of minutes.
func TestUnfollowedCommitStays(t *testing.T) {
	repo := gittest.NewRepo(t)
	first := repo.Commit("main", map[string]string{"a": "main"})
	wanted := repo.Commit("feature", map[string]string{"a": "feature"}, gittest.On(first))
	m, _ := open(t, remote.Remote{URL: repo.Dir})
	m.Follow(only("main"))
	if _, err := m.Fetch(t.Context(), "feature"); err != nil {
		t.Fatal(err)
	}
	repo.DeleteBranch("feature")
	for i := range 25 {
		repo.Commit("main", map[string]string{"n": fmt.Sprint(i)})
		fetch(t, m)
	}
	if err := m.Maintain(t.Context(), []string{wanted}); err != nil {
		t.Fatal(err)
	}
	if got := exported(t, m, wanted); got["a"] != "feature" {
		t.Errorf("the commit of a run holds %v", got)
	}
}
