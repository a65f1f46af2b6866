package links_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/links"
)

// disk is a links.Place in a directory, of which the kernel follows no link.
type disk struct {
	root  string
	names []string
}

func (d *disk) path() string { return filepath.Join(append([]string{d.root}, d.names...)...) }

func (d *disk) Enter(name string, follow bool) (target string, link bool, err error) {
	if err := d.Stay(); err != nil {
		return "", false, err
	}
	p := filepath.Join(d.path(), name)
	info, err := os.Lstat(p)
	if err != nil {
		return "", false, err
	}
	if info.Mode()&fs.ModeSymlink != 0 && follow {
		target, err = os.Readlink(p)
		return target, true, err
	}
	d.names = append(d.names, name)
	return "", false, nil
}

func (d *disk) Stay() error {
	info, err := os.Lstat(d.path())
	if err == nil && !info.IsDir() {
		err = fs.ErrNotExist
	}
	return err
}

func (d *disk) Up() bool {
	if len(d.names) == 0 {
		return false
	}
	d.names = d.names[:len(d.names)-1]
	return true
}

// In trees of links at random a walk ends where the kernel does, as long as it does
// not leave the tree.
func TestWalkIsTheKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	parts := []string{"a", "b", "c", "d", "a", "b", "..", ".", ""}
	some := func() string {
		var p []string
		for range 1 + r.IntN(4) {
			p = append(p, parts[r.IntN(len(parts))])
		}
		return strings.TrimLeft(strings.Join(p, "/"), "/")
	}
	ends := map[bool]int{}
	for range 150 {
		root := t.TempDir()
		for range 12 {
			p := filepath.Join(root, parts[r.IntN(4)], parts[r.IntN(4)])
			if r.IntN(3) == 0 {
				p = filepath.Dir(p)
			}
			_ = os.Mkdir(filepath.Dir(p), 0o700) // what is in the way stays
			switch target := some(); {
			case r.IntN(4) == 0:
				_ = os.WriteFile(p, nil, 0o600)
			case target != "":
				_ = os.Symlink(target, p)
			}
		}
		for range 200 {
			p := some()
			if p == "" {
				continue
			}
			at := &disk{root: root}
			err := links.Walk(at, p, true)
			if errors.Is(err, links.ErrOutside) {
				continue
			}
			want, kerr := os.Stat(root + "/" + p)
			if (err == nil) != (kerr == nil) {
				t.Fatalf("%s: %v; the kernel: %v", p, err, kerr)
			}
			ends[err == nil]++
			if err != nil {
				continue
			}
			if got, err := os.Lstat(at.path()); err != nil || !os.SameFile(got, want) {
				t.Fatalf("%s ends at %s, %v", p, at.path(), err)
			}
		}
	}
	if ends[true] < 1000 || ends[false] < 1000 {
		t.Errorf("the walks tell little: %v", ends)
	}
}

func TestCheck(t *testing.T) {
	for target, want := range map[string]error{"a/../b": nil, "/a": links.ErrOutside, "": links.ErrTarget,
		"a\x00":                   links.ErrTarget,
		strings.Repeat("a", 4095): nil, strings.Repeat("a", 4096): links.ErrTarget} {
		if got := links.Check(target); got != want {
			t.Errorf("%.20q: %v, want %v", target, got, want)
		}
	}
	if !errors.Is(links.ErrOutside, fs.ErrNotExist) || !errors.Is(links.ErrTooMany, fs.ErrNotExist) ||
		!errors.Is(links.ErrTarget, fs.ErrInvalid) {
		t.Error("the faults are not those of a file system")
	}
}
