package reach

import (
	"errors"
	"io/fs"
	"path"
	"strings"
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

// maxLinks is how many symbolic links a path may lead through, as on Linux.
const maxLinks = 40

// A link with one of these ends is not in the tree that the engine gets, so it
// is taken as not there. See gitrepo.Export.
var (
	errOutside = errors.New("leads out of the repository")
	errTooMany = errors.New("leads through too many symbolic links")
)

// leadsNowhere reports whether a path cannot be followed in any checkout.
func leadsNowhere(err error) bool { return errors.Is(err, errOutside) || errors.Is(err, errTooMany) }

func (t *tree) resolve(p string) (real string, links []string, err error) {
	return resolve(p, t.readLink)
}

// resolve follows the symbolic links of a path. links are those on the way,
// by their own paths. What does not exist is taken as it is written.
func resolve(p string, readLink func(string) (target string, isLink bool, err error)) (real string, links []string, err error) {
	rest := strings.Split(p, "/")
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
		target, isLink, err := readLink(next)
		if err != nil {
			return "", append(links, next), err
		}
		if !isLink {
			real = next
			continue
		}
		if links = append(links, next); len(links) > maxLinks {
			return "", links, errTooMany
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
