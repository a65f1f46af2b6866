package gitrepo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tfops/tfops/internal/datafile"
)

// keptDir is where a mirror keeps what others made of its trees. It goes with the
// mirror: what is in it can always be made again.
const keptDir = "kept"

// maxKept is how large a file of it may be, in bytes.
const maxKept = 256 << 20

// Kept is what Keep kept under a name for the trees of this mirror. Whoever kept it
// verifies it: a power cut may have left some of it.
func (f *mirrorTree) Kept(name string) ([]byte, error) {
	p, err := f.m.keptPath(name)
	if err != nil {
		return nil, err
	}
	return datafile.Read(p, maxKept)
}

// Keep keeps something under a name, in the place of what was there. Who reads at the
// same time has the one or the other.
func (f *mirrorTree) Keep(name string, content []byte) error {
	p, err := f.m.keptPath(name)
	if err != nil {
		return err
	}
	if len(content) > maxKept {
		return &fs.PathError{Op: "write", Path: p, Err: fs.ErrInvalid}
	}
	if err := os.Mkdir(filepath.Dir(p), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	left, _ := filepath.Glob(globEscape(p) + ".*") // its only error is of a bad pattern
	tmp, err := os.CreateTemp(filepath.Dir(p), name+".*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), p)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	// by a process that was killed, or another that writes: which then fails, and nothing is lost
	for _, old := range left {
		_ = os.Remove(old)
	}
	return nil
}

func (m *Mirror) keptPath(name string) (string, error) {
	if !fs.ValidPath(name) || strings.ContainsAny(name, "/.") {
		return "", &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return filepath.Join(m.dir, keptDir, name), nil
}
