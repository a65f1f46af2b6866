// Package local reads repositories on this machine's disk where they lie, bare or
// with a working tree, and never writes to them.
package local

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/gitrepo/packs"
)

// Library finds the objects of a repository on this machine's disk, in packs
// and in files of their own, also where they are borrowed from another one.
type Library struct {
	Packs []*packs.Pack
	dirs  []string // called "objects"
}

const maxBorrowed = 5 // repositories that borrow from each other, as Git has it

// OpenLibrary opens all that can be read: what is missing shows when it is
// asked for.
func OpenLibrary(objects string) *Library {
	l := &Library{}
	l.add(objects, 0)
	return l
}

func (l *Library) add(objects string, depth int) {
	l.dirs = append(l.dirs, objects)
	entries, _ := os.ReadDir(filepath.Join(objects, "pack")) // it may have none
	for _, e := range entries {
		base, ok := strings.CutSuffix(filepath.Join(objects, "pack", e.Name()), ".idx")
		if !ok {
			continue
		}
		if p, err := packs.OpenForeign(base); err == nil {
			l.Packs = append(l.Packs, p)
		}
	}
	raw, err := os.ReadFile(filepath.Join(objects, "info", "alternates"))
	if err != nil || depth == maxBorrowed {
		return
	}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(objects, line)
		}
		l.add(line, depth+1)
	}
}

// Close closes the packs.
func (l *Library) Close() error {
	var err error
	for _, p := range l.Packs {
		err = errors.Join(err, p.Close())
	}
	l.Packs = nil
	return err
}

// place is where a pack has an object.
type place struct {
	pack   *packs.Pack
	offset int64
}

// base is the object that a delta at a place is of.
func (p place) base(h packs.Head) (plumbing.Hash, bool) {
	if h.Kind == plumbing.REFDeltaObject {
		return h.Base, true
	}
	return p.pack.ID(h.Back)
}

func (l *Library) find(id plumbing.Hash) (place, bool) {
	for _, p := range l.Packs {
		if at, ok := p.Find(id); ok {
			return place{p, at}, true
		}
	}
	return place{}, false
}

// withPrefix are the objects whose ids begin with these bytes, one at least.
func (l *Library) withPrefix(prefix []byte) []plumbing.Hash {
	digits := hex.EncodeToString(prefix)
	found := map[plumbing.Hash]bool{}
	for _, p := range l.Packs {
		p.HashesWithPrefix(digits, func(h plumbing.Hash) { found[h] = true })
	}
	for _, dir := range l.dirs {
		entries, _ := os.ReadDir(filepath.Join(dir, digits[:2])) // most are not there
		for _, e := range entries {
			if id := digits[:2] + e.Name(); plumbing.IsHash(id) && strings.HasPrefix(id, digits) {
				found[plumbing.NewHash(id)] = true
			}
		}
	}
	return slices.Collect(maps.Keys(found))
}

// object reads an object; plumbing.ErrObjectNotFound when nothing has it.
func (l *Library) object(id plumbing.Hash) (plumbing.EncodedObject, error) {
	var failed error
	for _, p := range l.Packs {
		if !p.Has(id) {
			continue
		}
		obj, err := p.Read(id)
		if err == nil {
			return obj, nil
		}
		failed = err // another one may have it whole
	}
	name := id.String()
	for _, dir := range l.dirs {
		obj, err := readLoose(filepath.Join(dir, name[:2], name[2:]), id)
		if err == nil {
			return obj, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			failed = err
		}
	}
	if failed == nil {
		failed = plumbing.ErrObjectNotFound
	}
	return nil, failed
}

// loose is an object in a file of its own, read as a stream.
type loose struct {
	*packs.Large
	path string
}

func (l *loose) Reader() (io.ReadCloser, error) {
	_, _, r, err := openLoose(l.path)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// looseReader reads the content of an object's file.
type looseReader struct {
	*packs.Inflater
	file *os.File
}

func (r *looseReader) Close() error { return errors.Join(r.Inflater.Close(), r.file.Close()) }

func readLoose(path string, id plumbing.Hash) (plumbing.EncodedObject, error) {
	kind, size, r, err := openLoose(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if size > packs.MaxSmall {
		return &loose{packs.NewLarge(id, kind, size), path}, nil
	}
	raw, err := packs.ReadAll(r, size)
	if err != nil {
		return nil, err
	}
	return packs.NewSmall(id, kind, raw), nil
}

func openLoose(path string) (plumbing.ObjectType, int64, *looseReader, error) {
	fail := func(err error) (plumbing.ObjectType, int64, *looseReader, error) {
		return plumbing.InvalidObject, 0, nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return fail(err)
	}
	body, err := packs.Inflate(bufio.NewReader(file), packs.MaxObject)
	if err != nil {
		return fail(errors.Join(err, file.Close()))
	}
	r := &looseReader{body, file}
	top, err := readTop(body)
	word, digits, _ := strings.Cut(top, " ")
	size, nerr := strconv.ParseInt(digits, 10, 64)
	kind, kerr := plumbing.ParseObjectType(word)
	if err = errors.Join(err, nerr, kerr); err == nil && (size < 0 || size > packs.MaxObject) {
		err = packs.Malformed("an object has %d bytes", size)
	}
	if err != nil {
		return fail(errors.Join(fmt.Errorf("%s: %w", path, err), r.Close()))
	}
	body.Left = size
	return kind, size, r, nil
}

// readTop reads how the file of an object begins: its kind and size.
func readTop(r io.Reader) (string, error) {
	var top []byte
	for b := make([]byte, 1); len(top) < 32; top = append(top, b[0]) {
		if _, err := io.ReadFull(r, b); err != nil {
			return "", packs.Unexpected(err)
		}
		if b[0] == 0 {
			return string(top), nil
		}
	}
	return "", packs.Malformed("an object's file begins like no object's")
}

// ObjectsOf is the directory of the objects of a repository, given by its .git
// or by that of a worktree of it.
func ObjectsOf(dotGit string) string {
	if raw, err := os.ReadFile(filepath.Join(dotGit, "commondir")); err == nil {
		common := strings.TrimSpace(string(raw))
		if !filepath.IsAbs(common) {
			common = filepath.Join(dotGit, common)
		}
		dotGit = common
	}
	return filepath.Join(dotGit, "objects")
}

func byteReader(b []byte) io.Reader { return bytes.NewReader(b) }
