package gitrepo_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

func open(t testing.TB, r remote.Remote) (*gitrepo.Mirror, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repos", "infra.git")
	return reopen(t, dir, r), dir
}

func reopen(t testing.TB, dir string, r remote.Remote) *gitrepo.Mirror {
	t.Helper()
	if r.Name == "" {
		r.Name = "infra"
	}
	m, err := gitrepo.Open(dir, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func fetch(t testing.TB, m *gitrepo.Mirror) gitrepo.Fetched {
	t.Helper()
	got, err := m.Fetch(t.Context())
	if err != nil {
		t.Fatalf("Fetch: %v (next: %s)", err, fault.Next(err))
	}
	return got
}

func wantFault(t testing.TB, err error, code fault.Code, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want a fault with code %s", code)
	}
	if fault.CodeOf(err) != code {
		t.Errorf("code %s, want %s: %v", fault.CodeOf(err), code, err)
	}
	if fault.Next(err) == "" {
		t.Errorf("no next step: %v", err)
	}
	said := err.Error() + " | " + fault.Next(err)
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("%q is not in: %s", w, said)
		}
	}
}

func exported(t testing.TB, m *gitrepo.Mirror, sha string) map[string]string {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "tree")
	if _, err := m.Export(t.Context(), sha, dst, trees.Base{}); err != nil {
		t.Fatalf("Export: %v", err)
	}
	return readFiles(t, dst)
}

func readFiles(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(p)
			files[rel] = "-> " + target
			return err
		}
		raw, err := os.ReadFile(p)
		files[rel] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// remotes are all the ways to reach a repository; redirect fills in which.
func remotes(t *testing.T, repo *gittest.Repo) map[string]remote.Remote {
	srv := gittest.ServeSSH(t, repo.Dir)
	return map[string]remote.Remote{
		"http": {URL: gittest.ServeHTTP(t, repo.Dir, "", "")},
		"http, token": {URL: gittest.ServeHTTP(t, repo.Dir, "tfops", "tok"),
			Auth: remote.Auth{Username: "tfops", Password: "tok"}},
		"https, token":       {URL: "https:", Auth: remote.Auth{Username: "tfops", Password: "tok"}},
		"ssh, key":           {URL: srv.URL, Auth: remote.Auth{SSHKey: srv.Key, KnownHosts: srv.KnownHosts()}},
		"ssh, pass":          {URL: srv.URL, Auth: remote.Auth{Password: srv.Password, KnownHosts: srv.KnownHosts()}},
		"local, bare":        {URL: repo.Dir},
		"local, linked .git": {URL: "linked"},
		"local, .git file":   {URL: "pointed"},
		"file URL":           {URL: "file://" + repo.Dir},
	}
}

func TestLifeOfABranch(t *testing.T) {
	repo := gittest.NewRepo(t)
	for name, r := range remotes(t, repo) {
		t.Run(name, func(t *testing.T) { lifeOfABranch(t, r) })
	}
}

