// Package memfile makes files in memory, by which secrets and plans pass to the engine.
package memfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// New makes an anonymous file in memory: it has no name in any
// directory, is not inherited unless asked for, and is gone with its last
// holder. It is positioned at its start.
func New(name string, content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("no anonymous file in memory could be made: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.WriteAt(content, 0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Sealed makes one that nobody can change.
func Sealed(name string, content []byte) (*os.File, error) {
	f, err := New(name, content)
	if err == nil {
		err = Seal(f)
	}
	return f, err
}

// Seal keeps everybody from changing a file in memory from now on.
func Seal(f *os.File) error {
	_, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|
		unix.F_SEAL_SEAL)
	return os.NewSyscallError("fcntl(F_ADD_SEALS)", err)
}

// ErrTooLarge says that a file holds more than its reader takes.
var ErrTooLarge = errors.New("it is too large")

// Final seals a file and gives its whole content, if that has no more bytes than most: whoever wrote it may have made
// it longer than all memory, and have written nothing.
func Final(f *os.File, most int64) ([]byte, error) {
	if err := Seal(f); err != nil {
		return nil, err
	}
	return Bytes(f, most)
}

// named are the files whose paths were handed out.
var named struct {
	sync.Mutex
	files map[*os.File]bool
}

// Path is the path by which the engine, and whatever it starts, opens a file that it inherits; see Named.
func Path(f *os.File) string {
	named.Lock()
	defer named.Unlock()
	if named.files == nil {
		named.files = map[*os.File]bool{}
	}
	named.files[f] = true
	return fmt.Sprintf("/proc/self/fd/%d", f.Fd())
}

// Named are the open files that Path was asked for: who knows their paths has to inherit them.
func Named() []*os.File {
	named.Lock()
	defer named.Unlock()
	var open []*os.File
	for f := range named.files {
		if _, err := f.Stat(); err != nil { // closed
			delete(named.files, f)
			continue
		}
		open = append(open, f)
	}
	return open
}

// Bytes is the whole content, wherever f is positioned, if that has no more bytes than most.
func Bytes(f *os.File, most int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, ErrTooLarge
	}
	b := make([]byte, info.Size())
	_, err = io.ReadFull(io.NewSectionReader(f, 0, info.Size()), b)
	return b, err
}
