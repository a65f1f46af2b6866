package gitrepo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

const pointer = "version https://git-lfs.github.com/spec/v1\noid " +
	"sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"

// goodTree is a tree with everything that is allowed.
func goodTree() map[string]string {
	return map[string]string{
		"main.tf": "x", "empty": "", "run.sh": gittest.Executable("#!/bin/sh\n"),
		"big":           strings.Repeat("0123456789", 200_000),
		"a/b/c/deep.tf": "deep", "live/prod/main.tf": "p",
		"live/prod/common.tf": gittest.Symlink("../../shared/common.tf"),
		"shared/common.tf":    "common",
		"dirlink":             gittest.Symlink("live/prod"), "chain": gittest.Symlink("dirlink/common.tf"),
		"dangling": gittest.Symlink("not/there"),
		"self":     gittest.Symlink("."), "up": gittest.Symlink("a/b/../../main.tf"),
		"modules/vpc": gittest.Submodule(strings.Repeat("a", 40)), "assets/logo.png": pointer,
		"assets/not-a-pointer": strings.Replace(pointer, "oid", "OID", 1),
		".gitignore":           "x", ".gitmodules": "m", ".github/x": "y", "git~2": "z",
		"a name with\nodd \u202e characters": "ok", "back\\slash": "b",
	}
}

