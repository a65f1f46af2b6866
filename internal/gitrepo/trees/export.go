package trees

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/sync/errgroup"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/lfs"
	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/links"
)

// Exported says what an export could not bring. Paths are slash-separated and
// sorted.
type Exported struct {
	Submodules []string           // empty directories now: they are not followed
	Followed   []string           // submodules whose files are there
	Missing    []MissingSubmodule // submodules that are followed and are empty directories now
	// files that hold a pointer instead of their content; with LFS.On those that are no whole pointer
	LFSPointers []string
	// symbolic links that are not there: they lead out of the tree, loop, or have no path for target
	Links   []LeftOut
	Names   []LeftOut // what else is not there: it must not become a file, or its LFS object cannot be had
	Partial bool      // some LFS object or submodule could not be had now: another export may have it

	Files []File `json:"-"` // what another export can share
}

// MissingSubmodule is a submodule that is followed and not there.
type MissingSubmodule struct {
	Path    string `json:"path"`
	Why     string `json:"why"` // a sentence without its subject, as "cannot be fetched: …"
	Next    string `json:"next"`
	Passing bool   `json:"passing,omitempty"` // it may be had at another time without anybody's doing
}

const ModulesFile = ".gitmodules"

// File is a file of an export whose content is a blob in Git.
type File struct {
	Path       string
	Blob       string // id in Git
	Executable bool
	Sum        [sha256.Size]byte // of its content
}

// Base is an export that another one may share files with.
type Base struct {
	Dir   string
	Files map[string]File // by path; what is not in it is not shared
}

// LeftOut is a path of a commit that is not in its export.
type LeftOut struct {
	Path string `json:"path"`
	Why  string `json:"why"` // what it is, e.g. "a symbolic link that points outside the repository"
}

// LeftOut is all that is not there, by path.
func (x Exported) LeftOut() []LeftOut {
	return slices.SortedFunc(slices.Values(slices.Concat(x.Links, x.Names)),
		func(a, b LeftOut) int { return strings.Compare(a.Path, b.Path) })
}

// Export writes a tree into dst; see Mirror.Export. What LFS pointers name is
// fetched from objects, unless it is nil.
func Export(ctx context.Context, t Reader, root plumbing.Hash, dst string, base Base,
	objects *lfs.Store) (Exported, error) {
	x := &export{Reader: t, dst: dst, base: base, lfs: objects != nil}
	if t.sub != nil {
		x.out.Followed, x.out.Missing = t.sub.Paths, t.sub.Missing
	}
	if err := x.plan(ctx, root, "", false); err != nil {
		return Exported{}, err
	}
	x.unlisted()
	if err := x.checkLinks(ctx, root); err != nil {
		return Exported{}, err
	}
	made, err := prepare(dst)
	if err != nil {
		return Exported{}, err
	}
	err = x.write(ctx)
	if err == nil && len(x.pointers) > 0 {
		err = x.fetchLFS(ctx, objects)
	}
	if err != nil {
		return Exported{}, errors.Join(err, clearOut(dst, made))
	}
	slices.Sort(x.out.Submodules)
	slices.Sort(x.out.LFSPointers)
	for _, left := range [][]LeftOut{x.out.Links, x.out.Names} {
		slices.SortFunc(left, func(a, b LeftOut) int { return strings.Compare(a.Path, b.Path) })
	}
	return x.out, nil
}

// Unfit is something in a tree that must not become a file.
type Unfit struct{ Path, Why string }

func (h *Unfit) Error() string { return fmt.Sprintf("%q: %s", h.Path, h.Why) }

