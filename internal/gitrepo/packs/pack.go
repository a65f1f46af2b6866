// Package packs reads, indexes and stores Git's packs. It does so itself, for
// go-git holds each object whole: what has more than two mebibytes is a stream
// here; where it is the base of a delta, it is kept in a file without a name
// meanwhile. Of smaller ones, a few dozen mebibytes are held at most.
//
// What a pack says comes from a remote. All of it is bounded and compared with
// checksums before it counts.
package packs

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // Git's own checksum of a pack
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
)

type Info struct {
	Name string `json:"name"` // without suffix
	Size int64  `json:"size"` // of the .pack file, in bytes
}

// Pack is one open pack of a mirror. Its file may be removed while it is open:
// it is never opened again by name.
type Pack struct {
	Name string // pack-<checksum>, without suffix
	Size int64  // of the .pack file
	mark string // of both files when they were opened: sizes and times
	idx  *idxfile.MemoryIndex

	dir     string // of the mirror
	foreign bool   // not of a mirror
	id      uint64 // of this process's packs
	File    *os.File

	Users int // views that hold it; guarded by the mirror's mu
}

var packsOpened atomic.Uint64

// Dir is where a mirror has its packs.
func Dir(dir string) string { return filepath.Join(dir, "objects", "pack") }

// Base is the path of a pack without the suffix of its two files.
func Base(dir, name string) string { return filepath.Join(Dir(dir), name) }

// Open opens a pack and checks that index and file belong together. Its
// damage is a *damage.
func Open(dir string, want Info) (*Pack, error) {
	lost := func(format string, args ...any) error {
		return &Damage{What: want.Name, Err: fmt.Errorf(format, args...)}
	}
	idx, err := readIndex(Base(dir, want.Name) + ".idx")
	if err != nil {
		return nil, lost("index: %w", err)
	}
	mark := markOf(dir, want.Name)
	file, err := os.Open(Base(dir, want.Name) + ".pack")
	if err != nil {
		return nil, lost("%w", err)
	}
	p := &Pack{Name: want.Name, Size: want.Size, mark: mark, idx: idx, File: file, dir: dir, id: packsOpened.Add(1)}
	if err := p.check(); err != nil {
		file.Close()
		return nil, err
	}
	return p, nil
}

func readIndex(path string) (*idxfile.MemoryIndex, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(raw) < 2*sha1.Size {
		return nil, errors.New("it is too short")
	}
	if sum := sha1.Sum(raw[:len(raw)-sha1.Size]); !bytes.Equal(sum[:], raw[len(raw)-sha1.Size:]) {
		return nil, errors.New("its checksum is wrong")
	}
	idx := idxfile.NewMemoryIndex()
	return idx, idxfile.NewDecoder(bytes.NewReader(raw)).Decode(idx)
}

// check compares size and the checksum that ends the pack with the index.
func (p *Pack) check() error {
	info, err := p.File.Stat()
	if err != nil {
		return &Damage{What: p.Name, Err: err}
	}
	if info.Size() != p.Size {
		return &Damage{What: fmt.Sprintf("%s has %d bytes instead of %d", p.Name, info.Size(), p.Size)}
	}
	var tail [sha1.Size]byte
	if _, err := p.File.ReadAt(tail[:], p.Size-sha1.Size); err != nil {
		return &Damage{What: p.Name, Err: err}
	}
	if tail != p.idx.PackfileChecksum || p.Name != "pack-"+hex.EncodeToString(tail[:]) {
		return &Damage{What: p.Name + " does not fit its index"}
	}
	return nil
}

// markOf tells one state of a pack's files from another; empty when they are
// not both there.
func markOf(dir, name string) string {
	mark := ""
	for _, suffix := range []string{".pack", ".idx"} {
		info, err := os.Stat(Base(dir, name) + suffix)
		if err != nil {
			return ""
		}
		mark += fmt.Sprintf("%d %d ", info.Size(), info.ModTime().UnixNano())
	}
	return mark
}

