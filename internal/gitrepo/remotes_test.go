package gitrepo_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// slowHost holds the requests of the token "slow" whose path has an end.
type slowHost struct {
	url     string
	held    chan struct{} // one for each request that is held
	release chan struct{}

	mu     sync.Mutex
	tokens []string // of each request
}

func serveSlowly(t *testing.T, repo *gittest.Repo, end string) *slowHost {
	t.Helper()
	h := &slowHost{held: make(chan struct{}, 8), release: make(chan struct{})}
	git := gittest.Handler(repo.Dir, "", "")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, token, _ := r.BasicAuth()
		h.mu.Lock()
		h.tokens = append(h.tokens, token)
		h.mu.Unlock()
		if token == "slow" && strings.HasSuffix(r.URL.Path, end) {
			h.held <- struct{}{}
			<-h.release
		}
		git.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	h.url = srv.URL + "/repo.git"
	return h
}

func (h *slowHost) remote(token string) remote.Remote {
	return remote.Remote{Name: "infra", URL: h.url, Auth: remote.Auth{Username: "tfops", Password: token}}
}

// asked are the tokens of the requests so far, which are forgotten.
func (h *slowHost) asked() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := strings.Join(h.tokens, " ")
	h.tokens = nil
	return seen
}

// withRemote is what a reload does.
func withRemote(t *testing.T, m *gitrepo.Mirror, r remote.Remote) *gitrepo.Mirror {
	t.Helper()
	if r.Name == "" {
		r.Name = "infra"
	}
	m, err := m.WithRemote(r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func wantCommits(t *testing.T, m *gitrepo.Mirror, shas ...string) {
	t.Helper()
	for _, sha := range shas {
		if !m.Has(sha) {
			t.Errorf("commit %s is lost", sha)
		}
	}
}

// A fetch with an old token is held by a slow host when a reload brings a new token.
// What was fetched with the new one stays, also when a force-push took it away.
func TestReloadLosesNoCommit(t *testing.T) {
	for _, end := range []string{"/info/refs", "/git-upload-pack"} {
		t.Run(end, func(t *testing.T) {
			repo := gittest.NewRepo(t)
			first := repo.Commit("main", map[string]string{"main.tf": "# 1"})
			host := serveSlowly(t, repo, end)
			before, _ := open(t, host.remote("before"))
			fetch(t, before)

			repo.Commit("main", map[string]string{"main.tf": "# 2"})
			slow := withRemote(t, before, host.remote("slow"))
			ended := make(chan error, 1)
			go func() { _, err := slow.Fetch(t.Context()); ended <- err }()
			<-host.held

			now := withRemote(t, slow, host.remote("now"))
			planned := repo.Commit("main", map[string]string{"main.tf": "# 3"})
			fetch(t, now)
			wantCommits(t, now, planned)
			forced := repo.Commit("main", map[string]string{"main.tf": "# 4"}, gittest.On(first))
			close(host.release)
			if err := <-ended; err != nil {
				t.Error(err)
			}
			fetch(t, now)
			wantCommits(t, now, first, planned, forced)
		})
	}
}

// Whoever still has the Mirror of before fetches and asks with the new token.
func TestOneRemoteIsInForce(t *testing.T) {
	repo := gittest.NewRepo(t)
	repo.Commit("main", map[string]string{"main.tf": "# 1"})
	host := serveSlowly(t, repo, "none")
	old, dir := open(t, host.remote("old"))
	fetch(t, old)
	now := withRemote(t, old, host.remote("new"))
	last := withRemote(t, now, host.remote("unused"))
	host.asked()

	sha := repo.Commit("main", map[string]string{"main.tf": "# 2"})
	fetch(t, old)
	if got := host.asked(); strings.Trim(got, "old ") != "" {
		t.Errorf("a remote that nobody asked for is in force: %s", got)
	}
	heads, err := now.Heads(t.Context())
	if err != nil || heads["main"] != sha {
		t.Errorf("%v, %v", heads, err)
	}
	planned := repo.Commit("main", map[string]string{"main.tf": "# 3"})
	fetch(t, old)
	for what, ask := range map[string]func(context.Context) error{
		"heads": func(ctx context.Context) error { _, err := old.Heads(ctx); return err },
		"head":  func(ctx context.Context) error { _, err := old.Head(ctx, "main"); return err },
		"tags":  func(ctx context.Context) error { _, err := old.Tags(ctx); return err },
	} {
		if err := ask(t.Context()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := host.asked(); strings.Contains(got, "old") || strings.Contains(got, "unused") || got == "" {
		t.Errorf("asked with %s", got)
	}
	// Damaged and made again: by whoever looks first, and for all.
	if err := os.Remove(dir + "/tfops.json"); err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, old); got.Repaired == "" {
		t.Errorf("%+v", got)
	}
	for _, m := range []*gitrepo.Mirror{old, now, last} {
		wantCommits(t, m, planned)
	}
	if got := host.asked(); strings.Contains(got, "old") || got == "" {
		t.Errorf("cloned again with %s", got)
	}
}

// A reload that changes nothing of the remote ends no fetch.
func TestTheSameRemoteEndsNoFetch(t *testing.T) {
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main", map[string]string{"main.tf": "# 1"})
	host := serveSlowly(t, repo, "/git-upload-pack")
	m, _ := open(t, host.remote("slow"))
	ended := make(chan error, 1)
	go func() { _, err := m.Fetch(t.Context()); ended <- err }()
	<-host.held
	same := withRemote(t, m, host.remote("slow"))
	if _, err := same.Heads(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(host.release)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	wantCommits(t, same, sha)
	if got := host.asked(); got != "slow slow slow" { // two to fetch, one for the heads
		t.Errorf("asked %s", got)
	}
}

// Close waits for a fetch that is under way, and what it brought is there.
func TestCloseDuringAFetch(t *testing.T) {
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main", map[string]string{"main.tf": "# 1"})
	host := serveSlowly(t, repo, "/git-upload-pack")
	m, _ := open(t, host.remote("slow"))
	other := withRemote(t, m, host.remote("slow"))
	fetched := make(chan error, 1)
	go func() { _, err := m.Fetch(t.Context()); fetched <- err }()
	<-host.held
	closed := make(chan error, 1)
	go func() { closed <- other.Close() }()
	close(host.release)
	for _, ended := range []chan error{fetched, closed} {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	wantCommits(t, other, sha)
}

// The URL leads to quite another repository, by another transport, and back: what
// runs refer to stays.
func TestAnotherRepository(t *testing.T) {
	a, b := gittest.NewRepo(t), gittest.NewRepo(t)
	old := a.Commit("main", map[string]string{"main.tf": "a"})
	var shas []string
	one, _ := open(t, remote.Remote{URL: a.Dir})
	fetch(t, one)
	host := httptest.NewServer(gittest.Backend(t, filepath.Dir(b.Dir)))
	t.Cleanup(host.Close)
	two := withRemote(t, one, remote.Remote{URL: host.URL + "/" + filepath.Base(b.Dir)})
	for i := range 21 { // enough packs that Maintain has something to do
		shas = append(shas, b.Commit("main", map[string]string{"main.tf": fmt.Sprint("b", i)}, gittest.On("")))
		fetch(t, two)
	}
	wantCommits(t, two, append(shas, old)...)
	if got, err := two.Resolve(t.Context(), "main"); err != nil || got != shas[20] {
		t.Errorf("main is %s, %v", got, err)
	}
	if err := one.Maintain(t.Context(), []string{old}); err != nil {
		t.Fatal(err)
	}
	if got := exported(t, two, old)["main.tf"]; got != "a" {
		t.Errorf("the commit of before has %q", got)
	}
	back := withRemote(t, two, remote.Remote{URL: a.Dir})
	fetch(t, back)
	if got, err := two.Resolve(t.Context(), "main"); err != nil || got != old {
		t.Errorf("main is %s, %v", got, err)
	}
	wantCommits(t, back, append(shas, old)...)
}

// A run that began before a reload reads as it began: what an export brings besides
// what Git has is part of its name in the cache of checkouts.
func TestOptionsStayThoseOfTheirMirror(t *testing.T) {
	repo := gittest.NewRepo(t)
	srv := gittest.ServeLFS(t, repo.Dir, "tfops", "token")
	sha := repo.Commit("main", map[string]string{"logo": srv.Put("content")})
	without, _ := open(t, remote.Remote{URL: srv.URL, Auth: remote.Auth{Username: "tfops", Password: "token"}})
	fetch(t, without)
	with := withRemote(t, without, withLFS(srv.URL, "tfops", "token"))
	fetch(t, with)
	if got := exported(t, without, sha)["logo"]; got != gittest.Pointer("content") {
		t.Errorf("before: %q", got)
	}
	if got := exported(t, with, sha)["logo"]; got != "content" {
		t.Errorf("now: %q", got)
	}
}

// The mirror of a submodule is one over reloads, too, and asked with the access of now.
func TestSubmodulesAfterAReload(t *testing.T) {
	git := realGit(t)
	elsewhere := t.TempDir()
	there := serveHost(t, git, elsewhere, "team", "new")
	_, far := repoIn(t, git, elsewhere, "team/far", map[string]string{"f.txt": "far"})
	infra, _ := repoIn(t, git, t.TempDir(), "infra", map[string]string{"main.tf": "infra"})
	sha := link(t, git, infra, [3]string{"far", there.url + "/team/far/.git", far})
	access := func(token string) remote.SubmoduleAccess {
		return remote.SubmoduleAccess{Prefix: there.url + "/team/",
			Auth: remote.Auth{Username: "team", Password: token}}
	}
	old, _ := open(t, followed(infra, remote.Auth{}, access("old")))
	fetch(t, old)
	_, x := exportOf(t, old, sha)
	wantMissing(t, x, "far", "credentials", "")

	now := withRemote(t, old, followed(infra, remote.Auth{}, access("new")))
	dir, x := exportOf(t, now, sha)
	if wantFile(t, dir, "far/f.txt", "far"); len(x.Missing) > 0 {
		t.Errorf("%+v", x)
	}
	dir, _ = exportOf(t, old, sha) // which is in the mirror now
	wantFile(t, dir, "far/f.txt", "far")
	none := withRemote(t, now, followed(infra, remote.Auth{}))
	_, x = exportOf(t, none, sha)
	wantMissing(t, x, "far", "no submodule block allows that host", "")
}

// Reloads, fetches, force-pushes and maintenance at once.
func TestReloadsAtRandom(t *testing.T) {
	repo := gittest.NewRepo(t)
	repo.Commit("main", map[string]string{"main.tf": "# 0"})
	host := serveSlowly(t, repo, "none")
	m, _ := open(t, host.remote("0"))
	fetch(t, m)
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	old := m
	all.Go(func() {
		for ctx.Err() == nil {
			if _, err := old.Fetch(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			if err := old.Maintain(ctx, nil); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	var seen []string
	for i := range 30 {
		m = withRemote(t, m, host.remote(fmt.Sprint(i/2)))
		seen = append(seen, repo.Commit("main", map[string]string{"main.tf": fmt.Sprint("# ", i)}, gittest.On("")))
		fetch(t, m)
		wantCommits(t, m, seen...)
	}
}

func TestWrongRemotes(t *testing.T) {
	m, _ := open(t, remote.Remote{URL: t.TempDir()})
	for what, r := range map[string]remote.Remote{
		"no URL":      {},
		"a prefix":    followed("https://h/x", remote.Auth{}, remote.SubmoduleAccess{Prefix: "/srv/git"}),
		"certificate": {URL: "https://h/x", Auth: remote.Auth{CA: []byte("none")}},
	} {
		r.Name = "infra"
		if _, err := m.WithRemote(r); err == nil {
			t.Errorf("%s: it was taken", what)
		}
		if _, err := gitrepo.Open(t.TempDir(), r); err == nil {
			t.Errorf("%s: it was opened", what)
		}
	}
}
