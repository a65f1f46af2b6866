package gitrepo_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/local"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// linkForms are symbolic links by their names, in a tree with dir/file, dir/sub/deep,
// and the submodule mod with m.tf and inner/i.tf.
func linkForms() map[string]string {
	forms := map[string]string{
		"to-file": "dir/file", "to-dir": "dir", "to-dir-slash": "dir/", "double": "dir//file", "self-dir": ".",
		"to-sub": "to-dir/sub",
		"dots":   "dir/./sub/../file", "dir/up": "../dir/file", "dir/sub/root": "../..",
		"back":     "dir/sub/root/dir/sub/root/to-file",
		"absolute": "/etc/passwd", "absolute-root": "/", "out": "../x", "out-below": "dir/../../x",
		"dir/out": "../../dir/file", "through-out": "out/x",
		"self": "self", "loop-a": "loop-b", "loop-b": "loop-a", "loop-dir": "loop-dir/x", "dir/loop": "loop/..",
		"dangling": "nowhere", "dangling-up": "nowhere/../dir/file", "dangling-out": "nowhere/../../x",
		"through-file": "dir/file/../file", "file-slash": "dir/file/", "file-dot": "dir/file/.",
		"below-file": "dir/file/x",
		"link-slash": "to-file/",
		"case":       "DIR/file", "case-file": "dir/File", "upper": "Upper", "lower": "upper",
		"newline": "dir/\nfile", "blank": " dir/file", "backslash": `dir\file`, "percent": "dir%2ffile",
		"empty": "", "nul": "dir\x00/file", "longest": strings.Repeat("./", 2043) + "dir/file",
		"too-long":  strings.Repeat("./", 2044) + "dir/file",
		"long-name": strings.Repeat("n", 256), "long-missing": "dir/" + strings.Repeat("n", 300) + "/../file",
		"to-git": "odd/.git/config", "to-dot-dir": "dir/.terraform", "module": "mod", "module-file": "mod/m.tf",
		"module-dir": "mod/inner", "module-up": "mod/../dir/file", "module-slash": "mod/",
		"module-out": "mod/to-top", "many-0": "dir/file",
	}
	for i := 1; i < 300; i++ {
		forms[fmt.Sprint("many-", i)] = fmt.Sprint("many-", i-1)
	}
	for i := range 30 {
		forms[fmt.Sprint("chain-", i)] = fmt.Sprintf("chain-%d/sub/root/to-dir", i+1)
	}
	forms["chain-30"] = "dir"
	return forms
}

// there is what a path leads to: "absent", a directory, or what a file holds.
func there(dir bool, read func() ([]byte, error)) string {
	if dir {
		return "a directory"
	}
	raw, err := read()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("a file with %q", raw)
}

func onDisk(root, name string) string {
	p := filepath.Join(root, filepath.FromSlash(name))
	info, err := patiently(func() (os.FileInfo, error) { return os.Stat(p) })
	if err != nil {
		return "absent"
	}
	return there(info.IsDir(), func() ([]byte, error) {
		return patiently(func() ([]byte, error) { return os.ReadFile(p) })
	})
}

// patiently asks again where there are too many links. When somebody mounts meanwhile the kernel walks a path once
// more, and counts the links that it had passed before.
func patiently[T any](ask func() (T, error)) (v T, err error) {
	for range 50 {
		if v, err = ask(); !errors.Is(err, syscall.ELOOP) {
			break
		}
	}
	return v, err
}

func inTree(tree fs.FS, name string) string {
	info, err := fs.Stat(tree, name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid):
		return "absent"
	case err != nil:
		return err.Error()
	}
	return there(info.IsDir(), func() ([]byte, error) { return fs.ReadFile(tree, name) })
}