// lifeOfABranch takes one remote from empty through all that can happen to a
// branch.
func lifeOfABranch(t *testing.T, via remote.Remote) {
	repo := gittest.NewRepoAt(t, filepath.Join(t.TempDir(), "r.git"))
	via = redirect(t, via, repo)
	m, dir := open(t, via)

	step := func(want map[string]string) {
		t.Helper()
		heads, err := m.Heads(t.Context())
		if err != nil {
			t.Fatalf("Heads: %v", err)
		}
		if !maps.Equal(heads, want) {
			t.Fatalf("Heads: %v, want %v", heads, want)
		}
		if got := fetch(t, m); got != (gitrepo.Fetched{}) {
			t.Fatalf("Fetch repaired a sound mirror: %+v", got)
		}
		for branch, sha := range want {
			if got, err := m.Resolve(t.Context(), branch); err != nil || got != sha {
				t.Fatalf("Resolve(%s) = %s, %v, want %s", branch, got, err, sha)
			}
		}
	}

	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the mirror is there before the first fetch: %v", err)
	}
	step(map[string]string{}) // empty

	one := repo.Commit("main", map[string]string{"main.tf": "one", "a/b/c.tf": "deep"})
	step(map[string]string{"main": one})
	if !m.Has(one) {
		t.Fatal("Has is false for what was fetched")
	}

	two := repo.Commit("main", map[string]string{"main.tf": "two"})
	feature := repo.Commit("feature", map[string]string{"f.tf": "f"}, gittest.On(one))
	step(map[string]string{"main": two, "feature": feature})

	forced := repo.Commit("main", map[string]string{"main.tf": "forced"}, gittest.On(one))
	repo.DeleteBranch("feature")
	nested := repo.Commit("feature/x", map[string]string{"g.tf": "g"}, gittest.On(""))
	step(map[string]string{"main": forced, "feature/x": nested})
	wantFault(t, second(m.Resolve(t.Context(), "feature")), fault.NotFound, "feature", "infra")

	repo.DeleteBranch("main")
	repo.DeleteBranch("feature/x")
	step(map[string]string{})

	back := repo.Commit("main", map[string]string{"main.tf": "back"}, gittest.On(two))
	step(map[string]string{"main": back})

	for sha, want := range map[string]map[string]string{ // superseded heads included
		one:    {"main.tf": "one", "a/b/c.tf": "deep"},
		two:    {"main.tf": "two", "a/b/c.tf": "deep"},
		forced: {"main.tf": "forced", "a/b/c.tf": "deep"},
		nested: {"g.tf": "g"},
		back:   {"main.tf": "back", "a/b/c.tf": "deep"},
	} {
		if got := exported(t, m, sha); !maps.Equal(got, want) {
			t.Errorf("export of %s: %v, want %v", sha, got, want)
		}
	}
	again := reopen(t, dir, via) // as after a restart
	if !again.Has(forced) || again.Has(strings.Repeat("1", 40)) || again.Has("main") {
		t.Error("Has is wrong after a restart")
	}
	changed, err := again.Changed(t.Context(), nested, back)
	if want := []string{"a/b/c.tf", "g.tf", "main.tf"}; err != nil || !slices.Equal(changed, want) {
		t.Errorf("Changed: %v, %v, want %v", changed, err, want)
	}
}

