package gitrepo_test

import (
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

func withLFS(url, user, pass string) remote.Remote {
	return remote.Remote{URL: url, Auth: remote.Auth{Username: user, Password: pass}, LFS: remote.LFS{On: true}}
}

func TestLFS(t *testing.T) {
	repo := gittest.NewRepo(t)
	srv := gittest.ServeLFS(t, repo.Dir, "tfops", "token")
	big := strings.Repeat("0123456789", 300_000)
	files := map[string]string{"main.tf": "x", "logo.png": srv.Put("logo"), "copy/logo.png": srv.Put("logo"),
		"big": srv.Put(big), "empty": srv.Put(""),
		"run.sh": gittest.Executable(srv.Put("#!/bin/sh")),
		"broken": strings.Replace(gittest.Pointer("x"), "size 1", "size one", 1)}
	for i := range 130 { // more than one batch
		files[fmt.Sprint("many/", i)] = srv.Put(fmt.Sprint("object ", i))
	}
	sha := repo.Commit("main", files)
	m, dir := open(t, withLFS(srv.URL, "tfops", "token"))
	fetch(t, m)
	want := maps.Clone(files)
	maps.Copy(want, map[string]string{"logo.png": "logo", "copy/logo.png": "logo", "big": big, "empty": "",
		"run.sh": "#!/bin/sh"})
	for i := range 130 {
		want[fmt.Sprint("many/", i)] = fmt.Sprint("object ", i)
	}
	check := func(what string) {
		t.Helper()
		dst := filepath.Join(t.TempDir(), "tree")
		got, err := m.Export(t.Context(), sha, dst, trees.Base{})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if !slices.Equal(got.LFSPointers, []string{"broken"}) || len(got.LeftOut()) > 0 {
			t.Errorf("%s: %+v", what, got)
		}
		if have := readFiles(t, dst); !maps.Equal(have, want) {
			t.Errorf("%s: the files are not those of the commit", what)
		}
		if info, err := os.Stat(filepath.Join(dst, "run.sh")); err != nil || info.Mode()&0o100 == 0 {
			t.Errorf("%s: run.sh cannot be run: %v %v", what, info, err)
		}
	}
	check("first")
	srv.Answer(http.StatusInternalServerError)
	check("out of the store")
	srv.Answer(0)
	if n := srv.Served("logo"); n != 1 {
		t.Errorf("the object was downloaded %d times", n)
	}

	// What rots in the store is fetched once more, also with its size kept.
	oid := gittest.OID("logo")
	kept := filepath.Join(dir, "lfs", "objects", oid[:2], oid[2:4], oid)
	for _, rot := range []string{"l0go", "lo", "longer than before"} {
		if err := os.WriteFile(kept, []byte(rot), 0o600); err != nil {
			t.Fatal(err)
		}
		check("rotten: " + rot)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "lfs", "tmp")); err != nil || len(left) > 0 {
		t.Errorf("downloads left %v, %v", left, err)
	}
}

// TestLFSThatCannotBeHad: an object that the server lacks, or has wrong, leaves
// its files out, and no others.
func TestLFSThatCannotBeHad(t *testing.T) {
	repo := gittest.NewRepo(t)
	srv := gittest.ServeLFS(t, repo.Dir, "", "")
	files := map[string]string{"good": srv.Put("good"), "none": gittest.Pointer("none"),
		"wrong": gittest.Pointer("right"), "short": gittest.Pointer("whole"),
		"long": gittest.Pointer("cut"), "lying": strings.Replace(gittest.Pointer("good!"), "size 5", "size 999999999",
			1)}
	srv.Lie("right", "wrong")
	srv.Lie("whole", "who")
	srv.Lie("cut", strings.Repeat("cut", 1000))
	srv.Lie("good!", "good!")
	sha := repo.Commit("main", files)
	m, dir := open(t, withLFS(srv.URL, "", ""))
	fetch(t, m)
	dst := filepath.Join(t.TempDir(), "tree")
	got, err := m.Export(t.Context(), sha, dst, trees.Base{})
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, l := range got.Names {
		left = append(left, l.Path)
		if !strings.Contains(l.Why, "cannot be had: ") {
			t.Errorf("%+v", l)
		}
	}
	if !slices.Equal(left, []string{"long", "lying", "none", "short", "wrong"}) {
		t.Errorf("left out: %q", left)
	}
	if have := readFiles(t, dst); !maps.Equal(have, map[string]string{"good": "good"}) {
		t.Errorf("files: %q", have)
	}
	var kept []string
	_ = filepath.WalkDir(filepath.Join(dir, "lfs"), func(path string, d fs.DirEntry, _ error) error {
		if !d.IsDir() {
			kept = append(kept, d.Name())
		}
		return nil
	})
	if !slices.Equal(kept, []string{gittest.OID("good")}) {
		t.Errorf("the store keeps %q", kept)
	}
}