// prepare makes dst, and says whether it was not there before.
func prepare(dst string) (made bool, err error) {
	if err := os.MkdirAll(filepath.Dir(dst), 0o700); err != nil {
		return false, fault.New(fault.Internal, "check the space and the rights of that directory",
			"an export cannot be written: %w", err)
	}
	err = os.Mkdir(dst, 0o755)
	if err == nil {
		return true, os.Chmod(dst, 0o755)
	}
	entries, rerr := os.ReadDir(dst)
	if rerr != nil {
		return false, fault.New(fault.Internal, "check the space and the rights of that directory",
			"an export cannot be written: %w", errors.Join(err, rerr))
	}
	if len(entries) > 0 {
		return false, fault.New(fault.Conflict, "export into a new directory",
			"%s is not empty: nothing is exported over other files", dst)
	}
	return false, os.Chmod(dst, 0o755)
}

// clearOut removes what a failed export wrote.
func clearOut(dst string, made bool) error {
	if made {
		return os.RemoveAll(dst)
	}
	entries, err := os.ReadDir(dst)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dst, e.Name())))
	}
	return err
}

const (
	maxEntries = 1_000_000 // a few small trees that name each other many times can stand for any number of files
	maxName    = 255       // bytes that a file system of Linux takes
	MaxPath    = 3584      // bytes; Linux takes 4095, and the directory that it is exported to needs some of them
	maxLeftOut = 10_000    // each is kept; a tree with more of them is not worth a look
)

// export is one export in the making.
type export struct {
	Reader
	dst   string
	count int // entries so far
	dirs  []string
	files []exportFile
	links []exportFile
	lfs   bool // what pointers name is fetched instead of writing them
	base  Base
	out   Exported

	mu       sync.Mutex // guards what follows, and out.Files
	pointers []pointerFile
}

type exportFile struct {
	path string
	e    Entry
	pack *packs.Pack
	at   int64 // offset in the pack

	inModule bool // of a submodule, whose LFS objects are not fetched
}

