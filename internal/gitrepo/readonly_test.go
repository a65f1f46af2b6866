package gitrepo_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// P8: Git is only read. Everything that a mirror can do is done, over the
// network and on a local path, and the remote is asked for nothing but reads
// and left byte for byte as it was, times included.
func TestRemoteIsOnlyRead(t *testing.T) {
	repo := gittest.NewRepo(t)
	first := repo.Commit("main", map[string]string{"main.tf": "# one\n", "sub/x.tf": "# x\n"})
	second := repo.Commit("main", map[string]string{"main.tf": "# two\n"})
	repo.Tag("v1", first)

	var mu sync.Mutex
	asked := map[string]bool{}
	inner := gittest.Handler(repo.Dir, "", "")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.Method+" "+r.URL.Path+" "+r.FormValue("service")] = true
		mu.Unlock()
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)

	for name, url := range map[string]string{"http": srv.URL + "/repo.git", "local": repo.Dir,
		"file": "file://" + repo.Dir} {
		t.Run(name, func(t *testing.T) {
			before := snapshot(t, repo.Dir)
			m, _ := open(t, remote.Remote{URL: url})
			if _, err := m.Heads(t.Context()); err != nil {
				t.Fatal(err)
			}
			fetch(t, m)
			fetch(t, m)
			if _, err := m.Changed(t.Context(), first, second); err != nil {
				t.Fatal(err)
			}
			if _, err := m.Resolve(t.Context(), "v1"); err != nil {
				t.Fatal(err)
			}
			exported(t, m, second)
			if err := m.Maintain(t.Context(), []string{first}); err != nil {
				t.Fatal(err)
			}
			if after := snapshot(t, repo.Dir); !reflect.DeepEqual(before, after) {
				t.Errorf("the remote was changed:\n%v\n%v", before, after)
			}
		})
	}
	for what := range asked {
		if !strings.HasSuffix(what, "/info/refs git-upload-pack") &&
			!strings.HasPrefix(what, "POST /repo.git/git-upload-pack") {
			t.Errorf("the remote was asked: %s", what)
		}
	}
	if len(asked) == 0 {
		t.Error("the remote was never asked")
	}
}

// snapshot is every file of a directory with its mode, time and content.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all[path] = fmt.Sprint(info.Mode(), info.ModTime())
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all[path] += fmt.Sprintf(" %x", sha256.Sum256(b))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
