package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/lazily"
)

// LFS says whether an export fetches what Git LFS pointers name, and from where.
// The access is that of the remote.
type LFS struct {
	On  bool
	URL string // of the LFS server, without /objects/batch; empty: where the remote's own host has it
}

// maxPointer is the size, in bytes, that an LFS pointer stays below, by its
// specification (git-lfs, docs/spec.md).
const maxPointer = 1024

// How much one commit may name. What it claims is hostile until it is there.
const (
	maxLFSObjects = 20_000
	maxLFSBytes   = 20 << 30 // of all objects of a commit together
	maxLFSStore   = 40 << 30 // bytes that are kept of one repository
)

// lfsObject is what a pointer names: 64 hexadecimal digits, and a size in bytes.
type lfsObject struct {
	OID  string `json:"oid"`
	Size int64  `json:"size"`
}

// pointerFile is a file of an export whose content is an LFS object.
type pointerFile struct {
	path   string
	perm   fs.FileMode
	object lfsObject
}

// pointerVersions are the first lines of pointers: the one of the specification,
// and the one that was written before it.
var pointerVersions = []string{"version https://git-lfs.github.com/spec/v1\n", "version https://hawser.github.com/spec/v1\n"}

func isPointer(raw []byte) bool {
	for _, version := range pointerVersions {
		if text, ok := strings.CutPrefix(string(raw), version); ok && strings.Contains(text, "oid sha256:") {
			return true
		}
	}
	return false
}

var pointerLine = lazily.Pattern(`(?m)^oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})$`)

// parsePointer reads a whole pointer; false when it is none, or not whole.
func parsePointer(raw []byte) (lfsObject, bool) {
	if !isPointer(raw) {
		return lfsObject{}, false
	}
	m := pointerLine().FindSubmatch(raw)
	if m == nil {
		return lfsObject{}, false
	}
	size, err := strconv.ParseInt(string(m[2]), 10, 64)
	return lfsObject{string(m[1]), size}, err == nil
}

// fetchLFS writes the files of an export whose content is in LFS: out of the
// mirror's own store, which gets first what it lacks. An object that the server
// does not have, or has wrong, leaves its files out; a server that cannot be
// asked is a fault.
func (m *Mirror) fetchLFS(ctx context.Context, x *export) error {
	wanted := map[string]lfsObject{}
	var total int64
	for _, p := range x.pointers {
		if o, ok := wanted[p.object.OID]; ok && o.Size != p.object.Size {
			return &hostile{p.path, "a Git LFS pointer to an object that another one gives another size"}
		} else if !ok {
			wanted[p.object.OID] = p.object
			total += p.object.Size
		}
		if total < 0 || total > maxLFSBytes || len(wanted) > maxLFSObjects {
			return &hostile{p.path, fmt.Sprintf("one Git LFS pointer too many: all of a commit may name %d objects of %d GB together", maxLFSObjects, maxLFSBytes>>30)}
		}
	}
	store := lfsStore{filepath.Join(m.dir, "lfs")}
	missing := slices.DeleteFunc(slices.SortedFunc(maps.Values(wanted), func(a, b lfsObject) int { return strings.Compare(a.OID, b.OID) }), store.has)
	bad, err := m.download(ctx, store, missing)
	if err != nil {
		return err
	}
	again, err := x.placeLFS(ctx, store, bad)
	if err != nil || len(again) == 0 {
		return errors.Join(err, diskFault(store.prune(maxLFSStore, time.Now())))
	}
	// What was kept has rotted: it was thrown away, and is fetched once more.
	x.pointers = again
	if bad, err = m.download(ctx, store, lfsObjectsOf(again)); err != nil {
		return err
	}
	if again, err = x.placeLFS(ctx, store, bad); err == nil && len(again) > 0 {
		err = fault.New(fault.Internal, "check that disk: its health, its memory", "repository %q: what Git LFS sent is not what is read back from %s", m.remote.Name, store.dir)
	}
	return err
}

func lfsObjectsOf(files []pointerFile) []lfsObject {
	byOID := map[string]lfsObject{}
	for _, f := range files {
		byOID[f.object.OID] = f.object
	}
	return slices.Collect(maps.Values(byOID))
}

// placeLFS copies objects from the store to where they belong. It returns the
// files whose object in the store was not what its name says.
func (x *export) placeLFS(ctx context.Context, store lfsStore, bad map[string]string) (again []pointerFile, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(exportWriters)
	for _, p := range x.pointers {
		if why, ok := bad[p.object.OID]; ok {
			x.out.Partial = true
			if err := x.leaveOut(&x.out.Names, p.path, "a Git LFS file whose content cannot be had: "+why); err != nil {
				return nil, err
			}
			continue
		}
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := store.place(p.object, x.place(p.path), p.perm)
			if errors.Is(err, errRotten) {
				x.mu.Lock()
				defer x.mu.Unlock()
				again = append(again, p)
				return nil
			}
			return diskFault(err)
		})
	}
	return again, g.Wait()
}

func diskFault(err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Internal, "check that disk: its space, its rights, its health", "a Git LFS file cannot be written: %w", err)
}

// lfsStore keeps objects by their hash, in the layout of git-lfs.
type lfsStore struct{ dir string }

// errRotten is an object in the store that is not what its name says.
var errRotten = errors.New("it is not what its name says")

func (s lfsStore) path(o lfsObject) string {
	return filepath.Join(s.dir, "objects", o.OID[:2], o.OID[2:4], o.OID)
}

func (s lfsStore) has(o lfsObject) bool {
	info, err := os.Lstat(s.path(o))
	return err == nil && info.Mode().IsRegular() && info.Size() == o.Size
}

// place copies an object to a file that is not there yet.
func (s lfsStore) place(o lfsObject, dst string, perm fs.FileMode) error {
	f, err := os.Open(s.path(o))
	if errors.Is(err, fs.ErrNotExist) {
		return errRotten
	}
	if err != nil {
		return err
	}
	defer f.Close()
	_ = os.Chtimes(f.Name(), time.Time{}, time.Now()) // prune drops what was not used for longest; a wrong guess costs a download
	err = writeNew(dst, perm, func(out *os.File) error { return copyObject(out, f, o) })
	if errors.Is(err, errNotTheObject) {
		return errors.Join(errRotten, os.Remove(dst), os.Remove(s.path(o)))
	}
	return err
}

// prune drops the objects that were not used for longest until limit bytes are
// left, and what downloads of long ago left. Whoever needs one gets it again.
func (s lfsStore) prune(limit int64, now time.Time) error {
	type kept struct {
		path string
		info fs.FileInfo
	}
	var all []kept
	var total int64
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case filepath.Base(filepath.Dir(path)) == "tmp":
			if now.Sub(info.ModTime()) > 2*lfsTimeout {
				return os.Remove(path)
			}
			return nil
		}
		all, total = append(all, kept{path, info}), total+info.Size()
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another one prunes at the same time
	}
	slices.SortFunc(all, func(a, b kept) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	for _, k := range all {
		if err != nil || total <= limit {
			break
		}
		if err = os.Remove(k.path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		total -= k.info.Size()
	}
	return err
}
