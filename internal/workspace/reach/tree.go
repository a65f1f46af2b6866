package reach

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/tfops/tfops/internal/links"
)

// tree looks up single paths of a commit's tree. Paths are as in fs.FS:
// slash-separated, relative, "." for the root.
type tree struct {
	fs    fs.FS
	links fs.ReadLinkFS // nil: symbolic links cannot be read
}

func newTree(fsys fs.FS) *tree {
	links, _ := fsys.(fs.ReadLinkFS)
	return &tree{fs: fsys, links: links}
}

// leadsNowhere reports whether a path cannot be followed in any checkout: a link
// with such an end is not in the tree that the engine gets, so it is taken as not
// there.
func leadsNowhere(err error) bool {
	return errors.Is(err, links.ErrOutside) || errors.Is(err, links.ErrTooMany) || errors.Is(err, links.ErrTarget)
}

func (t *tree) resolve(p string) (real string, way []string, err error) {
	return resolve(p, t.readLink)
}

// resolve follows the symbolic links of a path. way is those on it,
// by their own paths. What does not exist is taken as it is written.
func resolve(p string, read readLink) (real string, way []string, err error) {
	at := &trail{read: read, real: "."}
	if err := links.Walk(at, p, true); err != nil {
		return "", at.way, err
	}
	return at.real, at.way, nil
}

// readLink reads what is at a path without links on the way.
type readLink func(p string) (target string, isLink bool, err error)

// trail is a links.Place of which nothing is known but the links.
type trail struct {
	read readLink
	real string
	way  []string // the links so far
}

func (t *trail) Enter(name string, follow bool) (target string, link bool, err error) {
	next := path.Join(t.real, name)
	target, link, err = t.read(next)
	if err != nil || link {
		t.way = append(t.way, next)
	} else {
		t.real = next
	}
	return target, link, err
}

func (t *trail) Stay() error { return nil }

func (t *trail) Up() bool {
	if t.real == "." {
		return false
	}
	t.real = path.Dir(t.real)
	return true
}

func (t *tree) readLink(p string) (target string, isLink bool, err error) {
	if t.links == nil || !fs.ValidPath(p) {
		return "", false, nil
	}
	info, err := t.links.Lstat(p)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return "", false, nil // a path that is not there is no link
	}
	target, err = t.links.ReadLink(p)
	return target, true, err
}

// list is the entries of a directory; none of one that is not there.
func (t *tree) list(dir string) []fs.DirEntry {
	entries, err := fs.ReadDir(t.fs, dir)
	if err != nil {
		return nil
	}
	return entries
}

func (t *tree) stat(p string) (fs.FileInfo, error) {
	real, _, err := t.resolve(p)
	if err != nil {
		return nil, err
	}
	return fs.Stat(t.fs, real)
}

// join is the path that rel names from dir; false when it leaves the tree.
func join(dir, rel string) (string, bool) {
	p := path.Join(dir, rel)
	return p, inside(p)
}

func inside(p string) bool { return p != ".." && !strings.HasPrefix(p, "../") && !path.IsAbs(p) }