func TestLFSFaults(t *testing.T) {
	repo := gittest.NewRepo(t)
	srv := gittest.ServeLFS(t, repo.Dir, "tfops", "secret-token")
	sha := repo.Commit("main", map[string]string{"logo": srv.Put("logo")})
	m, _ := open(t, withLFS(srv.URL, "tfops", "secret-token"))
	fetch(t, m)
	export := func() error {
		parent := t.TempDir()
		_, err := m.Export(t.Context(), sha, filepath.Join(parent, "tree"), trees.Base{})
		if left := readFiles(t, parent); err != nil && len(left) > 0 {
			t.Errorf("files are left: %v", left)
		}
		return err
	}
	for status, code := range map[int]fault.Code{401: fault.Forbidden, 403: fault.Forbidden, 404: fault.Invalid,
		429: fault.Unavailable, 503: fault.Unavailable} {
		srv.Answer(status)
		wantFault(t, export(), code, "infra", "Git LFS")
	}
	srv.Answer(0)
	srv.At(func(string) string { return "http://127.0.0.1:1/x?signature=geheim" }, nil)
	err := export()
	wantFault(t, err, fault.Unavailable, "Git LFS")
	if strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "secret-token") {
		t.Errorf("the error tells a secret: %v", err)
	}

	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		_ *http.Request) {
		fmt.Fprint(w, "<html>sign in</html>")
	}))
	defer web.Close()
	r := withLFS(srv.URL, "tfops", "secret-token")
	r.LFS.URL = web.URL + "/lfs"
	m, _ = open(t, r)
	fetch(t, m)
	wantFault(t, export(), fault.Unavailable, "does not answer as a Git LFS server", "lfs_url")
	r.LFS.URL = "http://lfs.example.com/x"
	m, _ = open(t, r)
	fetch(t, m)
	wantFault(t, export(), fault.Invalid, "unencrypted")
}

// TestLFSElsewhere: credentials stay with the server that they are for, and what
// it says to send goes to where it says.
func TestLFSElsewhere(t *testing.T) {
	repo := gittest.NewRepo(t)
	srv := gittest.ServeLFS(t, repo.Dir, "tfops", "token")
	store := gittest.ServeLFS(t, repo.Dir, "", "")
	store.Put("logo")
	sha := repo.Commit("main", map[string]string{"logo": srv.Put("logo")})
	base := strings.TrimSuffix(store.URL, "/repo.git")
	srv.At(func(oid string) string { return base + "/objects/" + oid }, map[string]string{"X-Signed": "yes"})
	m, _ := open(t, withLFS(srv.URL, "tfops", "token"))
	fetch(t, m)
	if have := exported(t, m, sha)["logo"]; have != "logo" {
		t.Errorf("the file holds %q", have)
	}
	for _, h := range store.Seen() {
		if h.Get("Authorization") != "" || h.Get("X-Signed") != "yes" {
			t.Errorf("the store was sent %v", h)
		}
	}
	if len(store.Seen()) != 1 || srv.Served("logo") != 0 {
		t.Error("the object came from elsewhere")
	}
}

// TestLFSOfADirectory: a repository on this machine has its objects beside it.
func TestLFSOfADirectory(t *testing.T) {
	repo := gittest.NewRepo(t)
	oid := gittest.OID("logo")
	dir := filepath.Join(repo.Dir, "lfs", "objects", oid[:2], oid[2:4])
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, oid), []byte("logo"), 0o600); err != nil {
		t.Fatal(err)
	}
	sha := repo.Commit("main", map[string]string{"logo": gittest.Pointer("logo"), "none": gittest.Pointer("none")})
	m, _ := open(t, withLFS(repo.Dir, "", ""))
	fetch(t, m)
	if have := exported(t, m, sha); !maps.Equal(have, map[string]string{"logo": "logo"}) {
		t.Errorf("files: %q", have)
	}
}
