// Package pinned notices when a directory that is written once has changed.
//
// A pinned directory has two parts:
//
//	files/   what it holds
//	index    what lstat says of each file and directory below files, in which boot of the machine it was written, and its own checksum
//
// Check compares the index with the directory, without reading a file: size, inode,
// mode, and the time of the last change of the inode, which no program can set. So
// whatever is written, truncated, added, removed or given other rights later is
// noticed, and costs a stat a file. After a power cut a file may have lost its content
// and kept its inode, so what was written in an earlier boot counts as changed.
//
// It needs Linux.
package pinned

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	filesName = "files"
	indexName = "index"
	header    = "tfops pinned 2\n"
)

// Files is where a pinned directory has what it holds.
func Files(dir string) string { return filepath.Join(dir, filesName) }

// Changed says that a pinned directory is not what was pinned.
type Changed struct {
	Path string // below the directory; empty for all of it
	Why  string
}

func (c *Changed) Error() string {
	if c.Path == "" {
		return c.Why
	}
	return fmt.Sprintf("%s %s", c.Path, c.Why)
}

// Rebooted reports whether err says no more than that the directory was written
// before the machine was started, so that its content has to be looked at.
func Rebooted(err error) bool {
	var c *Changed
	return errors.As(err, &c) && c == errRebooted
}

var errRebooted = &Changed{Why: "was written before the machine was started last"}

// boot names the current boot of the machine.
var boot = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), err
})

// Pin writes the index of what lies in Files(dir). Nothing may change there after it.
func Pin(dir string) error {
	id, err := boot()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	root := Files(dir)
	err = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return &fs.PathError{Op: "lstat", Path: path, Err: err}
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		b.Write(entry(&st))
		b.WriteString(rel)
		b.WriteByte(0)
		return nil
	})
	if err != nil {
		return err
	}
	head := fmt.Sprintf("%s%s\n%s\n", header, id, sum(b.Bytes()))
	return os.WriteFile(filepath.Join(dir, indexName), append([]byte(head), b.Bytes()...), 0o600)
}

// sum tells whether an index is whole: one that was cut between two entries, or
// has a flipped bit, would say nothing of the files that it has lost.
func sum(entries []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(entries, crc32.MakeTable(crc32.Castagnoli)))
}

const entrySize = 4 + 5*8

// entry is what must stay as it is, of one file.
func entry(st *unix.Stat_t) []byte {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, entrySize), st.Mode)
	size := st.Size
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		size = 0 // differs between file systems, and its times tell
	}
	for _, n := range []int64{size, int64(st.Ino), st.Ctim.Sec, st.Ctim.Nsec, st.Mtim.Nano()} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return b
}

// Check returns a *Changed when dir is not what was pinned, or any other error when
// that cannot be told. What was written in an earlier boot is compared, too: an error
// for which Rebooted holds says that this is all that was found.
func Check(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, indexName))
	if errors.Is(err, fs.ErrNotExist) {
		return &Changed{Why: "was never written whole"}
	}
	if err != nil {
		return err
	}
	rest, ok := bytes.CutPrefix(b, []byte(header))
	written, rest, found := bytes.Cut(rest, []byte("\n"))
	whole, rest, summed := bytes.Cut(rest, []byte("\n"))
	if !ok || !found || !summed || string(whole) != sum(rest) {
		return &Changed{Why: "has a damaged index"}
	}
	id, err := boot()
	if err != nil {
		return err
	}
	if err := compare(Files(dir), rest); err != nil {
		return err
	}
	if string(written) != id {
		return errRebooted
	}
	return nil
}

func compare(root string, entries []byte) error {
	if len(entries) == 0 {
		return &Changed{Why: "has a damaged index"}
	}
	for len(entries) > 0 {
		if len(entries) <= entrySize {
			return &Changed{Why: "has a damaged index"}
		}
		want := entries[:entrySize]
		name, rest, ok := bytes.Cut(entries[entrySize:], []byte{0})
		if !ok {
			return &Changed{Why: "has a damaged index"}
		}
		var st unix.Stat_t
		err := unix.Lstat(root+"/"+string(name), &st)
		switch {
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
			return &Changed{string(name), "is gone"}
		case err != nil:
			return &fs.PathError{Op: "lstat", Path: filepath.Join(root, string(name)), Err: err}
		case !bytes.Equal(entry(&st), want):
			return &Changed{string(name), "was changed"}
		}
		entries = rest
	}
	return nil
}