// Verify reads every byte of the pack and compares the checksum.
func (p *Pack) Verify() error {
	sum := sha1.New()
	if _, err := io.Copy(sum, io.NewSectionReader(p.File, 0, p.Size-sha1.Size)); err != nil {
		return &Damage{What: p.Name, Err: err}
	}
	if !bytes.Equal(sum.Sum(nil), p.idx.PackfileChecksum[:]) {
		return &Damage{What: p.Name + " has changed on disk: its checksum is wrong"}
	}
	return nil
}

func (p *Pack) Has(h plumbing.Hash) bool {
	_, ok := p.Find(h)
	return ok
}

// Find is where an object begins. Unlike the index's own look-up it remembers
// nothing, which would take more memory than the index.
func (p *Pack) Find(h plumbing.Hash) (int64, bool) {
	bucket := p.idx.FanoutMapping[h[0]]
	if bucket < 0 || bucket >= len(p.idx.Names) {
		return 0, false
	}
	names, offsets := p.idx.Names[bucket], p.idx.Offset32[bucket]
	n := len(names) / sha1.Size
	i := sort.Search(n, func(i int) bool { return bytes.Compare(names[i*sha1.Size:(i+1)*sha1.Size], h[:]) >= 0 })
	if i == n || !bytes.Equal(names[i*sha1.Size:(i+1)*sha1.Size], h[:]) || len(offsets) < 4*(i+1) {
		return 0, false
	}
	at := binary.BigEndian.Uint32(offsets[4*i:])
	if at&(1<<31) == 0 {
		return int64(at), true
	}
	far := int(at&^(1<<31)) * 8
	if len(p.idx.Offset64) < far+8 {
		return 0, false
	}
	wide := binary.BigEndian.Uint64(p.idx.Offset64[far:])
	return int64(wide & (1<<63 - 1)), true
}

// Covers reports whether the pack has every object of another one.
func (p *Pack) Covers(other *Pack) bool {
	for _, names := range other.idx.Names {
		for ; len(names) >= sha1.Size; names = names[sha1.Size:] {
			if !p.Has(plumbing.Hash(names[:sha1.Size])) {
				return false
			}
		}
	}
	return true
}

// HashesWithPrefix calls yield for each object whose id begins with the prefix.
func (p *Pack) HashesWithPrefix(hexPrefix string, yield func(plumbing.Hash)) {
	first, err := hex.DecodeString(hexPrefix[:2])
	if err != nil {
		return
	}
	bucket := p.idx.FanoutMapping[first[0]]
	if bucket < 0 || bucket >= len(p.idx.Names) {
		return
	}
	for names := p.idx.Names[bucket]; len(names) >= sha1.Size; names = names[sha1.Size:] {
		h := plumbing.Hash(names[:sha1.Size])
		if h[0] == first[0] && h.String()[:len(hexPrefix)] == hexPrefix {
			yield(h)
		}
	}
}

// SyncPath has a file or the entries of a directory survive a power cut.
func SyncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// OpenForeign opens a pack that some other Git wrote.
func OpenForeign(base string) (*Pack, error) {
	idx, err := readIndex(base + ".idx")
	if err != nil {
		return nil, err
	}
	file, err := os.Open(base + ".pack")
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Pack{Name: filepath.Base(base), Size: info.Size(), idx: idx, File: file, dir: os.TempDir(),
		id: packsOpened.Add(1), foreign: true}, nil
}

// Close closes the pack's file.
func (p *Pack) Close() error { return p.File.Close() }

// Unchanged reports whether the pack's files are as they were when it was opened.
func (p *Pack) Unchanged(dir string) bool { return p.mark == markOf(dir, p.Name) }

// Moved tells the pack that its mirror is in another directory now.
func (p *Pack) Moved(dir string) { p.dir = dir }

// ID is the object that begins at an offset.
func (p *Pack) ID(offset int64) (plumbing.Hash, bool) {
	id, err := p.idx.FindHash(offset)
	return id, err == nil
}
