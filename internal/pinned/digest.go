package pinned

import (
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
// not count. A directory that is not there has the digest of an empty one.
func Digest(dir string) (string, error) {
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
		return digestOne(h, rel, path, d)
	})
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), err
}

// digestOne writes one entry with the length of each part before it, so that no two
// directories have the same text.
func digestOne(h io.Writer, rel, path string, d fs.DirEntry) error {
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
		n, err := io.Copy(h, f)
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
