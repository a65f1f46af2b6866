package gitrepo_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// TestTags: annotated ones lead to their commits; of what is followed only the tags
// that are asked for are mirrored, and a commit is had by what it is tagged with.
func TestTags(t *testing.T) {
	for _, how := range []string{"local", "http", "git's own server"} {
		t.Run(how, func(t *testing.T) {
			root := t.TempDir()
			repo := gittest.NewRepoAt(t, filepath.Join(root, "infra.git"))
			repo.Commit("main", map[string]string{"a": "1"})
			light := repo.Commit("side", map[string]string{"a": "2"}, gittest.On(""))
			repo.Tag("net/v1.0.0", light)
			deep := repo.Commit("side", map[string]string{"a": "3"})
			repo.AnnotatedTag("net/v1.1.0", "commit", deep)
			nested := how != "http" // go-git's server follows a tag of a tag by one step only
			if inner := repo.AnnotatedTag("net/v1.2.0", "commit", deep); nested {
				repo.AnnotatedTag("net/v1.3.0", "tag", inner)
			}
			other := repo.Commit("other", map[string]string{"a": "4"}, gittest.On(""))
			repo.Tag("stale-9.0.0", other)
			repo.DeleteBranch("side")
			repo.DeleteBranch("other")
			url := repo.Dir
			switch how {
			case "http":
				url = gittest.ServeHTTP(t, repo.Dir, "", "")
			case "git's own server":
				url = serveRealGit(t, realGit(t), root) + "/infra.git"
			}
			m, _ := open(t, remote.Remote{URL: url})
			m.Follow(func(branch string) bool { return branch == "main" })
			tags, err := m.Tags(t.Context())
			if err != nil || tags["net/v1.0.0"] != light || tags["net/v1.1.0"] != deep ||
				nested && tags["net/v1.3.0"] != deep || tags["stale-9.0.0"] != other {
				t.Fatalf("%v, %v", tags, err)
			}
			fetch(t, m)
			if m.Has(light) || m.Has(deep) {
				t.Error("a tag that nobody follows was fetched")
			}
			if _, err := m.Fetch(t.Context(), deep); err != nil || !m.Has(deep) {
				t.Errorf("by its commit, an annotated tag is not fetched: %v", err)
			}
			m.FollowTags(func(tag string) bool { return strings.HasPrefix(tag, "net/v") })
			fetch(t, m)
			if sha, err := m.Resolve(t.Context(), "net/v1.3.0"); nested && (err != nil || sha != deep) {
				t.Errorf("a tag of a tag is of %s, %v", sha, err)
			}
			if !m.Has(light) || !m.Has(deep) || m.Has(other) {
				t.Errorf("followed tags: %t, %t; another one: %t", m.Has(light), m.Has(deep), m.Has(other))
			}
		})
	}
}

// A commit in the history of a branch that nobody follows is had where the host gives it out,
// and with all that it has otherwise: hosts differ in what they let somebody ask for.
func TestAnyCommit(t *testing.T) {
	git := realGit(t)
	for _, c := range []struct{ setting, value string }{
		{"uploadpack.allowAnySHA1InWant", "true"}, {"uploadpack.allowReachableSHA1InWant", "true"},
		{"uploadpack.allowAnySHA1InWant", "false"},
	} {
		t.Run(c.setting+"="+c.value, func(t *testing.T) {
			root := t.TempDir()
			repo := gittest.NewRepoAt(t, filepath.Join(root, "infra.git"))
			repo.Commit("main", map[string]string{"a": "1"})
			pinned := repo.Commit("side", map[string]string{"a": "2"}, gittest.On(""))
			repo.Commit("side", map[string]string{"a": "3"})
			gone := repo.Commit("gone", map[string]string{"a": "4"}, gittest.On(""))
			repo.DeleteBranch("gone")
			git(repo.Dir, "config", c.setting, c.value)
			m, _ := open(t, remote.Remote{URL: serveRealGit(t, git, root) + "/infra.git"})
			m.Follow(func(branch string) bool { return branch == "main" })
			fetch(t, m)
			_, asked := m.Fetch(t.Context(), pinned)
			if !m.Has(pinned) {
				if _, err := m.Fetch(t.Context(), gitrepo.Everything); err != nil || !m.Has(pinned) {
					t.Errorf("it is not had: %v, then %v", asked, err)
				}
			}
			if any := c.setting == "uploadpack.allowAnySHA1InWant" && c.value == "true"; any {
				if _, err := m.Fetch(t.Context(), gone); err != nil || !m.Has(gone) {
					t.Errorf("a commit that no branch has is not fetched although the host gives it: %v", err)
				}
			} else if _, err := m.Fetch(t.Context(), gone); m.Has(gone) {
				t.Errorf("a commit that the host does not give is there, %v", err)
			}
		})
	}
}