// plan lists what there is to write and refuses what must not be written.
func (x *export) plan(ctx context.Context, tree plumbing.Hash, dir string, inModule bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := x.read(tree)
	if err != nil {
		return err
	}
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		p := e.Name
		if dir != "" {
			p = dir + "/" + e.Name
		}
		if err := x.admit(p, names[e.Name]); err != nil {
			return err
		}
		names[e.Name] = true
		why := unwritable(e)
		if why == "" && len(p) > MaxPath {
			why = fmt.Sprintf("a path of more than %d bytes", MaxPath)
		}
		if why != "" {
			if err := x.leaveOut(&x.out.Names, p, why); err != nil {
				return err
			}
			continue
		}
		switch e.Kind() {
		case modeTree:
			x.dirs = append(x.dirs, p)
			err = x.plan(ctx, e.Hash, p, inModule || e.module)
		case ModeGitlink:
			x.dirs = append(x.dirs, p)
			x.out.Submodules = append(x.out.Submodules, p)
		default:
			err = x.addFile(p, e, inModule)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unlisted moves the submodules that are followed and were not found to those
// that are missing, and says why.
func (x *export) unlisted() {
	if !x.sub.follows() {
		return
	}
	told := map[string]bool{}
	for _, missing := range x.out.Missing {
		told[missing.Path] = true
		x.out.Partial = x.out.Partial || missing.Passing
	}
	for _, p := range x.out.Submodules {
		if told[p] {
			continue
		}
		missing := MissingSubmodule{Path: p, Why: "has no entry in .gitmodules",
			Next: "add it with git submodule add, or take it out of the repository, and push"}
		for _, file := range x.out.Missing { // the file itself cannot be read
			if dir, name := path.Split(file.Path); name == ModulesFile && strings.HasPrefix(p, dir) {
				missing.Why, missing.Next = "is not known: "+file.Path+" "+file.Why, file.Next
			}
		}
		x.out.Missing = append(x.out.Missing, missing)
	}
	x.out.Submodules = nil
	slices.SortFunc(x.out.Missing, func(a, b MissingSubmodule) int { return strings.Compare(a.Path, b.Path) })
}

// admit refuses what makes the whole tree unfit.
func (x *export) admit(p string, twice bool) error {
	x.count++
	switch {
	case twice:
		return &Unfit{p, "in its directory twice"}
	case x.count > maxEntries:
		return &Unfit{p, fmt.Sprintf("one of more than %d entries", maxEntries)}
	}
	return nil
}

// unwritable says why an entry must not become a file; empty when it may.
func unwritable(e Entry) string {
	if why := badName(e.Name); why != "" {
		return why
	}
	if len(e.Name) > maxName {
		return fmt.Sprintf("a name of more than %d bytes", maxName)
	}
	switch e.Kind() {
	case modeTree, ModeGitlink, modeLink, ModeRegular:
		return ""
	}
	return fmt.Sprintf("neither file, directory, link nor submodule (mode %o)", e.mode)
}

func (x *export) leaveOut(list *[]LeftOut, p, why string) error {
	if *list = append(*list, LeftOut{p, why}); len(*list) > maxLeftOut {
		return &Unfit{p, fmt.Sprintf("one of more than %d paths that cannot be written", maxLeftOut)}
	}
	return nil
}

func (x *export) addFile(p string, e Entry, inModule bool) error {
	f := exportFile{path: p, e: e, pack: x.Pack(e.Hash), inModule: inModule}
	if f.pack != nil {
		f.at, _ = f.pack.Find(e.Hash) // it has it
	}
	if f.pack == nil {
		return fmt.Errorf("object %s of %q: %w", e.Hash, p, plumbing.ErrObjectNotFound)
	}
	if e.Kind() == modeLink {
		x.links = append(x.links, f)
	} else {
		x.files = append(x.files, f)
	}
	return nil
}

// checkLinks leaves out the symbolic links that lead out of the tree.
func (x *export) checkLinks(ctx context.Context, root plumbing.Hash) error {
	kept := x.links[:0]
	for _, l := range x.links {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := x.resolve(root, l.path, true, true)
		why := linkProblem(err)
		switch {
		case why != "":
			if err := x.leaveOut(&x.out.Links, l.path, why); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			kept = append(kept, l)
		}
	}
	x.links = kept
	return nil
}

// linkProblem says what a symbolic link is that cannot be followed; empty for
// any other error.
func linkProblem(err error) string {
	switch {
	case errors.Is(err, links.ErrOutside):
		return "a symbolic link that points outside the repository"
	case errors.Is(err, links.ErrTooMany):
		return "a symbolic link that leads through too many others"
	case errors.Is(err, links.ErrTarget):
		return "a symbolic link whose target is no path"
	}
	return ""
}

const exportWriters = 2

// write makes directories, then files, then links: nothing is ever written
// through a link. Objects are read in the order in which they lie in the
// packs, where what differs little lies close together.
func (x *export) write(ctx context.Context) error {
	if err := x.makeDirs(ctx); err != nil {
		return err
	}
	if err := x.share(ctx); err != nil {
		return err
	}
	slices.SortFunc(x.files, func(a, b exportFile) int {
		if a.pack != b.pack {
			return strings.Compare(a.pack.Name, b.pack.Name)
		}
		return cmp.Compare(a.at, b.at)
	})
	if err := x.writeFiles(ctx); err != nil {
		return err
	}
	for _, l := range x.links {
		target, err := x.linkTarget(l.e)
		if err != nil {
			return err
		}
		if err := os.Symlink(target, x.place(l.path)); err != nil {
			return err
		}
	}
	return nil
}

// share links to the files that base has, too, and leaves the others to be written.
func (x *export) share(ctx context.Context) error {
	if len(x.base.Files) == 0 {
		return nil
	}
	var rest []exportFile
	for i, f := range x.files {
		have, ok := x.base.Files[f.path]
		if !ok || have.Blob != f.e.Hash.String() || have.Executable != f.e.runnable() {
			rest = append(rest, f)
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := os.Link(filepath.Join(x.base.Dir, filepath.FromSlash(f.path)), x.place(f.path)); err != nil {
			rest = append(rest, x.files[i:]...) // no links there, too many, or base is gone: they are written
			break
		}
		x.out.Files = append(x.out.Files, have)
	}
	x.files = rest
	return nil
}

// makeDirs makes the directories of one depth side by side, after those above.
func (x *export) makeDirs(ctx context.Context) error {
	var levels [][]string
	for _, d := range x.dirs {
		depth := strings.Count(d, "/")
		for len(levels) <= depth {
			levels = append(levels, nil)
		}
		levels[depth] = append(levels[depth], d)
	}
	for _, level := range levels {
		g, ctx := errgroup.WithContext(ctx)
		for part := range slices.Chunk(level, (len(level)+exportWriters-1)/exportWriters) {
			g.Go(func() error {
				for _, d := range part {
					if err := errors.Join(ctx.Err(), os.Mkdir(x.place(d), 0o755),
						os.Chmod(x.place(d), 0o755)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}

func (x *export) place(p string) string { return filepath.Join(x.dst, filepath.FromSlash(p)) }

type loaded struct {
	file exportFile
	obj  plumbing.EncodedObject
}

func (x *export) writeFiles(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	queue := make(chan loaded, 16)
	g.Go(func() error {
		defer close(queue)
		for _, f := range x.files {
			obj, err := f.pack.Get(f.e.Hash)
			if err != nil {
				return err
			}
			if obj.Type() != plumbing.BlobObject {
				return fmt.Errorf("%q is a %s and not a file: %w", f.path, obj.Type(), packs.ErrMalformed)
			}
			select {
			case queue <- loaded{f, obj}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	pointers := make([][]string, exportWriters)
	for i := range exportWriters {
		g.Go(func() error {
			for l := range queue {
				pointer, err := x.writeFile(l)
				if err != nil {
					return err
				}
				if pointer {
					pointers[i] = append(pointers[i], l.file.path)
				}
			}
			return nil
		})
	}
	err := g.Wait()
	x.out.LFSPointers = slices.Concat(pointers...)
	return err
}

// writeFile writes one file and reports whether it is an LFS pointer.
func (x *export) writeFile(l loaded) (pointer bool, err error) {
	perm := filePerm(l.file.e)
	r, err := l.obj.Reader()
	if err != nil {
		return false, err
	}
	defer r.Close()
	if l.obj.Size() < lfs.MaxPointer {
		raw, err := io.ReadAll(r)
		if err != nil {
			return false, err
		}
		if object, ok := lfs.ParsePointer(raw); ok && x.lfs && !l.file.inModule {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.pointers = append(x.pointers, pointerFile{l.file.path, perm, object})
			return false, nil
		}
		if pointer = lfs.IsPointer(raw); !pointer {
			x.written(l.file, sha256.Sum256(raw))
		}
		return pointer, writeNew(x.place(l.file.path), perm,
			func(f *os.File) error { _, err := f.Write(raw); return err })
	}
	h := sha256.New()
	err = writeNew(x.place(l.file.path), perm,
		func(f *os.File) error { _, err := io.Copy(io.MultiWriter(f, h), r); return err })
	x.written(l.file, [sha256.Size]byte(h.Sum(nil)))
	return false, err
}

// written notes a file that another export can share.
func (x *export) written(f exportFile, sum [sha256.Size]byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.out.Files = append(x.out.Files, File{f.path, f.e.Hash.String(), f.e.runnable(), sum})
}

// filePerm is the mode of a file in an export.
func filePerm(e Entry) fs.FileMode {
	if e.runnable() {
		return 0o755
	}
	return 0o644
}

func writeNew(path string, perm fs.FileMode, fill func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	// Whatever the umask of this process is: it guards what is written elsewhere.
	return errors.Join(fill(f), f.Chmod(perm), f.Close())
}
