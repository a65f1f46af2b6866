package gitrepo

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
)

// library finds the objects of a repository on this machine's disk, in packs
// and in files of their own, also where they are borrowed from another one.
type library struct {
	packs []*pack
	dirs  []string // called "objects"
}

const maxBorrowed = 5 // repositories that borrow from each other, as Git has it

// openLibrary opens all that can be read: what is missing shows when it is
// asked for.
func openLibrary(objects string) *library {
	l := &library{}
	l.add(objects, 0)
	return l
}

func (l *library) add(objects string, depth int) {
	l.dirs = append(l.dirs, objects)
	entries, _ := os.ReadDir(filepath.Join(objects, "pack")) // it may have none
	for _, e := range entries {
		base, ok := strings.CutSuffix(filepath.Join(objects, "pack", e.Name()), ".idx")
		if !ok {
			continue
		}
		if p, err := openForeign(base); err == nil {
			l.packs = append(l.packs, p)
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
func (l *library) Close() error {
	var err error
	for _, p := range l.packs {
		err = errors.Join(err, p.close())
	}
	l.packs = nil
	return err
}

// place is where a pack has an object.
type place struct {
	pack   *pack
	offset int64
}

// base is the object that a delta at a place is of.
func (p place) base(h head) (plumbing.Hash, bool) {
	if h.kind == plumbing.REFDeltaObject {
		return h.base, true
	}
	return p.pack.idAt(h.back)
}

func (l *library) find(id plumbing.Hash) (place, bool) {
	for _, p := range l.packs {
		if at, ok := p.find(id); ok {
			return place{p, at}, true
		}
	}
	return place{}, false
}

// withPrefix are the objects whose ids begin with these bytes, one at least.
func (l *library) withPrefix(prefix []byte) []plumbing.Hash {
	digits := hex.EncodeToString(prefix)
	found := map[plumbing.Hash]bool{}
	for _, p := range l.packs {
		p.hashesWithPrefix(digits, func(h plumbing.Hash) { found[h] = true })
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
func (l *library) object(id plumbing.Hash) (plumbing.EncodedObject, error) {
	var failed error
	for _, p := range l.packs {
		if !p.has(id) {
			continue
		}
		obj, err := p.read(id)
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
	*large
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
	*inflater
	file *os.File
}

func (r *looseReader) Close() error { return errors.Join(r.inflater.Close(), r.file.Close()) }

func readLoose(path string, id plumbing.Hash) (plumbing.EncodedObject, error) {
	kind, size, r, err := openLoose(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if size > maxSmall {
		return &loose{newLarge(id, kind, size), path}, nil
	}
	raw, err := readAll(r, size)
	if err != nil {
		return nil, err
	}
	return newSmall(id, kind, raw), nil
}

func openLoose(path string) (plumbing.ObjectType, int64, *looseReader, error) {
	fail := func(err error) (plumbing.ObjectType, int64, *looseReader, error) {
		return plumbing.InvalidObject, 0, nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return fail(err)
	}
	body, err := inflate(bufio.NewReader(file), maxObject)
	if err != nil {
		return fail(errors.Join(err, file.Close()))
	}
	r := &looseReader{body, file}
	top, err := readTop(body)
	word, digits, _ := strings.Cut(top, " ")
	size, nerr := strconv.ParseInt(digits, 10, 64)
	kind, kerr := plumbing.ParseObjectType(word)
	if err = errors.Join(err, nerr, kerr); err == nil && (size < 0 || size > maxObject) {
		err = badPack("an object has %d bytes", size)
	}
	if err != nil {
		return fail(errors.Join(fmt.Errorf("%s: %w", path, err), r.Close()))
	}
	body.left = size
	return kind, size, r, nil
}

// readTop reads how the file of an object begins: its kind and size.
func readTop(r io.Reader) (string, error) {
	var top []byte
	for b := make([]byte, 1); len(top) < 32; top = append(top, b[0]) {
		if _, err := io.ReadFull(r, b); err != nil {
			return "", unexpected(err)
		}
		if b[0] == 0 {
			return string(top), nil
		}
	}
	return "", badPack("an object's file begins like no object's")
}

// objectsOf is the directory of the objects of a repository, given by its .git
// or by that of a worktree of it.
func objectsOf(dotGit string) string {
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
