package boltfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// bbolt maps its file into memory and follows the offsets in it as they are.
// One that points outside of the map ends the process, by a fault that no
// recover sees, since its own check runs in a goroutine of its own; and a wrong
// count can make it ask for all the memory there is. So every offset, page
// number and count is held against the file here, by reading, before bbolt
// follows any. What is in the records, and their order, is left to bbolt's check.
//
// The format is version 2 of bbolt's file: pages of one size, of which the
// first two hold the meta data of the last two transactions.

const (
	pageHeader   = 16 // id 8, flags 2, count 2, overflow 4
	pageElement  = 16
	bucketHeader = 16 // root page 8, sequence 8

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10

	bucketElement = 0x01

	noFreelist = ^uint64(0)
	metaSize   = 64 // with its checksum, which is the last 8
)

var native = binary.NativeEndian

// meta is what a transaction wrote down at its end.
type meta struct {
	pageSize             int64
	root, freelist, high uint64 // page numbers; high is the first that was never used
	tx                   uint64
}

// verify reads the file and reports the first thing that is not what it
// should be.
func verify(path string) error {
	return withHead(path, func(f *os.File, m meta, size int64) error {
		if m.high > uint64(size/m.pageSize) {
			return fmt.Errorf("the file is cut off: it has %d bytes of %d", size, m.high*uint64(m.pageSize))
		}
		v := verifier{f: f, meta: m, seen: make([]bool, m.high)}
		if err := v.tree(m.root); err != nil {
			return err
		}
		if m.freelist == noFreelist {
			return nil
		}
		return v.freelist()
	})
}

// withHead reads the file at path, and what its last transaction wrote down.
func withHead(path string, fn func(f *os.File, m meta, size int64) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	m, err := newest(f, info.Size())
	if err != nil {
		return err
	}
	return fn(f, m, info.Size())
}

// newest finds the valid meta page of the later transaction. One of the two
// may be torn: that is what a power cut leaves.
func newest(f io.ReaderAt, size int64) (best meta, err error) {
	for pageSize := int64(1 << 10); pageSize <= 1<<24 && pageSize < size; pageSize *= 2 {
		for _, at := range []int64{0, pageSize} {
			if m, ok := metaAt(f, at); ok && m.pageSize == pageSize && m.tx >= best.tx {
				best = m
			}
		}
	}
	if best.pageSize == 0 {
		return best, errors.New("it has no valid meta page")
	}
	return best, nil
}

// Torn reports whether one of the two meta pages is not valid. Then the file may
// be that of the change before the last: bbolt goes back to it without a word.
func (f *File) Torn() (torn bool, err error) {
	err = withHead(f.path, func(file *os.File, m meta, _ int64) error {
		_, first := metaAt(file, 0)
		_, second := metaAt(file, m.pageSize)
		torn = !first || !second
		return nil
	})
	if err != nil {
		return false, openFault(f.path, err)
	}
	return torn, nil
}

func metaAt(f io.ReaderAt, at int64) (meta, bool) {
	b := make([]byte, metaSize)
	if _, err := f.ReadAt(b, at+pageHeader); err != nil {
		return meta{}, false
	}
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	if native.Uint32(b) != 0xED0CDAED || native.Uint32(b[4:]) != 2 || native.Uint64(b[metaSize-8:]) != sum.Sum64() {
		return meta{}, false
	}
	return meta{pageSize: int64(native.Uint32(b[8:])), root: native.Uint64(b[16:]), freelist: native.Uint64(b[32:]),
		high: native.Uint64(b[40:]), tx: native.Uint64(b[48:])}, true
}

type verifier struct {
	meta
	f    io.ReaderAt
	seen []bool // by page
}

