package gitrepo

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // Git's own checksum of a pack
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// objectCache is shared by all mirrors, so that memory stays bounded however
// many repositories there are. It is keyed by content, and a pack asks it only
// for objects that the pack's own index lists.
var objectCache = cache.NewObjectLRU(16 * cache.MiByte)

// pack is one open pack of a mirror. Its file may be removed while it is open:
// it is never opened again by name.
type pack struct {
	name string // pack-<checksum>, without suffix
	size int64  // of the .pack file
	mark string // of both files when they were opened: sizes and times
	idx  *idxfile.MemoryIndex

	users int // views that hold it; guarded by the mirror's mu

	mu   sync.Mutex // a Packfile has one position
	file *os.File
	pf   *packfile.Packfile
}

func packDir(dir string) string { return filepath.Join(dir, "objects", "pack") }

func packBase(dir, name string) string { return filepath.Join(packDir(dir), name) }

// openPack opens a pack and checks that index and file belong together. Its
// damage is a *damage.
func openPack(dir string, want packInfo) (*pack, error) {
	lost := func(format string, args ...any) error {
		return &damage{what: want.Name, err: fmt.Errorf(format, args...)}
	}
	idx, err := readIndex(packBase(dir, want.Name) + ".idx")
	if err != nil {
		return nil, lost("index: %w", err)
	}
	mark := markOf(dir, want.Name)
	file, err := os.Open(packBase(dir, want.Name) + ".pack")
	if err != nil {
		return nil, lost("%w", err)
	}
	p := &pack{name: want.Name, size: want.Size, mark: mark, idx: idx, file: file}
	p.pf = packfile.NewPackfileWithCache(idx, nil, billyFile{file}, objectCache, 0)
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
func (p *pack) check() error {
	info, err := p.file.Stat()
	if err != nil {
		return &damage{what: p.name, err: err}
	}
	if info.Size() != p.size {
		return &damage{what: fmt.Sprintf("%s has %d bytes instead of %d", p.name, info.Size(), p.size)}
	}
	var tail [sha1.Size]byte
	if _, err := p.file.ReadAt(tail[:], p.size-sha1.Size); err != nil {
		return &damage{what: p.name, err: err}
	}
	if tail != p.idx.PackfileChecksum || p.name != "pack-"+hex.EncodeToString(tail[:]) {
		return &damage{what: p.name + " does not fit its index"}
	}
	return nil
}

// billyFile is an open file as go-git wants it. Locks are for writers.
type billyFile struct{ *os.File }

func (billyFile) Lock() error   { return nil }
func (billyFile) Unlock() error { return nil }

// markOf tells one state of a pack's files from another; empty when they are
// not both there.
func markOf(dir, name string) string {
	mark := ""
	for _, suffix := range []string{".pack", ".idx"} {
		info, err := os.Stat(packBase(dir, name) + suffix)
		if err != nil {
			return ""
		}
		mark += fmt.Sprintf("%d %d ", info.Size(), info.ModTime().UnixNano())
	}
	return mark
}

// verify reads every byte of the pack and compares the checksum.
func (p *pack) verify() error {
	sum := sha1.New()
	if _, err := io.Copy(sum, io.NewSectionReader(p.file, 0, p.size-sha1.Size)); err != nil {
		return &damage{what: p.name, err: err}
	}
	if !bytes.Equal(sum.Sum(nil), p.idx.PackfileChecksum[:]) {
		return &damage{what: p.name + " has changed on disk: its checksum is wrong"}
	}
	return nil
}

func (p *pack) has(h plumbing.Hash) bool {
	ok, err := p.idx.Contains(h)
	return ok && err == nil
}

// covers reports whether the pack has every object of another one.
func (p *pack) covers(other *pack) bool {
	for _, names := range other.idx.Names {
		for ; len(names) >= sha1.Size; names = names[sha1.Size:] {
			if !p.has(plumbing.Hash(names[:sha1.Size])) {
				return false
			}
		}
	}
	return true
}

// get reads an object that the pack has. What it returns is shared: read only.
func (p *pack) get(h plumbing.Hash) (plumbing.EncodedObject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	obj, err := p.pf.Get(h)
	if err != nil {
		return nil, &damage{what: fmt.Sprintf("object %s in %s", h, p.name), err: err}
	}
	return obj, nil
}

// hashesWithPrefix calls yield for each object whose id begins with the prefix.
func (p *pack) hashesWithPrefix(hexPrefix string, yield func(plumbing.Hash)) {
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

// writePack stores what fill writes as one pack of the mirror in dir, and makes
// it durable. The zero packInfo says that fill wrote nothing.
func writePack(dir string, fill func(io.Writer) error) (packInfo, error) {
	w, err := dotgit.New(osfs.New(dir)).NewObjectPack()
	if err != nil {
		return packInfo{}, err
	}
	var sum plumbing.Hash
	w.Notify = func(h plumbing.Hash, _ *idxfile.Writer) { sum = h }
	n := &counter{w: w}
	err = fill(n)
	if err != nil && n.n == 0 || err == nil && n.n == 0 {
		return packInfo{}, errors.Join(err, w.Close()) // an untouched writer removes its file
	}
	if cerr := w.Close(); err == nil { // a pack cut short is refused here, and its file swept later
		err = cerr
	}
	if err != nil || sum.IsZero() {
		return packInfo{}, err
	}
	info := packInfo{Name: "pack-" + sum.String(), Size: n.n}
	base := packBase(dir, info.Name)
	for _, path := range []string{base + ".pack", base + ".idx", packDir(dir)} {
		if err := syncPath(path); err != nil {
			return packInfo{}, err
		}
	}
	return info, nil
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
