package submodules

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/config"

	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

// Entry is one submodule of a .gitmodules file.
type Entry struct {
	name, Path, URL string
	Wrong           error // why it must not be followed
}

// parseModules reads a .gitmodules file. The parser is go-git's; what it makes of
// an untrusted file must not end the process.
func parseModules(raw []byte) (entries []Entry, err error) {
	defer func() {
		if r := recover(); r != nil {
			entries, err = nil, errors.New("it cannot be parsed")
		}
	}()
	file := config.New()
	if err := config.NewDecoder(bytes.NewReader(raw)).Decode(file); err != nil {
		return nil, fmt.Errorf("it cannot be parsed: %s", remote.FirstLine(err.Error()))
	}
	times := map[string]int{}
	for _, section := range file.Sections {
		if !strings.EqualFold(section.Name, "submodule") {
			continue
		}
		for _, sub := range section.Subsections {
			e := Entry{name: sub.Name, Path: strings.TrimRight(sub.Option("path"), "/"), URL: sub.Option("url")}
			e.Wrong = e.check()
			times[e.Path]++
			entries = append(entries, e)
		}
	}
	for i := range entries {
		if e := &entries[i]; times[e.Path] > 1 && e.Wrong == nil {
			e.Wrong = Refuse("leave one of them in .gitmodules, and push", "is in .gitmodules more than once")
		}
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return entries, nil
}

// check refuses the names and paths that Git refuses.
func (e Entry) check() error {
	const next = "rename it in .gitmodules, and push"
	for part := range strings.FieldsFuncSeq(e.name, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part == ".." {
			return Refuse(next, "has a name in .gitmodules that climbs out of its directory: %q", shortened(e.name))
		}
	}
	switch {
	case e.name == "" || strings.HasPrefix(e.name, "-") ||
		strings.ContainsFunc(e.name, func(r rune) bool { return r < ' ' }):
		return Refuse(next, "has a name in .gitmodules that Git refuses: %q", shortened(e.name))
	case e.Path == "" || path.IsAbs(e.Path) || path.Clean(e.Path) != e.Path || Climbs(e.Path) ||
		strings.HasPrefix(e.Path, "-"):
		return Refuse(next, "has a path in .gitmodules that is none: %q", shortened(e.Path))
	}
	return nil
}

// Of reads the .gitmodules file of a tree; nil when it has none.
func Of(t trees.Reader, tree plumbing.Hash) ([]Entry, error) {
	entries, err := t.Stored(tree)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(entries, func(e trees.Entry) bool { return e.Name == trees.ModulesFile })
	if i < 0 {
		return nil, nil
	}
	if entries[i].Kind() != trees.ModeRegular {
		return nil, errors.New("it is not a file")
	}
	obj, err := t.Object(entries[i].Hash)
	if err != nil {
		return nil, err
	}
	if obj.Type() != plumbing.BlobObject || obj.Size() > maxModulesFile {
		return nil, fmt.Errorf("it has more than %d bytes", maxModulesFile)
	}
	raw, err := packs.ReadObject(obj)
	if err != nil {
		return nil, err
	}
	return parseModules(raw)
}

// Gitlink walks to the gitlink at a path, through no symbolic link. above are the
// trees on the way, the first one included.
func Gitlink(t trees.Reader, tree plumbing.Hash, p string) (link trees.Entry, above []plumbing.Hash, err error) {
	parts := strings.Split(p, "/")
	for i, name := range parts {
		above = append(above, tree)
		entries, err := t.Stored(tree)
		if err != nil {
			return trees.Entry{}, nil, err
		}
		at := slices.IndexFunc(entries, func(e trees.Entry) bool { return e.Name == name })
		switch {
		case at < 0:
			return trees.Entry{}, nil, nil
		case i == len(parts)-1 && entries[at].Kind() == trees.ModeGitlink:
			return entries[at], above, nil
		case !entries[at].IsTree():
			return trees.Entry{}, nil, nil
		}
		tree = entries[at].Hash
	}
	return trees.Entry{}, nil, nil
}
