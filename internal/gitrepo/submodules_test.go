package gitrepo_test

import (
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

// host is git's own server over http, with a password, that notes who asked.
type host struct {
	url string

	mu   sync.Mutex
	seen []string // user:password of each request
}

func serveHost(t testing.TB, git func(string, ...string) string, root, user, pass string) *host {
	t.Helper()
	backend := filepath.Join(git(root, "--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skipf("NOT RUN: this git has no http-backend: %v", err)
	}
	h := &host{}
	git2 := &cgi.Handler{Path: backend,
		Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1",
			"GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, _ := r.BasicAuth()
		h.mu.Lock()
		h.seen = append(h.seen, u+":"+p)
		h.mu.Unlock()
		if u != user || p != pass {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		git2.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	h.url = srv.URL
	return h
}

// repoIn makes a repository with one commit below root, bare enough to be served.
func repoIn(t *testing.T, git func(string, ...string) string, root, name string,
	files map[string]string) (dir, sha string) {
	t.Helper()
	dir = filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	git(root, "init", "-q", "-b", "main", dir)
	return dir, commitIn(t, git, dir, files)
}

func commitIn(t *testing.T, git func(string, ...string) string, dir string, files map[string]string) string {
	t.Helper()
	write(t, dir, files)
	for name := range files { // and not the rest: gitlinks have no directory here
		git(dir, "add", name)
	}
	git(dir, "commit", "-q", "--allow-empty", "-m", "x")
	return git(dir, "rev-parse", "HEAD")
}

// link commits submodules, as `git submodule add` would: a gitlink each, and .gitmodules.
func link(t *testing.T, git func(string, ...string) string, dir string, subs ...[3]string) string {
	t.Helper()
	text := ""
	for _, s := range subs { // path, url, commit
		text += "[submodule \"" + s[0] + "\"]\n\tpath = " + s[0] + "\n\turl = " + s[1] + "\n"
		git(dir, "update-index", "--add", "--cacheinfo", "160000,"+s[2]+","+s[0])
	}
	write(t, dir, map[string]string{".gitmodules": text})
	git(dir, "add", ".gitmodules")
	git(dir, "commit", "-q", "-m", "link")
	return git(dir, "rev-parse", "HEAD")
}

func exportOf(t *testing.T, m *gitrepo.Mirror, sha string) (string, trees.Exported) {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "tree")
	x, err := m.Export(t.Context(), sha, dst, trees.Base{})
	if err != nil {
		t.Fatalf("%v (next: %s)", err, fault.Next(err))
	}
	return dst, x
}

func wantFile(t *testing.T, dir, name, content string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || string(got) != content {
		t.Errorf("%s: %q, %v; expected %q", name, got, err, content)
	}
}

func wantMissing(t *testing.T, x trees.Exported, path, why, next string) {
	t.Helper()
	i := slices.IndexFunc(x.Missing, func(s trees.MissingSubmodule) bool { return s.Path == path })
	if i < 0 {
		t.Fatalf("%s is not missing: %+v", path, x.Missing)
	}
	if got := x.Missing[i]; !strings.Contains(got.Why, why) || !strings.Contains(got.Next, next) {
		t.Errorf("%s: %q (next: %q), expected %q (next: %q)", path, got.Why, got.Next, why, next)
	}
}

func followed(url string, auth remote.Auth, access ...remote.SubmoduleAccess) remote.Remote {
	return remote.Remote{URL: url, Auth: auth, Submodules: remote.Submodules{On: true, Access: access}}
}

// TestSubmodules: files of submodules by a relative URL, on the same host, within
// one another and on another host, over http with passwords and git's own server.
func TestSubmodules(t *testing.T) {
	git := realGit(t)
	root, elsewhere := t.TempDir(), t.TempDir()
	own := remote.Auth{Username: "tfops", Password: "own-secret"}
	theirs := remote.Auth{Username: "team", Password: "team-secret"}
	here := serveHost(t, git, root, own.Username, own.Password)
	there := serveHost(t, git, elsewhere, theirs.Username, theirs.Password)

	_, deep := repoIn(t, git, root, "deep/.git/..", map[string]string{"deep.txt": "deep"})
	net, _ := repoIn(t, git, root, "net", map[string]string{"main.tf": "net one"})
	first := link(t, git, net, [3]string{"inner", "../../deep/.git", deep})
	_, abs := repoIn(t, git, root, "abs", map[string]string{"a.txt": "absolute"})
	_, far := repoIn(t, git, elsewhere, "team/far", map[string]string{"f.txt": "far"})
	infra, _ := repoIn(t, git, root, "infra", map[string]string{"main.tf": "infra"})
	subs := [][3]string{
		{"modules/net", "../../net/.git", first}, {"modules/abs", here.url + "/abs/.git", abs},
		{"far", there.url + "/team/far/.git", far},
	}
	one := link(t, git, infra, subs...)
	url := here.url + "/infra/.git"

	t.Run("other host refused", func(t *testing.T) {
		m, _ := open(t, followed(url, own))
		fetch(t, m)
		dir, x := exportOf(t, m, one)
		wantFile(t, dir, "modules/net/main.tf", "net one")
		wantFile(t, dir, "modules/net/inner/deep.txt", "deep")
		wantFile(t, dir, "modules/abs/a.txt", "absolute")
		wantMissing(t, x, "far", "no submodule block allows that host", `submodule "`+there.url+`/"`)
		if len(there.seen) > 0 {
			t.Errorf("the other host was asked: %v", there.seen)
		}
		if entries, err := os.ReadDir(filepath.Join(dir, "far")); err != nil || len(entries) > 0 {
			t.Errorf("far: %v, %v", entries, err)
		}
		if x.Partial || len(x.Submodules) > 0 ||
			!slices.Equal(x.Followed, []string{"modules/abs", "modules/net", "modules/net/inner"}) {
			t.Errorf("%+v", x)
		}
	})
	m, _ := open(t, followed(url, own, remote.SubmoduleAccess{Prefix: there.url + "/team/", Auth: theirs}))
	fetch(t, m)
	dir, x := exportOf(t, m, one)
	wantFile(t, dir, "far/f.txt", "far")
	if len(x.Missing) > 0 ||
		slices.ContainsFunc(there.seen, func(s string) bool { return strings.Contains(s, "own-secret") }) ||
		slices.ContainsFunc(here.seen, func(s string) bool { return strings.Contains(s, "team-secret") }) {
		t.Errorf("missing %+v; hosts saw %q and %q", x.Missing, here.seen, there.seen)
	}

	// The tree that code is read from has the same files, and says when they moved.
	tree, err := m.Tree(one)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tree.(interface{ Submodules() []string }).Submodules(),
		[]string{"far", "modules/abs", "modules/net",
			"modules/net/inner"}; !slices.Equal(got, want) {
		t.Errorf("submodules %q, want %q", got, want)
	}
	for name, want := range map[string]string{"modules/net/main.tf": "net one", "modules/net/inner/deep.txt": "deep",
		"far/f.txt": "far"} {
		if got, err := fs.ReadFile(tree, name); err != nil || string(got) != want {
			t.Errorf("%s in the tree: %q, %v", name, got, err)
		}
	}
	second := commitIn(t, git, net, map[string]string{"main.tf": "net two"})
	two := link(t, git, infra, [3]string{"modules/net", subs[0][1], second}, subs[1], subs[2])
	fetch(t, m)
	if paths, err := m.Changed(t.Context(), one, two); err != nil || !slices.Contains(paths, "modules/net/") {
		t.Errorf("before the submodule was fetched: %v, %v", paths, err)
	}
	if missing, err := m.Submodules(t.Context(), two); err != nil || len(missing) > 0 {
		t.Fatal(missing, err)
	}
	if paths, err := m.Changed(t.Context(), one, two); err != nil ||
		!slices.Equal(paths, []string{"modules/net/main.tf"}) {
		t.Errorf("afterwards: %v, %v", paths, err)
	}
	// An entry that .gitmodules lost, though the submodule is there: nothing is had of it any more.
	lost := commitIn(t, git, infra,
		map[string]string{".gitmodules": "[submodule \"abs\"]\n\tpath = modules/abs\n\turl = " + here.url +
			"/abs/.git\n"})
	fetch(t, m)
	for _, pair := range [][2]string{{two, lost}, {lost, two}} {
		paths, err := m.Changed(t.Context(), pair[0], pair[1])
		for _, want := range []string{".gitmodules", "far/", "modules/net/"} {
			if err != nil || !slices.Contains(paths, want) || slices.Contains(paths, "modules/abs/") {
				t.Errorf("from %s to %s: %v, %v", pair[0], pair[1], paths, err)
			}
		}
	}
	if hashOf(t, m, one, "modules") == hashOf(t, m, two, "modules") {
		t.Error("a directory above a submodule that moved has the same hash")
	}
	dir, _ = exportOf(t, m, two)
	wantFile(t, dir, "modules/net/main.tf", "net two")
	dir, _ = exportOf(t, m, one)
	wantFile(t, dir, "modules/net/main.tf", "net one")
}

func hashOf(t *testing.T, m *gitrepo.Mirror, sha, dir string) string {
	t.Helper()
	tree, err := m.Tree(sha)
	if err != nil {
		t.Fatal(err)
	}
	h, ok := tree.(interface{ TreeHash(string) (string, bool) }).TreeHash(dir)
	if !ok {
		t.Fatalf("%s has no hash", dir)
	}
	return h
}

// TestSubmodulesThatCannotBeHad: what is missing is told with what to do, and
// everything else is there. What is there later is taken then.
func TestSubmodulesThatCannotBeHad(t *testing.T) {
	git := realGit(t)
	root := t.TempDir()
	net, sha := repoIn(t, git, root, "net", map[string]string{"main.tf": "net"})
	infra, _ := repoIn(t, git, root, "infra", map[string]string{"main.tf": "infra"})
	gone := strings.Repeat("ab", 20)
	link(t, git, infra,
		[3]string{"good", "../net", sha}, [3]string{"gone", "../net", gone}, [3]string{"nobody", "../nobody", sha},
		[3]string{"ext", "ext::sh -c touch% " + root + "/pwned", gone[:38] + "00"},
		[3]string{"option", "--upload-pack=x", gone[:38] + "01"})
	git(infra, "update-index", "--add", "--cacheinfo", "160000,"+gone[:38]+"02,unlisted")
	git(infra, "commit", "-q", "-m", "a gitlink without an entry")
	head := git(infra, "rev-parse", "HEAD")
	m, _ := open(t, followed(infra, remote.Auth{}))
	fetch(t, m)
	dir, x := exportOf(t, m, head)
	wantFile(t, dir, "good/main.tf", "net")
	wantMissing(t, x, "gone", "has no commit "+gone, "push that commit there")
	wantMissing(t, x, "nobody", "cannot be fetched", "check the path")
	wantMissing(t, x, "ext", "start a program", ".gitmodules")
	wantMissing(t, x, "option", "hyphen", ".gitmodules")
	wantMissing(t, x, "unlisted", "no entry in .gitmodules", "git submodule add")
	if _, err := os.Stat(filepath.Join(root, "pwned")); err == nil {
		t.Error("a program was started")
	}
	if !x.Partial {
		t.Error("another export would not be made")
	}
	if note := m.Note(); note != "" {
		t.Errorf("note before a look: %q", note)
	}
	if missing, err := m.Submodules(t.Context(), head); err != nil || len(missing) != 4 {
		t.Errorf("%+v, %v", missing, err)
	}
	if note := m.Note(); !strings.Contains(note, "submodule ext has a url") {
		t.Errorf("note: %q", note)
	}

	// The commit is pushed after all.
	moved := commitIn(t, git, net, map[string]string{"main.tf": "moved"})
	git(net, "reset", "-q", "--hard", sha)
	other, _ := open(t, followed(infra, remote.Auth{}))
	late := link(t, git, infra, [3]string{"good", "../net", moved})
	bare := filepath.Join(root, "bare")
	git(root, "clone", "-q", "--bare", infra, bare)
	fetch(t, other)
	git(net, "reflog", "expire", "--expire=now", "--all")
	git(net, "gc", "-q", "--prune=now")
	_, x = exportOf(t, other, late)
	wantMissing(t, x, "good", "has no commit "+moved, "push that commit there")
	empty := hashOf(t, other, late, ".")
	again := commitIn(t, git, net, map[string]string{"main.tf": "other"})
	last := link(t, git, infra, [3]string{"good", "../net", again})
	fetch(t, other)
	dir, x = exportOf(t, other, last)
	wantFile(t, dir, "good/main.tf", "other")
	if hashOf(t, other, last, ".") == empty {
		t.Error("the hash of the root is that of an empty submodule")
	}
}

// TestHostileSubmodules: no arrangement of links and submodules leads out of the
// tree, and no number of them is without an end.
func TestHostileSubmodules(t *testing.T) {
	root := t.TempDir()
	sub := gittest.NewRepoAt(t, filepath.Join(root, "sub"))
	inside := sub.Commit("main",
		map[string]string{"up": gittest.Symlink("."), "a/b/c": "deep", "out": gittest.Symlink("../../etc/passwd"),
			"ok": gittest.Symlink("a/b/c")})
	repo := gittest.NewRepoAt(t, filepath.Join(root, "infra"))
	modules := "[submodule \"s\"]\n\tpath = s\n\turl = ../sub\n"
	sha := repo.Commit("main", map[string]string{".gitmodules": modules, "s": gittest.Submodule(inside), "main.tf": "x",
		"escape": gittest.Symlink("s/up/../../outside"), "through": gittest.Symlink("s/a/b/c"),
		"climb": gittest.Symlink("s/a/../../../outside")})
	m, _ := open(t, followed(repo.Dir, remote.Auth{}))
	fetch(t, m)
	dir, x := exportOf(t, m, sha)
	wantFile(t, dir, "through", "deep")
	wantFile(t, dir, "s/ok", "deep")
	var left []string
	for _, l := range x.LeftOut() {
		left = append(left, l.Path)
	}
	if !slices.Equal(left, []string{"climb", "escape", "s/out"}) {
		t.Errorf("left out: %v", left)
	}

	for name, file := range map[string]string{"no file": gittest.Symlink("main.tf"),
		"too large": "[submodule \"s\"]\n\tpath = s\n\turl = ../sub\n#" + strings.Repeat("x", 300<<10),
		"broken":    "[submodule \"s"} {
		sha := repo.Commit("main", map[string]string{".gitmodules": file})
		fetch(t, m)
		_, x := exportOf(t, m, sha)
		wantMissing(t, x, ".gitmodules", "cannot be read", "mend")
		wantMissing(t, x, "s", "is not known: .gitmodules cannot be read", "mend")
		if t.Failed() {
			t.Fatal(name)
		}
	}

	// A chain of submodules within submodules ends, and so do many beside each other.
	chain := sub.Commit("main", map[string]string{"end": "x"})
	for range 12 {
		chain = sub.Commit("main",
			map[string]string{".gitmodules": "[submodule \"n\"]\n\tpath = n\n\turl = ../sub\n",
				"n": gittest.Submodule(chain)})
	}
	sha = repo.Commit("main", map[string]string{".gitmodules": modules, "s": gittest.Submodule(chain)})
	fetch(t, m)
	_, x = exportOf(t, m, sha)
	wantMissing(t, x, "s"+strings.Repeat("/n", 8), "within 8 others", "higher")
	files, text := map[string]string{}, ""
	for i := range 300 {
		p := "m" + strings.Repeat("i", i)
		text += "[submodule \"" + p + "\"]\n\tpath = " + p + "\n\turl = ../sub\n"
		files[p] = gittest.Submodule(inside)
	}
	files[".gitmodules"] = text
	sha = repo.Commit("many", files, gittest.On(""))
	fetch(t, m)
	_, x = exportOf(t, m, sha)
	if len(x.Followed) != 256 || len(x.Missing) != 44 {
		t.Errorf("%d followed, %d missing", len(x.Followed), len(x.Missing))
	}
}

// TestSubmodulesOverMaintenance: a submodule's commit that no branch has any
// more is there after maintenance, damage and a restart.
func TestSubmodulesOverMaintenance(t *testing.T) {
	root := t.TempDir()
	sub := gittest.NewRepoAt(t, filepath.Join(root, "sub"))
	repo := gittest.NewRepoAt(t, filepath.Join(root, "infra"))
	m, mirror := open(t, followed(repo.Dir, remote.Auth{}))
	var first, last string
	for i := range 24 {
		inside := sub.Commit("main", map[string]string{"n": strings.Repeat("x", i)}, gittest.On(""))
		last = repo.Commit("main",
			map[string]string{".gitmodules": "[submodule \"s\"]\n\tpath = s\n\turl = ../sub\n",
				"s": gittest.Submodule(inside)})
		fetch(t, m)
		if missing, err := m.Submodules(t.Context(), last); err != nil || len(missing) > 0 {
			t.Fatal(missing, err)
		}
		if i == 0 {
			first = last
		}
	}
	packs := func() int {
		found, err := filepath.Glob(filepath.Join(mirror, "modules", "*.git", "objects", "pack", "*.pack"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	before := packs()
	if err := m.Maintain(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if after := packs(); before < 20 || after != 1 {
		t.Errorf("%d packs, then %d", before, after)
	}
	if err := os.RemoveAll(sub.Dir); err != nil {
		t.Fatal(err)
	}
	m = reopen(t, mirror, followed(repo.Dir, remote.Auth{}))
	for _, sha := range []string{first, last} {
		if _, x := exportOf(t, m, sha); len(x.Missing) > 0 {
			t.Errorf("%+v", x.Missing)
		}
	}
}

// TestLFSInSubmodules: what a pointer in a submodule names is not fetched, and told.
func TestLFSInSubmodules(t *testing.T) {
	root := t.TempDir()
	sub := gittest.NewRepoAt(t, filepath.Join(root, "sub"))
	inside := sub.Commit("main", map[string]string{"logo.png": gittest.Pointer("a picture")})
	repo := gittest.NewRepoAt(t, filepath.Join(root, "infra"))
	sha := repo.Commit("main",
		map[string]string{".gitmodules": "[submodule \"s\"]\n\tpath = s\n\turl = ../sub\n",
			"s": gittest.Submodule(inside)})
	r := followed(repo.Dir, remote.Auth{})
	r.LFS.On = true
	m, _ := open(t, r)
	fetch(t, m)
	if _, x := exportOf(t, m, sha); !slices.Equal(x.LFSPointers, []string{"s/logo.png"}) || len(x.LeftOut()) > 0 {
		t.Errorf("%+v", x)
	}
}

// TestTheNoteNamesTheFile: an entry that cannot be used has no path to be named by.
func TestTheNoteNamesTheFile(t *testing.T) {
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main",
		map[string]string{"main.tf": "x", ".gitmodules": "[submodule \"x\"]\n\turl = " +
			"https://other.example.com/x.git\n"})
	m, _ := open(t, followed(repo.Dir, remote.Auth{}))
	fetch(t, m)
	if _, err := m.Submodules(t.Context(), sha); err != nil {
		t.Fatal(err)
	}
	if note := m.Note(); !strings.HasPrefix(note, ".gitmodules ") {
		t.Errorf("the note is %q", note)
	}
}
