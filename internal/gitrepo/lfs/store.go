// Package lfs fetches what Git LFS pointers name, and keeps it by its hash. What
// a pointer or a server claims is not believed until size and SHA-256 fit.
package lfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/lazyregexp"
)

// MaxPointer is the size, in bytes, that an LFS pointer stays below, by its
// specification (git-lfs, docs/spec.md).
const MaxPointer = 1024

// How much one commit may name. What it claims is not trusted until it is there.
const (
	MaxObjects = 20_000
	MaxBytes   = 20 << 30 // of all objects of a commit together
	MaxStore   = 40 << 30 // bytes that are kept of one repository
)

// Object is what a pointer names: 64 hexadecimal digits, and a size in bytes.
type Object struct {
	OID  string `json:"oid"`
	Size int64  `json:"size"`
}

// pointerVersions are the first lines of pointers: the one of the specification,
// and the one that was written before it.
var pointerVersions = []string{"version https://git-lfs.github.com/spec/v1\n",
	"version https://hawser.github.com/spec/v1\n"}

// IsPointer reports whether a file begins as a pointer does, whole or not.
func IsPointer(raw []byte) bool {
	return slices.ContainsFunc(pointerVersions, func(version string) bool {
		text, ok := strings.CutPrefix(string(raw), version)
		return ok && strings.Contains(text, "oid sha256:")
	})
}

var pointerLine = lazyregexp.New(`(?m)^oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})$`)

// ParsePointer reads a whole pointer; false when it is none, or not whole.
func ParsePointer(raw []byte) (Object, bool) {
	if !IsPointer(raw) {
		return Object{}, false
	}
	m := pointerLine().FindSubmatch(raw)
	if m == nil {
		return Object{}, false
	}
	size, err := strconv.ParseInt(string(m[2]), 10, 64)
	return Object{string(m[1]), size}, err == nil
}

// DiskFault says that a file of an object cannot be written; nil for nil.
func DiskFault(err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Internal, "check that disk: its space, its rights, its health",
		"a Git LFS file cannot be written: %w", err)
}

// Store keeps objects by their hash, in the layout of git-lfs, and gets what it
// lacks from a server.
type Store struct {
	Dir    string
	Server *Server
	Wrong  error // why the server cannot be asked; nil: it can
}

// ErrRotten is an object in the store that is not what its name says.
var ErrRotten = errors.New("it is not what its name says")

func (s *Store) path(o Object) string {
	return filepath.Join(s.Dir, "objects", o.OID[:2], o.OID[2:4], o.OID)
}

func (s *Store) Has(o Object) bool {
	info, err := os.Lstat(s.path(o))
	return err == nil && info.Mode().IsRegular() && info.Size() == o.Size
}

// Place has write copy an object to where it belongs. An object that is not what
// its name says is thrown away; what was written of it is for the caller to remove.
func (s *Store) Place(o Object, write func(fill func(io.Writer) error) error) error {
	f, err := os.Open(s.path(o))
	if errors.Is(err, fs.ErrNotExist) {
		return ErrRotten
	}
	if err != nil {
		return err
	}
	defer f.Close()
	// prune drops what was not used for longest; a wrong guess costs a download
	_ = os.Chtimes(f.Name(), time.Time{}, time.Now())
	err = write(func(w io.Writer) error { return copyObject(w, f, o) })
	if errors.Is(err, errNotTheObject) {
		return errors.Join(ErrRotten, os.Remove(s.path(o)))
	}
	return err
}

// Prune drops the objects that were not used for longest until limit bytes are
// left, and what downloads of long ago left. Whoever needs one gets it again.
func (s *Store) Prune(limit int64, now time.Time) error {
	type kept struct {
		path string
		info fs.FileInfo
	}
	var all []kept
	var total int64
	err := filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case filepath.Base(filepath.Dir(path)) == "tmp":
			if now.Sub(info.ModTime()) > 2*lfsTimeout {
				return os.Remove(path)
			}
			return nil
		}
		all, total = append(all, kept{path, info}), total+info.Size()
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another one prunes at the same time
	}
	slices.SortFunc(all, func(a, b kept) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	for _, k := range all {
		if err != nil || total <= limit {
			break
		}
		if err = os.Remove(k.path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		total -= k.info.Size()
	}
	return err
}
