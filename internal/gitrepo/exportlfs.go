package gitrepo

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
)

// pointerFile is a file of an export whose content is an LFS object.
type pointerFile struct {
	path   string
	perm   fs.FileMode
	object lfsObject
}

// fetchLFS writes the files of an export whose content is in LFS: out of the
// store, which gets first what it lacks. An object that the server
// does not have, or has wrong, leaves its files out; a server that cannot be
// asked is a fault.
func (x *export) fetchLFS(ctx context.Context, store *lfsStore) error {
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
	missing := slices.DeleteFunc(slices.SortedFunc(maps.Values(wanted), func(a, b lfsObject) int { return strings.Compare(a.OID, b.OID) }), store.has)
	bad, err := store.download(ctx, missing)
	if err != nil {
		return err
	}
	again, err := x.placeLFS(ctx, store, bad)
	if err != nil || len(again) == 0 {
		return errors.Join(err, diskFault(store.prune(maxLFSStore, time.Now())))
	}
	// What was kept has rotted: it was thrown away, and is fetched once more.
	x.pointers = again
	if bad, err = store.download(ctx, lfsObjectsOf(again)); err != nil {
		return err
	}
	if again, err = x.placeLFS(ctx, store, bad); err == nil && len(again) > 0 {
		err = fault.New(fault.Internal, "check that disk: its health, its memory", "repository %q: what Git LFS sent is not what is read back from %s", store.server.name, store.dir)
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
func (x *export) placeLFS(ctx context.Context, store *lfsStore, bad map[string]string) (again []pointerFile, err error) {
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
			err := store.place(p.object, func(fill func(io.Writer) error) error {
				return writeNew(x.place(p.path), p.perm, func(f *os.File) error { return fill(f) })
			})
			if errors.Is(err, errRotten) {
				if err := os.Remove(x.place(p.path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return diskFault(err)
				}
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
