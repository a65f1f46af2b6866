// Package pinned notices when a directory that is written once has changed.
//
// A pinned directory has two parts:
//
//	files/   what it holds
//	index    what lstat says of each file and directory below files, in which boot of the machine it was
//	         written, and its own checksum
//
// Check compares the index with the directory, without reading a file: size, inode,
// mode, and the time of the last change of the inode, which no program can set. So
// whatever is written, truncated, added, removed or given other rights later is
// noticed, and costs a stat a file. After a power cut a file may have lost its content
// and kept its inode, so what was written in an earlier boot counts as changed.
//
// A file that another directory has a link to, too, changes that time whenever a link
// is made or removed. CheckLinked reads such a file, and compares what it holds.
//
// It needs Linux.
package pinned

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/datafile"
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
	index := filepath.Join(dir, indexName)
	head := fmt.Sprintf("%s%s\n%s\n", header, id, sum(b.Bytes()))
	if err := datafile.Write(index+".tmp", append([]byte(head), b.Bytes()...), 0o600); err != nil {
		return err
	}
	return os.Rename(index+".tmp", index) // who compares just now has the one or the other
}

// sum tells whether an index is whole: one that was cut between two entries, or
// has a flipped bit, would say nothing of the files that it has lost.
func sum(entries []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(entries, crc32.MakeTable(crc32.Castagnoli)))
}

const (
	entrySize = 4 + 5*8
	changedAt = 4 + 2*8 // where an entry has the time of the last change, in 16 bytes
)

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
	_, err := CheckLinked(dir, nil)
	return err
}

// Sums are the SHA-256 of files by their paths.
type Sums map[string][sha256.Size]byte

// CheckLinked is Check for a directory whose files others may have links to. sums is
// asked for what they held, if one differs in nothing but the time of its last change;
// linked says that there were such files, and that all held it. Pin may be called then.
func CheckLinked(dir string, sums func() (Sums, error)) (linked bool, err error) {
	b, err := datafile.Read(filepath.Join(dir, indexName), datafile.Large)
	if errors.Is(err, fs.ErrNotExist) {
		return false, &Changed{Why: "was never written whole"}
	}
	if err != nil {
		return false, err
	}
	rest, ok := bytes.CutPrefix(b, []byte(header))
	written, rest, found := bytes.Cut(rest, []byte("\n"))
	whole, rest, summed := bytes.Cut(rest, []byte("\n"))
	if !ok || !found || !summed || string(whole) != sum(rest) {
		return false, &Changed{Why: "has a damaged index"}
	}
	id, err := boot()
	if err != nil {
		return false, err
	}
	c := comparison{root: Files(dir)}
	if err := c.compare(rest); err != nil {
		return false, err
	}
	if err := c.read(sums); err != nil {
		return false, err
	}
	if string(written) != id {
		return false, errRebooted
	}
	return len(c.touched) > 0, nil
}

// comparison is of an index with what is there.
type comparison struct {
	root    string
	touched []string // files that differ in nothing but the time of their last change
}

func (c *comparison) compare(entries []byte) error {
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
		if err := c.one(string(name), want); err != nil {
			return err
		}
		entries = rest
	}
	return nil
}

func (c *comparison) one(name string, want []byte) error {
	var st unix.Stat_t
	err := unix.Lstat(c.root+"/"+name, &st)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return &Changed{name, "is gone"}
	case err != nil:
		return &fs.PathError{Op: "lstat", Path: filepath.Join(c.root, name), Err: err}
	}
	now := entry(&st)
	if bytes.Equal(now, want) {
		return nil
	}
	copy(now[changedAt:], want[changedAt:changedAt+16])
	if st.Mode&unix.S_IFMT != unix.S_IFREG || !bytes.Equal(now, want) {
		return &Changed{name, "was changed"}
	}
	c.touched = append(c.touched, name)
	return nil
}

// read sees that files which were touched hold what they held.
func (c *comparison) read(sums func() (Sums, error)) error {
	if len(c.touched) == 0 {
		return nil
	}
	var held Sums
	if sums != nil {
		var err error
		if held, err = sums(); err != nil {
			return &Changed{Why: "is not known to hold what it held: " + err.Error()}
		}
	}
	for _, name := range c.touched {
		want, ok := held[name]
		if !ok {
			return &Changed{name, "was changed"}
		}
		got, err := sumOf(filepath.Join(c.root, name))
		if err != nil {
			return err
		}
		if got != want {
			return &Changed{name, "was changed"}
		}
	}
	return nil
}

func sumOf(path string) (sum [sha256.Size]byte, err error) {
	f, err := datafile.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return [sha256.Size]byte(h.Sum(nil)), err
}
