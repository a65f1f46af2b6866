package ground

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/treecopy"
)

// Fill is the provider cache of one init, which alone the engine writes to. It begins with links to what all share.
// What the init fetched gets among that if it is what the lock file says; see Settle.
type Fill struct {
	Dir    string
	shared string
}

// Fill makes a cache for one init. Empty, it has the init fetch all anew.
func (c *ProviderCache) Fill(empty bool) (*Fill, error) {
	dir, err := os.MkdirTemp(c.home, ".half-")
	if err != nil {
		return nil, err
	}
	f := &Fill{Dir: dir, shared: c.Dir}
	if !empty {
		err = f.seed()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Close removes it, with what nobody wanted.
func (f *Fill) Close() { _ = os.RemoveAll(f.Dir) }

// packages are the directories of providers in a cache, by host, namespace, type, version and platform.
func packages(dir string) []string {
	all, _ := fs.Glob(os.DirFS(dir), "[^.]*/*/*/*/"+runtime.GOOS+"_"+runtime.GOARCH) // of a pattern that is right
	return all
}

func (f *Fill) seed() error {
	for _, rel := range packages(f.shared) {
		at := filepath.Join(f.Dir, filepath.FromSlash(rel))
		err := os.MkdirAll(filepath.Dir(at), 0o700)
		if err == nil {
			err = os.Symlink(filepath.Join(f.shared, filepath.FromSlash(rel)), at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Settle ends the use of the cache by an init in root: what the init fetched is moved to where all share it, unless
// the init is late, that is, code of the module ran before it and may have said what is fetched, and from where. The
// links in the engine's data directory lead to what is shared then, and what is not shared lies there itself.
func (f *Fill) Settle(ctx context.Context, tree, root string, late bool) error {
	published := map[string]bool{}
	if !late {
		var err error
		if published, err = f.publish(ctx, root); err != nil {
			return err
		}
	}
	providers := filepath.Join(DataDir(root), "providers")
	if err := datafile.Straight(tree, providers); err != nil {
		return err
	}
	return filepath.WalkDir(providers, func(at string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && at == providers {
			return nil
		}
		if err != nil || d.Type()&fs.ModeSymlink == 0 {
			return err
		}
		target, err := os.Readlink(at)
		if err != nil {
			return err
		}
		if rel, err := filepath.Rel(f.Dir, target); err == nil && filepath.IsLocal(rel) {
			return f.place(at, rel, published[filepath.ToSlash(rel)])
		}
		return nil
	})
}

// place has what the engine links to its cache lie where it lasts.
func (f *Fill) place(at, rel string, published bool) error {
	from := filepath.Join(f.Dir, rel)
	info, err := os.Lstat(from)
	link := filepath.Join(f.shared, rel)
	switch {
	case published:
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0: // to what is shared, or to a mirror of files
		if link, err = os.Readlink(from); err != nil {
			return err
		}
	default:
		return errors.Join(os.Remove(at), treecopy.Tree(from, at, nil))
	}
	return errors.Join(os.Remove(at), os.Symlink(link, at))
}

// publish moves packages to where all share them whose content is what the lock file of root says, and tells which
// are there. One that another package is in the place of stays where it is: somebody may be using that.
func (f *Fill) publish(ctx context.Context, root string) (map[string]bool, error) {
	lock := filepath.Join(root, diagnostics.DependencyLock)
	hashes, versions := LockedHashes(lock), LockedProviders(lock)
	done := map[string]bool{}
	for _, rel := range packages(f.Dir) {
		from := filepath.Join(f.Dir, filepath.FromSlash(rel))
		if info, err := os.Lstat(from); err != nil || !info.IsDir() {
			continue
		}
		part := strings.Split(rel, "/")
		provider := path.Join(part[:3]...)
		if versions[provider] != part[3] {
			continue
		}
		is, err := packageHash(ctx, from)
		if ctx.Err() != nil {
			return done, context.Cause(ctx)
		}
		if err != nil || !slices.Contains(hashes[provider], is) {
			continue // it is nobody's but the run's
		}
		switch err := f.move(ctx, from, rel, is); {
		case err == nil:
			done[rel] = true
		case errors.Is(err, errOther), errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
			// it stays with the run, as where the user's own cache is for reading
		default:
			return done, err
		}
	}
	return done, nil
}

var errOther = errors.New("another one is there")

// move puts a package where all share it.
func (f *Fill) move(ctx context.Context, from, rel, hash string) error {
	into := filepath.Join(f.shared, filepath.FromSlash(rel))
	if err := datafile.Straight(f.shared, filepath.Dir(into)); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(into), 0o755); err != nil {
		return err
	}
	if durable.Exists(into) {
		if is, err := packageHash(ctx, into); err != nil || is != hash {
			return errOther
		}
		return nil
	}
	err := os.Rename(from, into)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	half, err := os.MkdirTemp(filepath.Dir(into), ".half-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(half) // of no effect once it was renamed
	if err := treecopy.Tree(from, half, nil); err != nil {
		return err
	}
	return os.Rename(half, into)
}

// maxPackage bounds what a package of a provider may hold, in bytes.
const maxPackage = 8 << 30

// packageHash is what lock files say of a package, with h1: before it.
func packageHash(ctx context.Context, dir string) (string, error) {
	var files []string
	left := int64(maxPackage)
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			return fmt.Errorf("%s is no file as a package has it", at)
		}
		if left -= info.Size(); left < 0 {
			return fmt.Errorf("%s holds more than %d GiB", dir, int64(maxPackage)>>30)
		}
		rel, err := filepath.Rel(dir, at)
		files = append(files, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		return "", err
	}
	return dirhash.Hash1(files, func(name string) (io.ReadCloser, error) {
		file, err := datafile.Open(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{pinned.Heeding(ctx, file), file}, nil
	})
}