// What is read of a commit's tree by a path is what the kernel finds by it in an
// export: in a mirror, with submodules and without, and in a checkout.
func TestLinksAreFollowedAsTheKernelDoes(t *testing.T) {
	module := gittest.NewRepo(t)
	inner := module.Commit("main",
		map[string]string{"m.tf": "module", "inner/i.tf": "inner", "to-top": gittest.Symlink("../dir/file"),
			"own": gittest.Symlink("inner/../m.tf")})
	repo := gittest.NewRepo(t)
	url, err := filepath.Rel(repo.Dir, module.Dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"dir/file": "content", "dir/sub/deep": "deep", "Upper": "upper", "dir/.terraform": "dot",
		"mod":         gittest.Submodule(inner),
		".gitmodules": fmt.Sprintf("[submodule \"mod\"]\n\tpath = mod\n\turl = %s\n", url)}
	forms := linkForms()
	for name, target := range forms {
		files[name] = gittest.Symlink(target)
	}
	sha := repo.Commit("main", files)
	with, _ := open(t, followed(repo.Dir, remote.Auth{}))
	fetch(t, with)
	without, _ := open(t, remote.Remote{URL: repo.Dir})
	fetch(t, without)
	local, err := local.OpenCheckout(repo.Dir)
	if err != nil {
		t.Fatal(err)
	}
	full, x := exportOf(t, with, sha)
	if len(x.Missing) > 0 {
		t.Fatalf("%+v", x.Missing)
	}
	plain, _ := exportOf(t, without, sha)
	probes := []string{".", "dir", "dir/file", "dir/file/x", "mod", "mod/m.tf", "mod/own", "mod/to-top",
		"mod/inner/i.tf",
		"nowhere", "dir/File", "DIR"}
	for name := range forms {
		probes = append(probes, name, name+"/file", name+"/sub/deep", name+"/m.tf", name+"/i.tf",
			name+"/to-dir/sub/root/dir/file")
	}
	leads := 0
	for what, c := range map[string]struct {
		tree func(string) (fs.FS, error)
		disk string
	}{"mirror": {without.Tree, plain}, "with submodules": {with.Tree, full}, "checkout": {local.Tree, plain}} {
		tree, err := c.tree(sha)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range probes {
			got, want := inTree(tree, p), onDisk(c.disk, p)
			if got != want {
				t.Errorf("%s: %.80s (%.80q) is %s; in an export %s", what, p, forms[p], got, want)
			}
			if want != "absent" {
				leads++
			}
		}
	}
	if leads < 300 {
		t.Errorf("only %d paths lead anywhere", leads)
	}
}

// What is not exported is not read either: another's names for Git's own directory,
// names and paths that no file system takes, and modes that are none of Git's.
func TestWhatIsNotExportedIsNotRead(t *testing.T) {
	repo := gittest.NewRepo(t)
	blob := repo.Blob("x")
	below := repo.RawTree(gittest.Entry{Mode: "100644", Name: "config", ID: blob})
	long := strings.Repeat("n", 256)
	deep := below
	for range 20 {
		deep = repo.RawTree(gittest.Entry{Mode: "40000", Name: strings.Repeat("d", 250), ID: deep})
	}
	odd := repo.RawTree(gittest.Entry{Mode: "40000", Name: ".git", ID: below},
		gittest.Entry{Mode: "40000", Name: "GIT~1", ID: below},
		gittest.Entry{Mode: "10644", Name: "fifo", ID: blob}, gittest.Entry{Mode: "100644", Name: long, ID: blob},
		gittest.Entry{Mode: "100644", Name: "plain", ID: blob})
	sha := repo.CommitTree("main",
		repo.RawTree(gittest.Entry{Mode: "40000", Name: "deep", ID: deep},
			gittest.Entry{Mode: "120000", Name: "link", ID: repo.Blob("odd/.git/config")},
			gittest.Entry{Mode: "40000", Name: "odd", ID: odd}))
	m, _ := open(t, remote.Remote{URL: repo.Dir})
	fetch(t, m)
	local, err := local.OpenCheckout(repo.Dir)
	if err != nil {
		t.Fatal(err)
	}
	disk, _ := exportOf(t, m, sha)
	for what, open := range map[string]func(string) (fs.FS, error){"mirror": m.Tree, "checkout": local.Tree} {
		tree, err := open(sha)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{"link", "odd", "odd/.git", "odd/.git/config", "odd/GIT~1/config", "odd/fifo",
			"odd/" + long, "odd/plain",
			"deep", "deep" + strings.Repeat("/"+strings.Repeat("d", 250), 10),
			"deep" + strings.Repeat("/"+strings.Repeat("d", 250), 20) + "/config"} {
			if got, want := inTree(tree, p), onDisk(disk, p); got != want {
				t.Errorf("%s: %.40s is %s; in an export %s", what, p, got, want)
			}
		}
		entries, err := fs.ReadDir(tree, "odd")
		if err != nil || len(entries) != 1 || entries[0].Name() != "plain" {
			t.Errorf("%s: %v, %v", what, entries, err)
		}
	}
}