// page reads a page with those that continue it, each of which may be met once.
func (v *verifier) page(id uint64) ([]byte, error) {
	if id < 2 || id >= v.high {
		return nil, fmt.Errorf("page %d is none of the file's %d", id, v.high)
	}
	header := make([]byte, pageHeader)
	if _, err := v.f.ReadAt(header, int64(id)*v.pageSize); err != nil {
		return nil, err
	}
	if own := native.Uint64(header); own != id {
		return nil, fmt.Errorf("page %d says that it is page %d", id, own)
	}
	more := uint64(native.Uint32(header[12:]))
	if more >= v.high-id {
		return nil, fmt.Errorf("page %d goes on for %d pages, beyond the end", id, more)
	}
	for i := id; i <= id+more; i++ {
		if v.seen[i] {
			return nil, fmt.Errorf("page %d is used twice", i)
		}
		v.seen[i] = true
	}
	b := make([]byte, int64(more+1)*v.pageSize)
	_, err := v.f.ReadAt(b, int64(id)*v.pageSize)
	return b, err
}

// tree walks a bucket from its root page.
func (v *verifier) tree(id uint64) error {
	b, err := v.page(id)
	if err != nil {
		return err
	}
	if err := v.elements(b); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// elements walks what is in a page, or in a small bucket that lies within
// another's page.
func (v *verifier) elements(b []byte) error {
	flags, count := native.Uint16(b[8:]), int(native.Uint16(b[10:]))
	if flags != branchPage && flags != leafPage {
		return fmt.Errorf("it is of no known kind: %#x", flags)
	}
	if pageHeader+count*pageElement > len(b) {
		return fmt.Errorf("it cannot hold %d elements", count)
	}
	follows := uint64(count * pageElement) // where the next key begins; a page is written without gaps
	for i := range count {
		e := b[pageHeader+i*pageElement:]
		pos, size := native.Uint32(e[4:]), uint64(native.Uint32(e[8:]))+uint64(native.Uint32(e[12:]))
		if flags == branchPage {
			pos, size = native.Uint32(e), uint64(native.Uint32(e[4:]))
		}
		if uint64(pos)+uint64(i*pageElement) != follows {
			return fmt.Errorf("its element %d of %d does not follow the one before", i, count)
		}
		follows += size
		if flags == branchPage {
			if _, err := span(e, native.Uint32(e), native.Uint32(e[4:])); err != nil {
				return err
			}
			if err := v.tree(native.Uint64(e[8:])); err != nil {
				return err
			}
			continue
		}
		key, value := native.Uint32(e[8:]), native.Uint32(e[12:])
		if uint64(key)+uint64(value) > uint64(len(b)) {
			return errors.New("an element is larger than its page")
		}
		both, err := span(e, native.Uint32(e[4:]), key+value)
		if err != nil {
			return err
		}
		if native.Uint32(e)&bucketElement == 0 {
			continue
		}
		if err := v.bucket(both[key:]); err != nil {
			return err
		}
	}
	return nil
}

// span is what an element says lies at a distance from itself.
func span(element []byte, pos, size uint32) ([]byte, error) {
	if uint64(pos)+uint64(size) > uint64(len(element)) {
		return nil, errors.New("an element lies outside of its page")
	}
	return element[pos : uint64(pos)+uint64(size)], nil
}

// bucket walks a bucket that is an element of another.
func (v *verifier) bucket(b []byte) error {
	if len(b) < bucketHeader {
		return errors.New("a bucket is too short")
	}
	if root := native.Uint64(b); root != 0 {
		return v.tree(root)
	}
	if len(b) < bucketHeader+pageHeader {
		return errors.New("a bucket is too short")
	}
	if native.Uint16(b[bucketHeader+8:]) != leafPage {
		return errors.New("a bucket within a page is not a leaf")
	}
	return v.elements(b[bucketHeader:])
}

// freelist holds the pages that are free against those that are used.
func (v *verifier) freelist() error {
	b, err := v.page(v.meta.freelist)
	if err != nil {
		return err
	}
	count, ids := uint64(native.Uint16(b[10:])), b[pageHeader:]
	if native.Uint16(b[8:]) != freelistPage {
		return errors.New("the list of free pages is none")
	}
	if count == 0xFFFF { // too many for the header
		count, ids = native.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return fmt.Errorf("the list of free pages cannot hold %d", count)
	}
	for i := range count {
		id := native.Uint64(ids[i*8:])
		if id < 2 || id >= v.high || v.seen[id] {
			return fmt.Errorf("page %d is free and is not", id)
		}
		v.seen[id] = true
	}
	return nil
}