func TestExport(t *testing.T) {
	repo := gittest.NewRepo(t)
	files := goodTree()
	sha := repo.Commit("main", files)
	m, _ := open(t, remote.Remote{URL: repo.Dir})
	fetch(t, m)

	dst := filepath.Join(t.TempDir(), "not", "there", "yet")
	got, err := m.Export(t.Context(), sha, dst, trees.Base{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Submodules, []string{"modules/vpc"}) ||
		!slices.Equal(got.LFSPointers, []string{"assets/logo.png"}) {
		t.Errorf("%+v", got)
	}
	want := maps.Clone(files)
	delete(want, "modules/vpc")
	for name, content := range want {
		if target, ok := strings.CutPrefix(content, gittest.Symlink("")); ok {
			want[name] = "-> " + target
		}
		want[name] = strings.TrimPrefix(want[name], gittest.Executable(""))
	}
	if have := readFiles(t, dst); !maps.Equal(have, want) {
		t.Errorf("files: %v", have)
	}
	for name, perm := range map[string]fs.FileMode{"main.tf": 0o644, "run.sh": 0o755, "a/b": 0o755 | fs.ModeDir,
		".": 0o755 | fs.ModeDir, "modules/vpc": 0o755 | fs.ModeDir} {
		if info, err := os.Lstat(filepath.Join(dst, name)); err != nil || info.Mode() != perm {
			t.Errorf("%s: %v, %v, want %v", name, info, err, perm)
		}
	}

	wantFault(t, second(m.Export(t.Context(), sha, dst, trees.Base{})), fault.Conflict, "not empty")
	if have := readFiles(t, dst); !maps.Equal(have, want) {
		t.Error("a refused export changed the directory")
	}
	empty := t.TempDir()
	if _, err := m.Export(t.Context(), sha, empty, trees.Base{}); err != nil {
		t.Errorf("into an empty directory: %v", err)
	}
	wantFault(t, second(m.Export(t.Context(), strings.Repeat("1", 40), t.TempDir(), trees.Base{})), fault.NotFound)
	wantFault(t, second(m.Export(t.Context(), sha[:12], t.TempDir(), trees.Base{})), fault.Invalid)
	wantFault(t, second(m.Export(t.Context(), sha, filepath.Join(dst, "main.tf", "x"), trees.Base{})), fault.Internal)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stopped := filepath.Join(t.TempDir(), "x")
	if _, err := m.Export(ctx, sha, stopped, trees.Base{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if _, err := os.Lstat(stopped); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a canceled export left its directory: %v", err)
	}
}

// TestExportLeavesOut: what must not become a file is not written, and nothing
// else suffers from it.
func TestExportLeavesOut(t *testing.T) {
	repo := gittest.NewRepo(t)
	blob := repo.Blob("evil")
	file := func(name string) gittest.Entry { return gittest.Entry{Mode: "100644", Name: name, ID: blob} }
	link := func(name, target string) gittest.Entry {
		return gittest.Entry{Mode: "120000", Name: name, ID: repo.Blob(target)}
	}
	dir := func(name string, entries ...gittest.Entry) gittest.Entry {
		return gittest.Entry{Mode: "40000", Name: name, ID: repo.RawTree(entries...)}
	}
	deep := func(n int, name string, e gittest.Entry) gittest.Entry {
		for range n {
			e = dir(name, e)
		}
		return e
	}
	loop := []gittest.Entry{link("a", "b"), link("b", "a")}
	for name, c := range map[string]struct {
		entries []gittest.Entry
		left    []string // paths that are not there
	}{
		"dot dot":              {[]gittest.Entry{dir("..", file("evil"))}, []string{".."}},
		"dot dot file":         {[]gittest.Entry{file("..")}, []string{".."}},
		"dot":                  {[]gittest.Entry{dir(".", file("evil"))}, []string{"."}},
		"empty name":           {[]gittest.Entry{file("")}, []string{""}},
		"slash in a name":      {[]gittest.Entry{file("a/../../b")}, []string{"a/../../b"}},
		"absolute name":        {[]gittest.Entry{file("/etc/evil")}, []string{"/etc/evil"}},
		"deep dot dot":         {[]gittest.Entry{dir("a", dir("b", dir("..", file("evil"))))}, []string{"a/b/.."}},
		"backslashes":          {[]gittest.Entry{file(`a\..\..\b`)}, []string{`a\..\..\b`}},
		".git":                 {[]gittest.Entry{dir(".git", file("config"))}, []string{".git"}},
		".git file":            {[]gittest.Entry{file(".git")}, []string{".git"}},
		"deep .git":            {[]gittest.Entry{dir("m", dir(".git", file("config")))}, []string{"m/.git"}},
		".GIT":                 {[]gittest.Entry{dir(".GiT", file("config"))}, []string{".GiT"}},
		"HFS .git":             {[]gittest.Entry{dir(".g\u200cit", file("config"))}, []string{".g\u200cit"}},
		"HFS .git, byte order": {[]gittest.Entry{dir("\ufeff.git", file("config"))}, []string{"\ufeff.git"}},
		"NTFS short .git":      {[]gittest.Entry{dir("GIT~1", file("config"))}, []string{"GIT~1"}},
		"NTFS trailing":        {[]gittest.Entry{dir(".git. .", file("config"))}, []string{".git. ."}},
		"NTFS stream": {[]gittest.Entry{dir(".git::$INDEX_ALLOCATION", file("config"))},
			[]string{".git::$INDEX_ALLOCATION"}},
		"NTFS backslash .git":   {[]gittest.Entry{file(`a\.git\hooks\x`)}, []string{`a\.git\hooks\x`}},
		"link, absolute":        {[]gittest.Entry{link("l", "/etc/passwd")}, []string{"l"}},
		"link, up":              {[]gittest.Entry{link("l", "../../x")}, []string{"l"}},
		"link, up by one":       {[]gittest.Entry{link("l", "..")}, []string{"l"}},
		"link, up and back":     {[]gittest.Entry{link("l", "../tree/x")}, []string{"l"}},
		"link, deep":            {[]gittest.Entry{dir("a", dir("b", link("l", "../../../x")))}, []string{"a/b/l"}},
		"link, through missing": {[]gittest.Entry{link("l", "gone/../../x")}, []string{"l"}},
		"link, through a file":  {[]gittest.Entry{file("f"), link("l", "f/../../x")}, []string{"l"}},
		"link, chain": {[]gittest.Entry{dir("d", link("one", "../two")), link("two", "d/three"),
			dir("e", file("x")), link("x", "d/one/../../.."), file("z")}, []string{"x"}},
		"link, chain to absolute": {[]gittest.Entry{link("one", "two"), link("two", "three"), link("three", "/")},
			[]string{"one", "three", "two"}},
		"link, dir link and up": {[]gittest.Entry{dir("a", dir("b", file("f"))), link("short", "a/b"),
			dir("q", dir("r", link("l", "../../short/../../../x")))}, []string{"q/r/l"}},
		"link, loop":     {loop, []string{"a", "b"}},
		"link, empty":    {[]gittest.Entry{link("l", "")}, []string{"l"}},
		"link, NUL":      {[]gittest.Entry{link("l", "a\x00b")}, []string{"l"}},
		"link, too long": {[]gittest.Entry{link("l", strings.Repeat("a/", 3000))}, []string{"l"}},
		"odd mode":       {[]gittest.Entry{{Mode: "60000", Name: "dev", ID: blob}}, []string{"dev"}},
		"long name":      {[]gittest.Entry{file(strings.Repeat("n", 256))}, []string{strings.Repeat("n", 256)}},
		"long path": {[]gittest.Entry{deep(20, strings.Repeat("d", 200), file("f"))},
			[]string{strings.Repeat(strings.Repeat("d", 200)+"/", 17) + strings.Repeat("d", 200)}},
		"link to what is out": {[]gittest.Entry{link("l", "../x"), link("m", "l"), dir("d", link("n", "../m"))},
			[]string{"d/n", "l", "m"}},
	} {
		t.Run(name, func(t *testing.T) {
			good := file("good.tf")
			sha := repo.CommitTree("b", repo.RawTree(append(c.entries, good)...), gittest.On(""), gittest.Message(name))
			m, _ := open(t, remote.Remote{URL: repo.Dir})
			fetch(t, m)
			parent := t.TempDir()
			dst := filepath.Join(parent, "tree")
			got, err := m.Export(t.Context(), sha, dst, trees.Base{})
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, l := range got.LeftOut() {
				left = append(left, l.Path)
				if l.Why == "" {
					t.Errorf("%s is left out, and nobody says why", l.Path)
				}
			}
			if !slices.Equal(left, c.left) {
				t.Errorf("left out %q, want %q", left, c.left)
			}
			for name, content := range readFiles(t, parent) {
				if strings.HasPrefix(content, "-> ") && len(c.left) > 0 &&
					slices.Contains(c.left, strings.TrimPrefix(name, "tree/")) {
					t.Errorf("%s was written", name)
				}
			}
			if raw, err := os.ReadFile(filepath.Join(dst, "good.tf")); err != nil || string(raw) != "evil" {
				t.Errorf("what is good is not there: %q, %v", raw, err)
			}
			outside, err := os.ReadDir(parent)
			if err != nil || len(outside) != 1 {
				t.Errorf("beside the tree: %v, %v", outside, err)
			}
			tree, err := m.Tree(sha)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range got.Links { // for a reader of the tree they are not there either
				if _, err := fs.Stat(tree, l.Path); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
					t.Errorf("%s in the tree: %v", l.Path, err)
				}
			}
		})
	}
}

// TestExportRefusesTwice: of two entries of one name nobody can say which is meant.
func TestExportRefusesTwice(t *testing.T) {
	repo := gittest.NewRepo(t)
	file := gittest.Entry{Mode: "100644", Name: "a", ID: repo.Blob("x")}
	for name, other := range map[string]gittest.Entry{
		"link": {Mode: "120000", Name: "a", ID: repo.Blob("b")}, "file": file,
		"directory": {Mode: "40000", Name: "a", ID: repo.RawTree(file)},
	} {
		sha := repo.CommitTree("b", repo.RawTree(other, file), gittest.On(""), gittest.Message(name))
		m, _ := open(t, remote.Remote{URL: repo.Dir})
		fetch(t, m)
		parent := t.TempDir()
		wantFault(t, second(m.Export(t.Context(), sha, filepath.Join(parent, "tree"), trees.Base{})), fault.Invalid, `"a"`,
			"twice", sha, "infra")
		if left := readFiles(t, parent); len(left) > 0 {
			t.Errorf("%s: files were written: %v", name, left)
		}
	}
}

// TestExportCases: names that differ in case alone, and those that only other
// systems do not take, are files like any others.
func TestExportCases(t *testing.T) {
	repo := gittest.NewRepo(t)
	files := map[string]string{"main.tf": "a", "Main.tf": "b", "MAIN.TF": "c", "d/x": "1", "D/x": "2", "aux": "3",
		"con.txt": "4", "a:b": "5", "what?": "6", "dot.": "7", "caf\u00e9": "8", "cafe\u0301": "9"}
	sha := repo.Commit("main", files)
	m, _ := open(t, remote.Remote{URL: repo.Dir})
	fetch(t, m)
	dst := filepath.Join(t.TempDir(), "tree")
	got, err := m.Export(t.Context(), sha, dst, trees.Base{})
	if err != nil || len(got.LeftOut()) > 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if have := readFiles(t, dst); !maps.Equal(have, files) {
		t.Errorf("files: %q", have)
	}
}

// TestExportBomb: ten trees that each name the next ten times stand for ten
// thousand million files.
func TestExportBomb(t *testing.T) {
	repo := gittest.NewRepo(t)
	id, mode := repo.Blob("boom"), "100644"
	for range 10 {
		var entries []gittest.Entry
		for i := range 10 {
			entries = append(entries, gittest.Entry{Mode: mode, Name: fmt.Sprint(i), ID: id})
		}
		id, mode = repo.RawTree(entries...), "40000"
	}
	sha := repo.CommitTree("main", id)
	m, _ := open(t, remote.Remote{URL: repo.Dir})
	fetch(t, m)
	dst := filepath.Join(t.TempDir(), "tree")
	wantFault(t, second(m.Export(t.Context(), sha, dst, trees.Base{})), fault.Invalid, "1000000")
	if _, err := os.Lstat(dst); !errors.Is(err, fs.ErrNotExist) {
		t.Error("something was written")
	}
}

func TestTree(t *testing.T) {
	repo := gittest.NewRepo(t)
	files := goodTree()
	delete(files, "dangling")    // fstest opens every name
	delete(files, "self")        // and walks into every directory
	delete(files, "back\\slash") // and takes this for a separator
	sha := repo.Commit("main", files)
	hostile := repo.CommitTree("hostile", repo.RawTree(
		gittest.Entry{Mode: "40000", Name: "..", ID: repo.RawTree()},
		gittest.Entry{Mode: "100644", Name: "ok", ID: repo.Blob("ok")},
		gittest.Entry{Mode: "120000", Name: "out", ID: repo.Blob("../../etc/passwd")},
		gittest.Entry{Mode: "120000", Name: "abs", ID: repo.Blob("/etc/passwd")},
	), gittest.On(""))
	m, _ := open(t, remote.Remote{URL: repo.Dir})
	fetch(t, m)
	tree, err := m.Tree(sha)
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(tree, "main.tf", "a/b/c/deep.tf", "live/prod/common.tf", "chain",
		"modules/vpc"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"live/prod/common.tf": "common", "chain": "common",
		"dirlink/main.tf":   "p",
		"dirlink/common.tf": "common", "up": "x", "run.sh": "#!/bin/sh\n"} {
		if got, err := fs.ReadFile(tree, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	sub, err := fs.Sub(tree, "dirlink")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := fs.ReadFile(sub, "common.tf"); err != nil || string(got) != "common" {
		t.Errorf("through Sub: %q, %v", got, err)
	}
	if list, err := fs.ReadDir(tree, "modules/vpc"); err != nil || len(list) != 0 {
		t.Errorf("a submodule: %v, %v", list, err)
	}
	for _, name := range []string{"gone", "main.tf/x", "live/gone"} {
		if _, err := fs.Stat(tree, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad, err := m.Tree(hostile)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"out", "abs", ".."} {
		if raw, err := fs.ReadFile(bad, name); err == nil {
			t.Errorf("%s was read: %q", name, raw)
		}
	}
	if list, err := fs.ReadDir(bad, "."); err != nil || len(list) != 3 {
		t.Errorf("hostile: %v, %v", list, err)
	}

	next := repo.Commit("main", map[string]string{"main.tf": "next"}, gittest.On(""))
	fetch(t, m)
	if got, err := fs.ReadFile(tree, "main.tf"); err != nil || string(got) != "x" || next == sha {
		t.Errorf("after a later fetch: %q, %v", got, err)
	}
}

// TestMalformedObjects: what is wrong on one branch harms no other branch, and
// is not taken for damage of the mirror.
func TestMalformedObjects(t *testing.T) {
	repo := gittest.NewRepo(t)
	good := repo.Commit("main", map[string]string{"a": "a"})
	blob := repo.Blob("x")
	bad := map[string]string{
		"cut tree": repo.CommitTree("cut-tree", repo.RawObject("tree", "100644 a\x00short"), gittest.On("")),
		"no mode": repo.CommitTree("no-mode", repo.RawObject("tree", "x a\x00"+strings.Repeat("h", 20)),
			gittest.On("")),
		"deep": repo.CommitTree("deep",
			repo.RawTree(gittest.Entry{Mode: "40000", Name: "d", ID: repo.RawObject("tree", "garbage")}),
			gittest.On("")),
		"blob as a directory": repo.CommitTree("blob-dir",
			repo.RawTree(gittest.Entry{Mode: "40000", Name: "d", ID: blob}),
			gittest.On("")),
		"directory as a file": repo.CommitTree("dir-file",
			repo.RawTree(gittest.Entry{Mode: "100644", Name: "f", ID: repo.RawTree()}), gittest.On("")),
		"blob as the root": repo.CommitTree("blob-root", blob, gittest.On("")),
	}
	tag := repo.AnnotatedTag("t0", "commit", good)
	for i := range 12 {
		tag = repo.AnnotatedTag(fmt.Sprint("t", i+1), "tag", tag)
	}
	m, _ := open(t, remote.Remote{URL: repo.Dir})
	for range 2 {
		if got := fetch(t, m); got.Repaired != "" {
			t.Fatalf("taken for damage: %+v", got)
		}
		for name, sha := range bad {
			dst := filepath.Join(t.TempDir(), "x")
			_, err := m.Export(t.Context(), sha, dst, trees.Base{})
			wantFault(t, err, fault.Invalid, "infra", "fsck")
			if _, err := os.Lstat(dst); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: something was left: %v", name, err)
			}
			if tree, err := m.Tree(sha); err == nil {
				_ = fs.WalkDir(tree, ".", func(string, fs.DirEntry, error) error { return nil }) // must end
			}
			if _, err := m.Changed(t.Context(), good, sha); err != nil {
				wantFault(t, err, fault.Invalid, "infra")
			}
		}
		if _, err := m.Resolve(t.Context(), "t12"); err == nil {
			t.Error("a tag nested without end was resolved")
		}
		if !m.Has(good) || exported(t, m, good)["a"] != "a" {
			t.Error("the good branch cannot be read")
		}
	}
}
