package trees

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/links"
)

var _ interface {
	fs.ReadDirFS
	fs.ReadFileFS
	fs.StatFS
	fs.SubFS
	fs.ReadLinkFS
} = (*FS)(nil)

// FS is a tree as a read-only file system over the object database: nothing
// is checked out. It has what an export of the tree has, at the same paths.
// Symbolic links are followed as long as they stay in the tree; ReadDir, Lstat
// and ReadLink show them as they are. Files have no time.
type FS struct {
	root  plumbing.Hash
	dir   string // of this file system within the tree; links may lead out of it, not out of the tree
	known *treeCache
	sub   *Submodules

	lease func() (t Reader, release func(), err error) // what it is read from
	fault func(what string, err error) error           // of a read that failed
}

// NewFS is a tree that is read by what lease gives for each read. failed says in words
// why one could not be.
func NewFS(root plumbing.Hash, sub *Submodules, lease func() (Reader, func(), error),
	failed func(string, error) error) *FS {
	return &FS{root: root, dir: ".", known: newTreeCache(), sub: sub, lease: lease, fault: failed}
}

// Submodules are the paths of the submodules whose files the tree has, nested ones too.
func (f *FS) Submodules() []string {
	if f.sub == nil {
		return nil
	}
	return slices.Clone(f.sub.Paths)
}

// at finds a name and hands it to use, together with the trees to read it by.
func (f *FS) at(op, name string, follow bool, use func(Reader, Entry) error) error {
	fail := func(err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	t, release, err := f.lease()
	if err != nil {
		return fail(err)
	}
	defer release()
	t.known, t.sub = f.known, f.sub
	e, err := t.resolve(f.root, path.Join(f.dir, name), follow, false)
	if err == nil {
		err = use(t, e)
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return fail(err)
	}
	return fail(f.fault("reading "+name, err))
}

func (f *FS) Open(name string) (fs.File, error) {
	var file fs.File
	err := f.at("open", name, true, func(t Reader, e Entry) error {
		info, err := t.info(path.Base(name), e)
		if err != nil {
			return err
		}
		if info.IsDir() {
			list, err := f.list(t, name, e)
			file = &openDir{info: info, list: list}
			return err
		}
		obj, err := t.Object(e.Hash)
		if err != nil {
			return err
		}
		r, err := obj.Reader()
		file = &openFile{info, r}
		return err
	})
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (f *FS) ReadFile(name string) ([]byte, error) {
	var raw []byte
	err := f.at("readfile", name, true, func(t Reader, e Entry) (err error) {
		if e.IsTree() || e.Kind() == ModeGitlink {
			return fs.ErrInvalid
		}
		if info, err := t.info(path.Base(name), e); err == nil && info.size > packs.MaxWhole {
			return fault.New(fault.Invalid, "keep it out of what is read as configuration",
				"%s has %d bytes: too many to be read as configuration", name, info.size)
		}
		raw, err = t.content(e.Hash, plumbing.BlobObject)
		return err
	})
	return raw, err
}

func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	var list []fs.DirEntry
	err := f.at("readdir", name, true, func(t Reader, e Entry) (err error) {
		if !e.IsTree() && e.Kind() != ModeGitlink {
			return fs.ErrInvalid
		}
		list, err = f.list(t, name, e)
		return err
	})
	return list, err
}

func (f *FS) Stat(name string) (fs.FileInfo, error)  { return f.stat("stat", name, true) }
func (f *FS) Lstat(name string) (fs.FileInfo, error) { return f.stat("lstat", name, false) }

func (f *FS) stat(op, name string, follow bool) (fs.FileInfo, error) {
	var info fileInfo
	err := f.at(op, name, follow, func(t Reader, e Entry) (err error) {
		info, err = t.info(path.Base(name), e)
		return err
	})
	if err != nil {
		return nil, err
	}
	return info, nil
}

func (f *FS) ReadLink(name string) (string, error) {
	var target string
	err := f.at("readlink", name, false, func(t Reader, e Entry) (err error) {
		if e.Kind() != modeLink {
			return fs.ErrInvalid
		}
		target, err = t.linkTarget(e)
		if err == nil && links.Check(target) == links.ErrTarget {
			return links.ErrTarget
		}
		return err // one that leads out can be told, but not followed
	})
	return target, err
}

// TreeHash names the content of a directory with all that is in it, as Hash of
// an entry of ReadDir does; false when the directory is not there.
func (f *FS) TreeHash(dir string) (string, bool) {
	var hash string
	err := f.at("treehash", dir, true, func(_ Reader, e Entry) error {
		if !e.IsTree() && e.Kind() != ModeGitlink {
			return fs.ErrInvalid
		}
		hash = f.sub.name(e)
		return nil
	})
	return hash, err == nil
}

func (f *FS) Sub(dir string) (fs.FS, error) {
	info, err := f.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "sub", Path: dir, Err: fs.ErrInvalid}
	}
	below := *f
	below.dir = path.Join(f.dir, dir)
	return &below, nil
}

func (f *FS) list(t Reader, dir string, e Entry) ([]fs.DirEntry, error) {
	list := []fs.DirEntry{}
	if !e.IsTree() {
		return list, nil
	}
	entries, err := t.read(e.Hash)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if unwritable(e) == "" {
			list = append(list, dirEntry{f, path.Join(dir, e.Name), e})
		}
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return slices.CompactFunc(list, func(a, b fs.DirEntry) bool { return a.Name() == b.Name() }), nil
}

func (t Reader) info(name string, e Entry) (fileInfo, error) {
	info := fileInfo{name: name, mode: fileMode(e)}
	if info.mode&fs.ModeDir != 0 {
		return info, nil
	}
	obj, err := t.Object(e.Hash)
	if err == nil {
		info.size = obj.Size()
	}
	return info, err
}

func fileMode(e Entry) fs.FileMode {
	switch {
	case e.IsTree(), e.Kind() == ModeGitlink:
		return fs.ModeDir | 0o500
	case e.Kind() == modeLink:
		return fs.ModeSymlink | 0o777
	case e.runnable():
		return 0o500
	}
	return 0o400
}

type fileInfo struct {
	name string
	mode fs.FileMode
	size int64
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }

type dirEntry struct {
	f    *FS
	path string
	e    Entry
}

// Hash names the content of the entry, its whole subtree if it is a directory:
// the raw bytes of Git's own object id. Together with the type it is the same
// if and only if nothing differs.
func (d dirEntry) Hash() string { return d.f.sub.name(d.e) }

func (d dirEntry) Name() string               { return d.e.Name }
func (d dirEntry) IsDir() bool                { return fileMode(d.e).IsDir() }
func (d dirEntry) Type() fs.FileMode          { return fileMode(d.e).Type() }
func (d dirEntry) Info() (fs.FileInfo, error) { return d.f.Lstat(d.path) }
func (d dirEntry) String() string             { return fs.FormatDirEntry(d) }

// openFile reads a file as a stream. Its pack stays open as long as a view has
// it: a file is not to be kept open over a fetch.
type openFile struct {
	info fileInfo
	io.ReadCloser
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }

type openDir struct {
	info fileInfo
	list []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: fs.ErrInvalid}
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		list := d.list
		d.list = nil
		return list, nil
	}
	if len(d.list) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.list))
	list := d.list[:n:n]
	d.list = d.list[n:]
	return list, nil
}
