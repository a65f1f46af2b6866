package gitrepo_test

import (
	"io/fs"
	"maps"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/local"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// realGit returns a function that runs the git program in a directory. The
// package needs none: these tests show that it gets on with those of others.
func realGit(t testing.TB) func(dir string, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("git")
	if err != nil {
		t.Skip("NOT RUN: there is no git on PATH to compare with")
	}
	env := append(os.Environ(), "HOME="+t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		// no process left behind
		"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=gc.auto", "GIT_CONFIG_VALUE_0=0", "GIT_CONFIG_KEY_1=maintenance.auto",
		"GIT_CONFIG_VALUE_1=false",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A",
		"GIT_COMMITTER_EMAIL=a@example.com")
	return func(dir string, args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
}

func serveRealGit(t testing.TB, git func(string, ...string) string, root string) string {
	t.Helper()
	backend := filepath.Join(git(root, "--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skipf("NOT RUN: this git has no http-backend: %v", err)
	}
	srv := httptest.NewServer(&cgi.Handler{Path: backend,
		Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1",
			"GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}})
	t.Cleanup(srv.Close)
	return srv.URL
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRealServer: the life of a branch against git's own server, garbage
// collection and packed references included, and a mirror that git finds sound.
func TestRealServer(t *testing.T) {
	git := realGit(t)
	root := t.TempDir()
	work := filepath.Join(root, "repo")
	git(root, "init", "-q", "-b", "main", work)
	url := serveRealGit(t, git, root) + "/repo/.git"
	m, dir := open(t, remote.Remote{URL: url})
	if heads, err := m.Heads(t.Context()); err != nil || len(heads) != 0 {
		t.Fatalf("an empty repository: %v, %v", heads, err)
	}
	fetch(t, m)

	commit := func(files map[string]string) string {
		write(t, work, files)
		git(work, "add", "-A")
		git(work, "commit", "-q", "-m", "c")
		return git(work, "rev-parse", "HEAD")
	}
	want := map[string]map[string]string{}
	one := commit(map[string]string{"main.tf": "1", "dir/a": strings.Repeat("line\n", 2000)})
	want[one] = map[string]string{"main.tf": "1", "dir/a": strings.Repeat("line\n", 2000)}
	fetch(t, m)
	for i := range 5 { // small changes to a big file: deltas
		text := strings.Repeat("line\n", 2000) + strings.Repeat("more\n", i+1)
		sha := commit(map[string]string{"dir/a": text})
		want[sha] = map[string]string{"main.tf": "1", "dir/a": text}
	}
	git(work, "tag", "-a", "-m", "t", "v1")
	git(work, "gc", "-q")
	fetch(t, m)

	git(work, "reset", "-q", "--hard", one)
	forced := commit(map[string]string{"main.tf": "forced"})
	want[forced] = map[string]string{"main.tf": "forced", "dir/a": want[one]["dir/a"]}
	git(work, "tag", "-d", "v1")
	git(work, "reflog", "expire", "--expire=now", "--all")
	git(work, "gc", "-q", "--prune=now") // the remote forgets what we have
	fetch(t, m)
	git(work, "checkout", "-q", "--orphan", "other")
	orphan := commit(map[string]string{"x": "x"})
	want[orphan] = map[string]string{"main.tf": "forced", "dir/a": want[one]["dir/a"], "x": "x"}
	fetch(t, m)

	for sha, files := range want {
		if got := exported(t, m, sha); !maps.Equal(got, files) {
			t.Errorf("%s: wrong files", sha)
		}
	}
	if got, err := m.Resolve(t.Context(), "other"); err != nil || got != orphan {
		t.Errorf("Resolve: %s, %v", got, err)
	}
	git(dir, "fsck", "--strict", "--full")
	if got := git(dir, "rev-parse", "main"); got != forced {
		t.Errorf("git reads %s from the mirror, want %s", got, forced)
	}
}

// TestRealLocalRepositories: the forms in which repositories lie on a disk.
func TestRealLocalRepositories(t *testing.T) {
	git := realGit(t)
	root := t.TempDir()
	work := filepath.Join(root, "work")
	git(root, "init", "-q", "-b", "main", work)
	var heads []string
	for _, text := range []string{"one", "two", "three"} {
		write(t, work, map[string]string{"a/main.tf": text, "pad": strings.Repeat("pad\n", 1000) + text})
		git(work, "add", "-A")
		git(work, "commit", "-q", "-m", text)
		heads = append(heads, git(work, "rev-parse", "HEAD"))
	}
	git(work, "gc", "-q")
	git(root, "clone", "-q", "--shared", work, "shared")
	git(root, "clone", "-q", "--bare", work, "bare.git")
	git(root, "clone", "-q", "--depth=1", "file://"+work, "shallow")
	git(work, "worktree", "add", "-q", "-b", "side", filepath.Join(root, "tree"))
	write(t, filepath.Join(root, "tree"), map[string]string{"side": "s"})
	git(filepath.Join(root, "tree"), "add", "-A")
	git(filepath.Join(root, "tree"), "commit", "-q", "-m", "side")
	for _, name := range []string{"work", "shared", "bare.git", "shallow", "tree"} {
		t.Run(name, func(t *testing.T) {
			m, dir := open(t, remote.Remote{URL: filepath.Join(root, name)})
			fetch(t, m)
			sha, err := m.Resolve(t.Context(), "main")
			if err != nil || sha != heads[2] {
				t.Fatalf("Resolve: %s, %v", sha, err)
			}
			if got := exported(t, m, sha); got["a/main.tf"] != "three" {
				t.Errorf("%v", got)
			}
			if m.Has(heads[0]) == (name == "shallow") {
				t.Errorf("Has(first) = %t", m.Has(heads[0]))
			}
			if name == "tree" && !strings.Contains(git(dir, "branch", "-a"), "side") {
				t.Error("the work tree's own branch is missing")
			}
			if name != "shallow" {
				git(dir, "fsck", "--strict", "--full")
			}
		})
	}
	t.Run("a shallow clone is made whole", func(t *testing.T) {
		git(root, "clone", "-q", "--depth=1", "file://"+work, "shallow2")
		for name, url := range map[string]string{"shallow": filepath.Join(root, "shallow"),
			"shallow2": serveRealGit(t, git, root) + "/shallow2/.git"} {
			shallow := filepath.Join(root, name)
			m, _ := open(t, remote.Remote{URL: url})
			fetch(t, m)
			git(shallow, "fetch", "-q", "--unshallow")
			git(shallow, "tag", "old", heads[0])
			got := fetch(t, m)
			if sha, err := m.Resolve(t.Context(), "old"); err != nil || sha != heads[0] ||
				exported(t, m, sha)["a/main.tf"] != "one" {
				t.Errorf("%s: %s, %v (%+v)", name, sha, err, got)
			}
		}
	})
}

// TestRealSHA256 is refused for what it is.
func TestRealSHA256(t *testing.T) {
	git := realGit(t)
	root := t.TempDir()
	work := filepath.Join(root, "repo")
	git(root, "init", "-q", "--object-format=sha256", "-b", "main", work)
	write(t, work, map[string]string{"a": "a"})
	git(work, "add", "-A")
	git(work, "commit", "-q", "-m", "c")
	both(t, remote.Remote{URL: serveRealGit(t, git, root) + "/repo/.git"}, fault.Invalid, "SHA-256", "SHA-1")
	both(t, remote.Remote{URL: work}, fault.Invalid, "SHA-1")
}

// TestRealServerOverSSH runs git's own upload-pack behind an SSH server.
func TestRealServerOverSSH(t *testing.T) {
	git := realGit(t)
	repo := gittest.NewRepo(t)
	srv := gittest.ServeSSH(t, repo.Dir)
	srv.Run = func(dir string) *exec.Cmd { return exec.Command("git", "upload-pack", dir) }
	m, dir := open(t, remote.Remote{URL: srv.URL, Auth: remote.Auth{SSHKey: srv.Key, KnownHosts: srv.KnownHosts()}})
	if heads, err := m.Heads(t.Context()); err != nil || len(heads) != 0 {
		t.Fatalf("an empty repository: %v, %v", heads, err)
	}
	fetch(t, m)
	var want []string
	for _, text := range []string{"one", "two", "three"} {
		want = append(want, repo.Commit("main", map[string]string{"a": text, "pad": random(200_000)}))
		fetch(t, m)
	}
	want = append(want, repo.Commit("main", map[string]string{"a": "forced"}, gittest.On(want[0])))
	fetch(t, m)
	for i, text := range []string{"one", "two", "three", "forced"} {
		if got := exported(t, m, want[i]); got["a"] != text {
			t.Errorf("%s: %v", text, got["a"])
		}
	}
	git(dir, "fsck", "--strict", "--full")
}

// A checkout may borrow its objects from another repository, be a worktree of one,
// and be packed while it is read.
func TestCheckoutOfBorrowedObjects(t *testing.T) {
	git, root := realGit(t), t.TempDir()
	first := filepath.Join(root, "first")
	write(t, first, map[string]string{"live/main.tf": "a", "modules/m/main.tf": "b"})
	git(first, "init", "-q", "-b", "main")
	git(first, "add", ".")
	git(first, "commit", "-q", "-m", "one")
	git(root, "clone", "-q", "--shared", "first", "shared")
	git(root, "clone", "-q", "--shared", "shared", "again")
	git(first, "worktree", "add", "-q", "-b", "other", filepath.Join(root, "worktree"))
	for _, name := range []string{"first", "shared", "again", "worktree"} {
		c, err := local.OpenCheckout(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		sha, err := c.Resolve("HEAD")
		if err != nil {
			t.Fatal(err)
		}
		for _, packed := range []bool{false, true} {
			if packed {
				git(first, "gc", "-q", "--prune=now")
			}
			for _, digits := range []int{7, 8, 9, 40} { // go-git reads an odd number in another way
				if got, err := c.Resolve(sha[:digits]); err != nil || got != sha {
					t.Errorf("%s, packed %v: %s is %q, %v", name, packed, sha[:digits], got, err)
				}
			}
			tree, err := c.Tree(sha)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for file, want := range map[string]string{"live/main.tf": "a", "modules/m/main.tf": "b"} {
				if got, err := fs.ReadFile(tree, file); err != nil || string(got) != want {
					t.Errorf("%s, packed %v: %s is %q, %v", name, packed, file, got, err)
				}
			}
		}
	}
}