// redirect serves another repository in the way that r reaches its own.
func redirect(t *testing.T, r remote.Remote, repo *gittest.Repo) remote.Remote {
	t.Helper()
	switch {
	case r.URL == "https:":
		srv := httptest.NewUnstartedServer(gittest.Handler(repo.Dir, r.Auth.Username, r.Auth.Password))
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{trusted}}
		srv.StartTLS()
		t.Cleanup(srv.Close)
		r.URL = srv.URL + "/repo.git"
	case strings.HasPrefix(r.URL, "http"):
		r.URL = gittest.ServeHTTP(t, repo.Dir, r.Auth.Username, r.Auth.Password)
	case strings.HasPrefix(r.URL, "ssh"):
		srv := gittest.ServeSSH(t, repo.Dir)
		r.URL, r.Auth.KnownHosts = srv.URL, srv.KnownHosts()
		if len(r.Auth.SSHKey) > 0 {
			r.Auth.SSHKey = srv.Key
		}
	case strings.HasPrefix(r.URL, "file://"):
		r.URL = "file://" + repo.Dir
	case r.URL == "linked":
		r.URL = t.TempDir()
		if err := os.Symlink(repo.Dir, filepath.Join(r.URL, ".git")); err != nil {
			t.Fatal(err)
		}
	case r.URL == "pointed":
		r.URL = t.TempDir()
		if err := os.WriteFile(filepath.Join(r.URL, ".git"), []byte("gitdir: "+repo.Dir+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		r.URL = repo.Dir
	}
	return r
}

func second[A any](_ A, err error) error { return err }

func TestReadsBeforeTheFirstFetch(t *testing.T) {
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main", map[string]string{"a": "a"})
	m, _ := open(t, remote.Remote{URL: repo.Dir})
	if m.Has(sha) {
		t.Error("Has is true before the first fetch")
	}
	wantFault(t, second(m.Commit(t.Context(), sha)), fault.NotFound, "not been fetched")
	wantFault(t, second(m.Export(t.Context(), sha, t.TempDir(), trees.Base{})), fault.NotFound, "not been fetched")
	wantFault(t, second(m.Resolve(t.Context(), "main")), fault.NotFound, "not been fetched")
	if err := m.Maintain(t.Context(), nil); err != nil {
		t.Errorf("Maintain: %v", err)
	}
}

func TestCommit(t *testing.T) {
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main", map[string]string{"a": "a"},
		gittest.Author("Ana", "ana@example.com"), gittest.Committer("Li", "li@example.com"),
		gittest.Message("Subject\n\nText.\n\nCo-authored-by: Bo B "+
			"<bo@example.com>\nco-authored-BY:Cy<cy@example.com>\nSigned-off-by: X <x@example.com>\nCo-authored-by: "+
			"Bo B <bo@example.com>"))
	tree := repo.RawTree()
	latin := repo.RawCommit("latin",
		"tree "+tree+"\nauthor J\xfcrgen <j@example.com> 1700000000 +0100\ncommitter J\xfcrgen <j@example.com> "+
			"1700000001 +0100\nencoding ISO-8859-1\n\nGr\xfc\xdfe\n")
	broken := repo.RawCommit("broken",
		"tree "+tree+"\nauthor A <a@example.com> 1700000000 +0100\ncommitter A <a@example.com> 1700000001 "+
			"+0100\n\nbad "+
			"\xff byte\n")
	m, _ := open(t, remote.Remote{URL: repo.Dir})
	fetch(t, m)

	c, err := m.Commit(t.Context(), sha)
	if err != nil {
		t.Fatal(err)
	}
	if c.SHA != sha || c.Author != (gitrepo.Person{Name: "Ana", Email: "ana@example.com"}) ||
		c.Committer != (gitrepo.Person{Name: "Li", Email: "li@example.com"}) {
		t.Errorf("%+v", c)
	}
	if want := []gitrepo.Person{{Name: "Bo B", Email: "bo@example.com"},
		{Name: "Cy", Email: "cy@example.com"}}; !slices.Equal(c.CoAuthors, want) {
		t.Errorf("co-authors %+v, want %+v", c.CoAuthors, want)
	}
	if !strings.HasPrefix(c.Message, "Subject\n\nText.") || c.Time.IsZero() {
		t.Errorf("message %q at %v", c.Message, c.Time)
	}
	if c, err = m.Commit(t.Context(), latin); err != nil || c.Author.Name != "Jürgen" || c.Message != "Grüße\n" ||
		c.Time.Unix() != 1700000001 {
		t.Errorf("latin-1: %+v, %v", c, err)
	}
	if c, err = m.Commit(t.Context(), broken); err != nil || c.Message != "bad \uFFFD byte\n" {
		t.Errorf("broken text: %+v, %v", c, err)
	}
	wantFault(t, second(m.Commit(t.Context(), strings.Repeat("0", 39)+"1")), fault.NotFound)
	wantFault(t, second(m.Commit(t.Context(), "main")), fault.Invalid)
}

