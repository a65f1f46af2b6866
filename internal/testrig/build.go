package testrig

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// CacheDir is where built binaries are kept between test runs:
// tfops-testrig below TFOPS_TEST_CACHE, the user's cache directory, or the
// directory for temporary files, whichever is there first.
func CacheDir(t testing.TB) string {
	t.Helper()
	dir, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func cacheDir() (string, error) {
	base := os.Getenv("TFOPS_TEST_CACHE")
	if base == "" {
		var err error
		if base, err = os.UserCacheDir(); err != nil {
			base = filepath.Join(os.TempDir(), fmt.Sprintf("user-%d", os.Getuid()))
		}
	}
	dir := filepath.Join(base, "tfops-testrig")
	return dir, os.MkdirAll(dir, 0o755)
}

// Binary builds cmd/tfops, once for a state of the sources, and returns the
// path of the binary. It has the race detector when the test has it.
func Binary(t testing.TB) string {
	t.Helper()
	root := Root(t)
	key := sourceKey(t, root, raceFlags, func(rel string) bool {
		top, _, _ := strings.Cut(rel, "/")
		return rel == "go.mod" || rel == "go.sum" || slices.Contains([]string{"cmd", "internal", "examples"}, top)
	})
	dir := cached(t, "tfops", key, func(dir, _ string) {
		goBuild(t, root, filepath.Join(dir, "tfops"), "./cmd/tfops", raceFlags...)
	})
	return filepath.Join(dir, "tfops")
}

// cached is filled for a test, which fails where filling does.
func cached(t testing.TB, name, key string, fill func(dir, final string)) string {
	t.Helper()
	dir, err := filled(CacheDir(t), name, key, func(dir, final string) error {
		fill(dir, final)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// filled returns the directory <base>/<name>-<key>, made by fill if it is not
// there. fill gets the directory to fill and the one that it will become.
// Processes that want it at once wait for the first.
func filled(base, name, key string, fill func(dir, final string) error) (string, error) {
	final := filepath.Join(base, name+"-"+key)
	lock := flock.New(filepath.Join(base, "."+name+".lock"))
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer lock.Close()
	now := time.Now()
	if os.Chtimes(final, now, now) == nil { // there, and now known to be in use
		return final, os.Chmod(final, 0o755) // engines of other users, too, start what is there
	}
	if err := prune(base, name+"-", now.Add(-24*time.Hour)); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(base, ".making-"+name+"-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := errors.Join(fill(tmp, final), os.Chmod(tmp, 0o755)); err != nil {
		return "", err
	}
	return final, os.Rename(tmp, final)
}

// prune removes what no test used since, and what killed builds left.
func prune(base, prefix string, since time.Time) error {
	entries, err := os.ReadDir(base)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() || info.ModTime().After(since) {
			continue
		}
		if strings.HasPrefix(e.Name(), prefix) || strings.HasPrefix(e.Name(), ".making-"+prefix) {
			_ = os.RemoveAll(filepath.Join(base, e.Name())) // a leftover costs space only
		}
	}
	return nil
}

func goBuild(t testing.TB, dir, out, pkg string, flags ...string) {
	t.Helper()
	args := slices.Concat([]string{"build", "-o", out}, flags, []string{pkg})
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s in %s: %v\n%s", pkg, dir, err, output)
	}
}

// sourceKey is a digest of the files below root that go into a build, and of
// what builds them. wanted is asked with slash-separated paths.
func sourceKey(t testing.TB, root string, flags []string, wanted func(rel string) bool) string {
	t.Helper()
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH, flags, os.Getenv("GOFLAGS"))
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) { // an editor's file that came and went
				return nil
			}
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || rel == "." {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if d.Name() == ".git" || d.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || strings.HasSuffix(rel, "_test.go") || !wanted(rel) {
			return nil
		}
		return addFile(h, rel, path)
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

func addFile(w io.Writer, rel, path string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s %d\n%s\n", rel, len(data), data)
	return err
}
