package gitrepo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// eachWay runs a test over http and over ssh.
func eachWay(t *testing.T, azure func() *gittest.Azure, test func(*testing.T, *gittest.Azure, remote.Remote)) {
	t.Run("http", func(t *testing.T) {
		a := azure()
		test(t, a, remote.Remote{URL: a.Serve(t)})
	})
	t.Run("ssh", func(t *testing.T) {
		a := azure()
		srv := a.ServeSSH(t)
		test(t, a, remote.Remote{URL: srv.URL, Auth: remote.Auth{SSHKey: srv.Key, KnownHosts: srv.KnownHosts()}})
	})
}

// life has a branch grow, be forced back, and get a neighbour, and checks after
// each step that the mirror has what the branch is at.
func life(t *testing.T, m *gitrepo.Mirror, repo *gittest.Repo, after func(step int)) {
	t.Helper()
	var first string
	for i := range 5 {
		var sha string
		switch i {
		case 3:
			sha = repo.Commit("main", map[string]string{"a": "forced"}, gittest.On(first))
		case 4:
			sha = repo.Commit("other", map[string]string{"a": "other"}, gittest.On(first))
		default:
			sha = repo.Commit("main", map[string]string{"a": fmt.Sprint(i), fmt.Sprint("pad", i): random(100_000)})
		}
		if i == 0 {
			first = sha
		}
		fetch(t, m)
		want := map[int]string{0: "0", 1: "1", 2: "2", 3: "forced", 4: "other"}[i]
		if got := exported(t, m, sha); got["a"] != want {
			t.Errorf("step %d: a holds %q", i, got["a"])
		}
		after(i)
	}
}

// TestAzure: a host that demands multi_ack is read, and sends only what is new.
func TestAzure(t *testing.T) {
	for _, detailed := range []bool{false, true} {
		t.Run(fmt.Sprintf("detailed=%t", detailed), func(t *testing.T) {
			repo := gittest.NewRepo(t)
			eachWay(t, func() *gittest.Azure {
				repo = gittest.NewRepo(t)
				return &gittest.Azure{Dir: repo.Dir, Detailed: detailed}
			}, func(t *testing.T, a *gittest.Azure, r remote.Remote) {
				m, _ := open(t, r)
				life(t, m, repo, func(step int) {
					asks := a.Asks()
					last := asks[len(asks)-1]
					if len(asks) != step+1 || last.Refused != "" {
						t.Fatalf("step %d: %+v", step, asks)
					}
					if step > 2 && last.Bytes > 1000 {
						t.Errorf("step %d: %d bytes were sent for one small file", step, last.Bytes)
					}
				})
				if note := m.Note(); note != "" {
					t.Errorf("a note without need: %s", note)
				}
			})
		})
	}
}

// TestNoNegotiation: a host that understands nothing of what the mirror has, or
// does not heed it, is cloned whole each time; the mirror says so, and does not
// grow by that.
func TestNoNegotiation(t *testing.T) {
	for name, set := range map[string]func(*gittest.Azure){
		"refuses": func(a *gittest.Azure) { a.RefusesHaves = true },
		"ignores": func(a *gittest.Azure) { a.IgnoresHaves = true },
	} {
		t.Run(name, func(t *testing.T) {
			var repo *gittest.Repo
			eachWay(t, func() *gittest.Azure {
				repo = gittest.NewRepo(t)
				a := &gittest.Azure{Dir: repo.Dir}
				set(a)
				return a
			}, func(t *testing.T, a *gittest.Azure, r remote.Remote) {
				m, dir := open(t, r)
				life(t, m, repo, func(step int) {
					if noted := strings.Contains(m.Note(), "does not negotiate"); noted != (step > 0) {
						t.Errorf("step %d: the note is %q", step, m.Note())
					}
				})
				packs, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
				if err != nil || len(packs) > 3 { // the newest, and what only superseded heads need
					t.Errorf("%d packs are listed: %v, %v", len(packs), packs, err)
				}
				if reopen(t, dir, r).Note() == "" {
					t.Error("the next process knows nothing of it")
				}

				a.RefusesHaves, a.IgnoresHaves = false, false
				repo.Commit("main", map[string]string{"a": "better"})
				fetch(t, m)
				if m.Note() != "" {
					t.Errorf("the host negotiates now, and yet: %s", m.Note())
				}
			})
		})
	}
}

// TestRefusalIsTold: what the host says of a request that it never takes shows.
func TestRefusalIsTold(t *testing.T) {
	repo := gittest.NewRepo(t)
	repo.Commit("main", map[string]string{"a": "a"})
	a := &gittest.Azure{Dir: repo.Dir, RefusesAll: "TF401035: the object does not exist"}
	m, dir := open(t, remote.Remote{URL: a.Serve(t)})
	_, err := m.Fetch(t.Context())
	wantFault(t, err, fault.Unavailable, "TF401035", "400")
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("a failed fetch left something: %v", err)
	}
}
