package datafile

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Glob finds what is below a directory by a pattern, with slashes, as filepath.Glob does. The
// directory may be called anything: its name is no part of the pattern.
func Glob(dir, pattern string) ([]string, error) {
	found, err := fs.Glob(os.DirFS(dir), pattern)
	for i, name := range found {
		found[i] = filepath.Join(dir, filepath.FromSlash(name))
	}
	return found, err
}
