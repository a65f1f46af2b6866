package snapshot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const keepDamaged = 2 // older ones make room, or a failing disk would fill up with them

// MoveAside renames what is at a mirror's place, if anything, and says where to.
func MoveAside(dir string) (string, error) {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	entries, err := os.ReadDir(filepath.Dir(dir)) // by name, and so by time, which is how they end
	if err != nil {
		return "", err
	}
	var old []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(dir)+".damaged-") {
			old = append(old, filepath.Join(filepath.Dir(dir), e.Name()))
		}
	}
	for len(old) >= keepDamaged {
		if err := os.RemoveAll(old[0]); err != nil {
			return "", err
		}
		old = old[1:]
	}
	aside := dir + ".damaged-" + time.Now().UTC().Format("20060102T150405.000000Z")
	return aside, os.Rename(dir, aside)
}
