package runner

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/job"
)

// reserved is how much space is kept for the result, in bytes.
const reserved = 256 << 10

// evidenceReserve is space kept for ErroredStateFile while an apply is at work.
const evidenceReserve = job.ErroredStateFile + ".tmp"

// writeAtomic puts a whole file in place or leaves what was there. It is on
// the disk when this returns.
func writeAtomic(path string, content []byte) error {
	if err := writeWhole(path, content); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// writeWhole is writeAtomic for a file whose name may be lost when the machine
// goes down, as long as nothing else in its directory was made to stay.
func writeWhole(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // of no effect once it was renamed
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// reserve allocates a file that something will be written into later, so that
// a disk that fills up in between cannot make it be lost: the result, or the
// state that an apply could not save.
func reserve(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		_, err = f.Write(make([]byte, size))
	}
	return errors.Join(err, f.Close())
}

// commitReserved writes content into the reserved file and renames it to path,
// which is in the same directory.
func commitReserved(reserve, path string, content []byte) error {
	f, err := os.OpenFile(reserve, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil {
		err = f.Truncate(int64(len(content)))
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(reserve, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// encrypt is the content as an age file for one recipient.
func encrypt(content []byte, recipient string) ([]byte, error) {
	to, err := age.ParseRecipients(strings.NewReader(recipient))
	if err != nil {
		return nil, fmt.Errorf("the key that saved plans are encrypted to is not an age recipient: %w", err)
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to...)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// diskTrouble reports whether err says that a disk is full or cannot be written.
func diskTrouble(err error) bool {
	for _, e := range []error{unix.ENOSPC, unix.EDQUOT, unix.EROFS, unix.EIO, unix.EFBIG} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
