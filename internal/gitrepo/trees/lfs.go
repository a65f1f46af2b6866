package trees

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/lfs"
)

// pointerFile is a file of an export whose content is an LFS object.
type pointerFile struct {
	path   string
	perm   fs.FileMode
	object lfs.Object
}

// fetchLFS writes the files of an export whose content is in LFS: out of the
// store, which gets first what it lacks. An object that the server
// does not have, or has wrong, leaves its files out; a server that cannot be
// asked is a fault.
func (x *export) fetchLFS(ctx context.Context, store *lfs.Store) error {
	wanted := map[string]lfs.Object{}
	var total int64
	for _, p := range x.pointers {
		if o, ok := wanted[p.object.OID]; ok && o.Size != p.object.Size {
			return &Unfit{p.path, "a Git LFS pointer to an object that another one gives another size"}
		} else if !ok {
			wanted[p.object.OID] = p.object
			total += p.object.Size
		}
		if total < 0 || total > lfs.MaxBytes || len(wanted) > lfs.MaxObjects {
			return &Unfit{p.path,
				fmt.Sprintf("one Git LFS pointer too many: all of a commit may name %d objects of %d GB together",
					lfs.MaxObjects,
					lfs.MaxBytes>>30)}
		}
	}
	missing := slices.DeleteFunc(slices.SortedFunc(maps.Values(wanted),
		func(a, b lfs.Object) int { return strings.Compare(a.OID, b.OID) }), store.Has)
	bad, err := store.Download(ctx, missing)
	if err != nil {
		return err
	}
	again, err := x.placeLFS(ctx, store, bad)
	if err != nil || len(again) == 0 {
		return errors.Join(err, lfs.DiskFault(store.Prune(lfs.MaxStore, time.Now())))
	}
	// What was kept has rotted: it was thrown away, and is fetched once more.
	x.pointers = again
	if bad, err = store.Download(ctx, lfsObjectsOf(again)); err != nil {
		return err
	}
	if again, err = x.placeLFS(ctx, store, bad); err == nil && len(again) > 0 {
		err = fault.New(fault.Internal, "check that disk: its health, its memory",
			"repository %q: what Git LFS sent is not what is read back from %s", store.Server.Name, store.Dir)
	}
	return err
}

func lfsObjectsOf(files []pointerFile) []lfs.Object {
	byOID := map[string]lfs.Object{}
	for _, f := range files {
		byOID[f.object.OID] = f.object
	}
	return slices.Collect(maps.Values(byOID))
}

// placeLFS copies objects from the store to where they belong. It returns the
// files whose object in the store was not what its name says.
func (x *export) placeLFS(ctx context.Context, store *lfs.Store,
	bad map[string]string) (again []pointerFile, err error) {
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
			err := store.Place(p.object, func(fill func(io.Writer) error) error {
				return writeNew(x.place(p.path), p.perm, func(f *os.File) error { return fill(f) })
			})
			if errors.Is(err, lfs.ErrRotten) {
				if err := os.Remove(x.place(p.path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return lfs.DiskFault(err)
				}
				x.mu.Lock()
				defer x.mu.Unlock()
				again = append(again, p)
				return nil
			}
			return lfs.DiskFault(err)
		})
	}
	return again, g.Wait()
}
