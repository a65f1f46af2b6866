package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/config"
)

// moduleEntry is one submodule of a .gitmodules file.
type moduleEntry struct {
	name, path, url string
	wrong           error // why it must not be followed
}

// parseModules reads a .gitmodules file. The parser is go-git's; what it makes of
// a hostile file must not end the process.
func parseModules(raw []byte) (entries []moduleEntry, err error) {
	defer func() {
		if r := recover(); r != nil {
			entries, err = nil, errors.New("it cannot be parsed")
		}
	}()
	file := config.New()
	if err := config.NewDecoder(bytes.NewReader(raw)).Decode(file); err != nil {
		return nil, fmt.Errorf("it cannot be parsed: %s", firstLine(err.Error()))
	}
	times := map[string]int{}
	for _, section := range file.Sections {
		if !strings.EqualFold(section.Name, "submodule") {
			continue
		}
		for _, sub := range section.Subsections {
			e := moduleEntry{name: sub.Name, path: strings.TrimRight(sub.Option("path"), "/"), url: sub.Option("url")}
			e.wrong = e.check()
			times[e.path]++
			entries = append(entries, e)
		}
	}
	for i := range entries {
		if e := &entries[i]; times[e.path] > 1 && e.wrong == nil {
			e.wrong = refuseURL("leave one of them in .gitmodules, and push", "is in .gitmodules more than once")
		}
	}
	slices.SortStableFunc(entries, func(a, b moduleEntry) int { return strings.Compare(a.path, b.path) })
	return entries, nil
}

// check refuses the names and paths that Git refuses.
func (e moduleEntry) check() error {
	const next = "rename it in .gitmodules, and push"
	for part := range strings.FieldsFuncSeq(e.name, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part == ".." {
			return refuseURL(next, "has a name in .gitmodules that climbs out of its directory: %q", shortened(e.name))
		}
	}
	switch {
	case e.name == "" || strings.HasPrefix(e.name, "-") || strings.ContainsFunc(e.name, func(r rune) bool { return r < ' ' }):
		return refuseURL(next, "has a name in .gitmodules that Git refuses: %q", shortened(e.name))
	case e.path == "" || path.IsAbs(e.path) || path.Clean(e.path) != e.path || climbs(e.path) || strings.HasPrefix(e.path, "-"):
		return refuseURL(next, "has a path in .gitmodules that is none: %q", shortened(e.path))
	}
	return nil
}

// modulesOf reads the .gitmodules file of a tree; nil when it has none.
func modulesOf(t trees, tree plumbing.Hash) ([]moduleEntry, error) {
	entries, err := t.stored(tree)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(entries, func(e entry) bool { return e.name == modulesFile })
	if i < 0 {
		return nil, nil
	}
	if entries[i].kind() != modeRegular {
		return nil, errors.New("it is not a file")
	}
	obj, err := t.object(entries[i].hash)
	if err != nil {
		return nil, err
	}
	if obj.Type() != plumbing.BlobObject || obj.Size() > maxModulesFile {
		return nil, fmt.Errorf("it has more than %d bytes", maxModulesFile)
	}
	raw, err := readObject(obj)
	if err != nil {
		return nil, err
	}
	return parseModules(raw)
}

// gitlink walks to the gitlink at a path, through no symbolic link. above are the
// trees on the way, the first one included.
func gitlink(t trees, tree plumbing.Hash, p string) (link entry, above []plumbing.Hash, err error) {
	parts := strings.Split(p, "/")
	for i, name := range parts {
		above = append(above, tree)
		entries, err := t.stored(tree)
		if err != nil {
			return entry{}, nil, err
		}
		at := slices.IndexFunc(entries, func(e entry) bool { return e.name == name })
		switch {
		case at < 0:
			return entry{}, nil, nil
		case i == len(parts)-1 && entries[at].kind() == modeGitlink:
			return entries[at], above, nil
		case !entries[at].isTree():
			return entry{}, nil, nil
		}
		tree = entries[at].hash
	}
	return entry{}, nil, nil
}
