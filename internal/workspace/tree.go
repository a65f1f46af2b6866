package workspace

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// tree reads a commit's tree and remembers what it read. Paths are as in
// fs.FS: slash-separated, relative, "." for the root.
type tree struct {
	fs      fs.FS
	links   fs.ReadLinkFS // nil: symbolic links cannot be read
	entries map[string][]fs.DirEntry
	modules map[string]*module
	reaches map[string]*reach
}

func newTree(fsys fs.FS) *tree {
	links, _ := fsys.(fs.ReadLinkFS)
	return &tree{fs: fsys, links: links, entries: map[string][]fs.DirEntry{}, modules: map[string]*module{}, reaches: map[string]*reach{}}
}

// maxLinks is how many symbolic links a path may lead through, as on Linux.
const maxLinks = 40

var errOutside = errors.New("leads out of the repository")

// resolve follows the symbolic links of a path. links are those on the way,
// by their own paths. What does not exist is taken as it is written.
func (t *tree) resolve(p string) (real string, links []string, err error) {
	rest := strings.Split(path.Clean(p), "/")
	real = "."
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		switch {
		case name == "" || name == ".":
			continue
		case name == "..":
			if real == "." {
				return "", links, errOutside
			}
			real = path.Dir(real)
			continue
		}
		next := path.Join(real, name)
		target, isLink, err := t.readLink(next)
		if err != nil {
			return "", links, err
		}
		if !isLink {
			real = next
			continue
		}
		if links = append(links, next); len(links) > maxLinks {
			return "", links, errors.New("too many symbolic links")
		}
		if path.IsAbs(target) {
			return "", links, errOutside
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return real, links, nil
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
func (t *tree) list(dir string) ([]fs.DirEntry, error) {
	if e, ok := t.entries[dir]; ok {
		return e, nil
	}
	e, err := fs.ReadDir(t.fs, dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		e, err = nil, nil
	}
	if err == nil {
		t.entries[dir] = e
	}
	return e, err
}

// linksBelow calls f with every symbolic link in a directory and below it.
func (t *tree) linksBelow(dir string, f func(link string)) error {
	entries, err := t.list(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			f(p)
		case e.IsDir():
			if err := t.linksBelow(p, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// read is the content of a file, through symbolic links.
func (t *tree) read(p string) ([]byte, error) {
	real, _, err := t.resolve(p)
	if err != nil {
		return nil, err
	}
	return fs.ReadFile(t.fs, real)
}

// within reports whether p is dir or lies below it.
func within(dir, p string) bool {
	return dir == "." || p == dir || strings.HasPrefix(p, dir+"/")
}

// join is the path that rel names from dir; false when it leaves the tree.
func join(dir, rel string) (string, bool) {
	p := path.Join(dir, rel)
	return p, p != ".." && !strings.HasPrefix(p, "../") && !path.IsAbs(p)
}
