package pinned

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/datafile"
)

// Digest is a digest of all that lies below dir: the path, type and rights of each
// file and directory, the content of files, and the targets of links. Times and owners do
// not count. A directory that is not there has the digest of an empty one. It has a bound,
// and ends with ctx.
func Digest(ctx context.Context, dir string) (string, error) {
	if err := Measure(ctx, dir, nil); err != nil && !os.IsNotExist(err) { // before anything is read
		return "", err
	}
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path == dir && os.IsNotExist(err) {
				return nil
			}
			return err
		}
		if path == dir {
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return digestOne(ctx, h, rel, path, d)
	})
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), err
}

// digestOne writes one entry with the length of each part before it, so that no two
// directories have the same text.
func digestOne(ctx context.Context, h io.Writer, rel, path string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	fmt.Fprintf(h, "%d:%s%d:", len(rel), rel, info.Mode())
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		fmt.Fprintf(h, "%d:%s", len(target), target)
		return err
	case info.Mode().IsRegular():
		f, err := datafile.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintf(h, "%d:", info.Size())
		n, err := io.Copy(h, Heeding(ctx, io.LimitReader(f, info.Size()+1)))
		if err == nil && n != info.Size() {
			err = fmt.Errorf("%s changes while it is read", path)
		}
		return err
	}
	// Directories, and the marks of what was removed, are their mode. In the upper
	// directory of an overlay a mark on a directory says that it hides what is below it.
	for _, mark := range []string{"user.overlay.opaque", "user.overlay.redirect"} {
		value := make([]byte, 4096)
		if n, err := unix.Lgetxattr(path, mark, value); err == nil {
			fmt.Fprintf(h, "%s=%d:%s", mark, n, value[:n])
		}
	}
	return nil
}

// What code can leave in a directory for others to read: bytes as files say that they have, since reading a file of
// nothing takes as long as any other, and entries.
const (
	MostBytes   = 8 << 30
	mostEntries = 1_000_000
)

// TooMuch says that a directory holds more than anybody reads.
type TooMuch struct{ Path string }

func (t *TooMuch) Error() string {
	return fmt.Sprintf("there is more than %d GiB, or %d files: %s is one too many", int64(MostBytes)>>30, mostEntries,
		t.Path)
}

// measure adds up what is read.
type measure struct {
	ctx     context.Context
	bytes   int64
	entries int
}

func (m *measure) add(path string, d fs.DirEntry) error {
	if m.ctx.Err() != nil {
		return context.Cause(m.ctx)
	}
	if m.entries++; m.entries > mostEntries {
		return &TooMuch{path}
	}
	if !d.Type().IsRegular() {
		return nil
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	if size := info.Size(); size > MostBytes-m.bytes {
		return &TooMuch{path}
	}
	m.bytes += info.Size()
	return nil
}

// Heeding reads until ctx ends.
func Heeding(ctx context.Context, from io.Reader) io.Reader { return heeding{ctx, from} }

type heeding struct {
	ctx  context.Context
	from io.Reader
}

func (h heeding) Read(b []byte) (int, error) {
	if h.ctx.Err() != nil {
		return 0, context.Cause(h.ctx)
	}
	return h.from.Read(b)
}

// Measure returns *TooMuch where a directory, without what is skipped, holds more than anybody reads.
func Measure(ctx context.Context, dir string, skip func(rel string) bool) error {
	sum := measure{ctx: ctx}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err == nil && skip != nil && skip(rel) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if err == nil {
			err = sum.add(path, d)
		}
		return err
	})
}
