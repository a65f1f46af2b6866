// Package memfile makes files in memory, by which secrets and plans pass to the engine.
package memfile

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// New makes an anonymous file in memory: it has no name in any
// directory, is not inherited unless asked for, and is gone with its last
// holder. It is positioned at its start.
func New(name string, content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
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

// Path is the path under which the engine, a process of the same user,
// opens a file in this process's memory.
func Path(f *os.File) string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd()) }

// Bytes is the whole content, wherever f is positioned.
func Bytes(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, info.Size())
	_, err = io.ReadFull(io.NewSectionReader(f, 0, info.Size()), b)
	return b, err
}
