package boltfile

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// Backup writes a copy of the file as it is at one moment, while it is in use. The copy is
// made on the disk first, in a file without a name: w may be as slow as it likes, and holds
// nobody up. An error of w is returned as it is.
func (f *File) Backup(ctx context.Context, w io.Writer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	whole, err := unnamed(filepath.Dir(f.path))
	if err != nil {
		return f.cause(err)
	}
	defer whole.Close()
	err = f.View(func(tx *bolt.Tx) error {
		out := &target{w: whole}
		_, err := tx.WriteTo(out)
		return cmp.Or(out.err, err)
	})
	if err == nil {
		_, err = whole.Seek(0, io.SeekStart)
	}
	if err != nil {
		return f.cause(err)
	}
	_, err = io.Copy(w, &stoppable{ctx, whole})
	return err
}

// unnamed makes a file of which nothing is left once it is closed, or its process is killed.
func unnamed(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), filepath.Join(dir, "backup")), nil
	}
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EISDIR) { // a file system that cannot
		return nil, err
	}
	f, err := os.CreateTemp(dir, ".backup.*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// stoppable reads until a context ends.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s *stoppable) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(b)
}

// target remembers why a write failed, which bbolt tells in words only.
type target struct {
	w   io.Writer
	err error
}

func (t *target) Write(b []byte) (int, error) {
	n, err := t.w.Write(b)
	t.err = cmp.Or(t.err, err)
	return n, err
}