func TestResolve(t *testing.T) {
	repo := gittest.NewRepo(t)
	one := repo.Commit("main", map[string]string{"a": "a"})
	two := repo.Commit("main", map[string]string{"a": "b"})
	repo.SetBranch("both", one)
	repo.Tag("both", two)
	repo.SetBranch("same", one)
	repo.Tag("same", one)
	repo.Tag("light", one)
	tag := repo.AnnotatedTag("v1", "commit", two)
	repo.AnnotatedTag("nested", "tag", tag)
	repo.AnnotatedTag("of-blob", "blob", repo.Blob("x"))
	repo.SetBranch(two[:10], one) // a branch that looks like another commit
	m, _ := open(t, remote.Remote{URL: gittest.ServeHTTP(t, repo.Dir, "", "")})
	fetch(t, m)
	for ref, want := range map[string]string{
		"main": two, "HEAD": two, "refs/heads/main": two, "light": one, "v1": two, "nested": two, "refs/tags/v1": two,
		"same": one, "refs/heads/both": one, "refs/tags/both": two,
		one: one, one[:7]: one, strings.ToUpper(one[:12]): one, tag: two, two[:10]: one, two[:11]: two,
	} {
		if got, err := m.Resolve(t.Context(), ref); err != nil || got != want {
			t.Errorf("Resolve(%s) = %s, %v, want %s", ref, got, err, want)
		}
	}
	for ref, words := range map[string][]string{
		"both": {"refs/heads/both", "refs/tags/both"}, "gone": {`"gone"`}, "": nil, one[:6]: nil, "of-blob": {"blob"},
		strings.Repeat("f", 40): nil, "HEAD~1": nil, "../main": nil, repo.Blob("a"): nil,
	} {
		wantFault(t, second(m.Resolve(t.Context(), ref)), fault.NotFound, words...)
	}
}

// TestResolveAmbiguous makes commits until two ids begin alike.
func TestResolveAmbiguous(t *testing.T) {
	repo := gittest.NewRepo(t)
	tree := repo.RawTree()
	base := "tree " + tree +
		"\nauthor A <a@example.com> 1700000000 +0000\ncommitter A <a@example.com> 1700000000 +0000\n\n"
	a, b := gittest.Collide(base, 7)
	repo.RawCommit("a", a)
	repo.RawCommit("b", b)
	m, _ := open(t, remote.Remote{URL: repo.Dir})
	fetch(t, m)
	id := repo.Head("a")
	wantFault(t, second(m.Resolve(t.Context(), id[:7])), fault.NotFound, id, repo.Head("b"), "more digits")
	if got, err := m.Resolve(t.Context(), id[:16]); err != nil || got != id {
		t.Errorf("Resolve of more digits: %s, %v", got, err)
	}
}

func TestChanged(t *testing.T) {
	repo := gittest.NewRepo(t)
	base := map[string]string{"keep": "k", "edit": "1", "gone": "g", "old": "same", "mode": "m", "dir/a": "a",
		"dir/b": "b", "swap": "file", "link": gittest.Symlink("keep"), "deep/x/y/z": "z"}
	from := repo.Commit("main", base)
	to := repo.Commit("main", map[string]string{"edit": "2", "gone": gittest.Delete, "old": gittest.Delete,
		"new":  "same",
		"mode": gittest.Executable("m"), "dir/a": gittest.Delete, "dir/b": gittest.Delete, "dir": "file",
		"swap": gittest.Delete, "swap/in": "x",
		"link": gittest.Symlink("edit"), "deep/x/y/z": "zz", "mod": gittest.Submodule(strings.Repeat("a", 40))})
	other := repo.Commit("other", map[string]string{"keep": "k"}, gittest.On(""))
	m, _ := open(t, remote.Remote{URL: repo.Dir})
	fetch(t, m)
	want := []string{"deep/x/y/z", "dir", "dir/a", "dir/b", "edit", "gone", "link", "mod", "mode", "new", "old", "swap",
		"swap/in"}
	for _, pair := range [][2]string{{from, to}, {to, from}} {
		if got, err := m.Changed(t.Context(), pair[0], pair[1]); err != nil || !slices.Equal(got, want) {
			t.Errorf("Changed: %v, %v, want %v", got, err, want)
		}
	}
	if got, err := m.Changed(t.Context(), from, from); err != nil || len(got) != 0 {
		t.Errorf("nothing changed: %v, %v", got, err)
	}
	if got, err := m.Changed(t.Context(), from, other); err != nil || slices.Contains(got, "keep") ||
		!slices.Contains(got, "deep/x/y/z") {
		t.Errorf("unrelated histories: %v, %v", got, err)
	}
	wantFault(t, second(m.Changed(t.Context(), from, strings.Repeat("1", 40))), fault.NotFound, strings.Repeat("1", 40))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Changed(ctx, from, to); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
