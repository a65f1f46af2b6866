package packs

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha1" //nolint:gosec // Git's own checksum
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"sort"

	"github.com/go-git/go-git/v5/plumbing"
)

// packed is one entry of a pack that is being indexed.
type packed struct {
	at   int64
	back int64 // of an offset delta: where its base is
	id   plumbing.Hash
	crc  uint32
	kind plumbing.ObjectType // as stored; of a delta that is resolved, its own
	made bool                // it is stored as a delta
}

// indexer finds out what is in a pack without holding an object that is not
// small.
type indexer struct {
	file  *os.File
	size  int64
	dir   string // for what does not fit into memory
	all   []packed
	byOfs []int32    // offset deltas, by where their base is
	byRef []refDelta // reference deltas, by their base
	spill *spill
	left  int // deltas to be resolved
}

type refDelta struct {
	base  plumbing.Hash
	entry int32
}

// index reads a pack and returns its entries, sorted by id.
func (x *indexer) index(ctx context.Context) ([]packed, error) {
	if err := x.scan(ctx); err != nil {
		return nil, err
	}
	x.spill = newSpill(x.dir)
	defer x.spill.Close()
	for i := range x.all {
		if x.all[i].made {
			continue
		}
		if err := x.resolve(ctx, i); err != nil {
			return nil, err
		}
	}
	if x.left > 0 {
		return nil, Malformed("%d deltas have no base in it", x.left)
	}
	slices.SortFunc(x.all, func(a, b packed) int { return bytes.Compare(a.id[:], b.id[:]) })
	return x.all, nil
}

// scan reads the pack from its beginning to its end.
func (x *indexer) scan(ctx context.Context) error {
	in := &Meter{r: io.NewSectionReader(x.file, 0, x.size-sha1.Size)}
	var top [12]byte
	if _, err := io.ReadFull(in, top[:]); err != nil {
		return Unexpected(err)
	}
	if v := binary.BigEndian.Uint32(top[4:]); string(top[:4]) != "PACK" || v != 2 && v != 3 {
		return Malformed("it begins like no pack that is known")
	}
	n := int64(binary.BigEndian.Uint32(top[8:]))
	if n > x.size/2 {
		return Malformed("it is too short for %d objects", n)
	}
	x.all = make([]packed, 0, n)
	for range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := x.entry(in); err != nil {
			return err
		}
	}
	if in.at() != x.size-sha1.Size {
		return Malformed("there is more in it than it says")
	}
	slices.SortFunc(x.byOfs, func(a, b int32) int { return cmp.Compare(x.all[a].back, x.all[b].back) })
	slices.SortFunc(x.byRef, func(a, b refDelta) int { return bytes.Compare(a.base[:], b.base[:]) })
	return nil
}

func (x *indexer) entry(in *Meter) error {
	e := packed{at: in.at()}
	in.mark()
	h, err := parseHead(in, e.at)
	if err != nil {
		return err
	}
	body, err := Inflate(in, h.Size)
	if err != nil {
		return err
	}
	defer body.Close()
	e.kind, e.back, e.made = h.Kind, h.Back, h.Delta()
	switch h.Kind {
	case plumbing.OFSDeltaObject:
		x.byOfs = append(x.byOfs, int32(len(x.all)))
	case plumbing.REFDeltaObject:
		x.byRef = append(x.byRef, refDelta{h.Base, int32(len(x.all))})
	default:
		e.id, err = ObjectID(h.Kind, h.Size, body)
	}
	if h.Delta() {
		x.left++
		_, err = io.Copy(io.Discard, body)
	}
	if err != nil {
		return err
	}
	e.crc = in.Sum()
	x.all = append(x.all, e)
	return nil
}

// ObjectID reads an object and returns its id.
func ObjectID(kind plumbing.ObjectType, size int64, r io.Reader) (id plumbing.Hash, err error) {
	sum := newID(kind, size)
	_, err = io.Copy(sum, r)
	return plumbing.Hash(sum.Sum(nil)), err
}

func newID(kind plumbing.ObjectType, size int64) hash.Hash {
	sum := sha1.New()
	fmt.Fprintf(sum, "%s %d\x00", kind, size)
	return sum
}

// children are the deltas whose base an entry is.
func (x *indexer) children(i int) (found []int32) {
	e := x.all[i]
	first := sort.Search(len(x.byOfs), func(n int) bool { return x.all[x.byOfs[n]].back >= e.at })
	for n := first; n < len(x.byOfs) && x.all[x.byOfs[n]].back == e.at; n++ {
		found = append(found, x.byOfs[n])
	}
	first = sort.Search(len(x.byRef), func(n int) bool { return bytes.Compare(x.byRef[n].base[:], e.id[:]) >= 0 })
	for n := first; n < len(x.byRef) && x.byRef[n].base == e.id; n++ {
		found = append(found, x.byRef[n].entry)
	}
	return found
}

// base is an object whose deltas are being resolved.
type base struct {
	content
	todo []int32
}

// resolve finds the ids of all that is made of an entry. The way down is a list
// and not a recursion: deltas may lie very deep.
func (x *indexer) resolve(ctx context.Context, root int) error {
	todo := x.children(root)
	if len(todo) == 0 {
		return nil
	}
	kind := x.all[root].kind
	h, body, err := x.open(root)
	if err != nil {
		return err
	}
	c, err := x.spill.keep(body, h.Size)
	body.Close()
	for down := []base{{c, todo}}; len(down) > 0 && err == nil; {
		if err := ctx.Err(); err != nil {
			return err
		}
		top := &down[len(down)-1]
		if len(top.todo) == 0 {
			x.spill.drop(top.content)
			down = down[:len(down)-1]
			continue
		}
		i := int(top.todo[0])
		top.todo = top.todo[1:]
		if err = x.identify(i, kind, top.content); err != nil {
			break
		}
		if todo := x.children(i); len(todo) > 0 {
			var c content
			c, err = x.made(i, top.content)
			down = append(down, base{c, todo})
		}
	}
	return err
}

// identify finds the id of what a delta makes.
func (x *indexer) identify(i int, kind plumbing.ObjectType, of content) error {
	if k := x.all[i].kind; k != plumbing.OFSDeltaObject && k != plumbing.REFDeltaObject {
		return nil // a reference delta of an object that is there twice
	}
	return x.applied(i, of, func(r *patched) (err error) {
		x.all[i].id, err = ObjectID(kind, r.left, r)
		x.all[i].kind = kind
		x.left--
		return err
	})
}

// made keeps what a delta makes, which others are made of.
func (x *indexer) made(i int, of content) (c content, err error) {
	err = x.applied(i, of, func(r *patched) (err error) {
		c, err = x.spill.keep(r, r.left)
		return err
	})
	return c, err
}

func (x *indexer) applied(i int, of content, use func(*patched) error) error {
	_, body, err := x.open(i)
	if err != nil {
		return err
	}
	defer body.Close()
	r, err := patch(of, bufio.NewReaderSize(body, 4<<10))
	if err != nil {
		return err
	}
	return use(r)
}

func (x *indexer) open(i int) (Head, *Inflater, error) {
	p := Pack{File: x.file, Size: x.size}
	h, err := p.Head(x.all[i].at)
	if err != nil {
		return h, nil, err
	}
	body, err := p.stored(h)
	return h, body, err
}

// writeIndex writes the index of a pack: version 2 of gitformat-pack(5).
func writeIndex(w io.Writer, all []packed, checksum []byte) error {
	sum := sha1.New()
	out := bufio.NewWriter(io.MultiWriter(w, sum))
	put := func(v any) { _ = binary.Write(out, binary.BigEndian, v) } // its error stays in out
	_, _ = out.WriteString("\xfftOc\x00\x00\x00\x02")
	for b, n := 0, 0; b < 256; b++ {
		for n < len(all) && int(all[n].id[0]) <= b {
			n++
		}
		put(uint32(n))
	}
	for _, e := range all {
		_, _ = out.Write(e.id[:])
	}
	for _, e := range all {
		put(e.crc)
	}
	var far []int64
	for _, e := range all {
		if e.at < 1<<31 {
			put(uint32(e.at))
			continue
		}
		put(uint32(1<<31 | len(far)))
		far = append(far, e.at)
	}
	for _, at := range far {
		put(uint64(at))
	}
	_, _ = out.Write(checksum)
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}

// Meter reads through a buffer and never takes more from it than was asked for,
// so that it knows where an entry ends. It sums up what was read since a mark.
type Meter struct {
	r      io.Reader
	sink   io.Writer // gets what was read since the mark; may be nil
	buf    [32 << 10]byte
	from   int // of what was read since the mark and not summed up yet
	r0, r1 int // what is left in buf
	before int64
	crc    uint32
	Err    error
}

// Reset begins to read something else. What is read goes to sink.
func (m *Meter) Reset(r io.Reader, sink io.Writer) {
	m.r, m.sink, m.Err = r, sink, nil
	m.r0, m.r1, m.from, m.before, m.crc = 0, 0, 0, 0, 0
}

func (m *Meter) at() int64 { return m.before + int64(m.r0) }

func (m *Meter) mark() { m.crc, m.from = 0, m.r0 }

// Sum passes on what was read, and returns its checksum since mark.
func (m *Meter) Sum() uint32 {
	part := m.buf[m.from:m.r0]
	m.crc = crc32.Update(m.crc, crc32.IEEETable, part)
	if m.sink != nil && m.Err == nil {
		_, m.Err = m.sink.Write(part)
	}
	m.from = m.r0
	return m.crc
}

func (m *Meter) fill() error {
	m.Sum()
	if m.Err != nil {
		return m.Err
	}
	m.before += int64(m.r0)
	m.from, m.r0, m.r1 = 0, 0, 0
	for m.r1 == 0 {
		n, err := m.r.Read(m.buf[:])
		if m.r1 = n; n == 0 && err != nil {
			return err
		}
	}
	return nil
}

func (m *Meter) ReadByte() (byte, error) {
	if m.r0 == m.r1 {
		if err := m.fill(); err != nil {
			return 0, err
		}
	}
	m.r0++
	return m.buf[m.r0-1], nil
}

func (m *Meter) Read(p []byte) (int, error) {
	if m.r0 == m.r1 && len(p) > 0 {
		if err := m.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, m.buf[m.r0:m.r1])
	m.r0 += n
	return n, nil
}

var errCut = errors.New("the pack was cut short or changed on its way: its checksum is wrong")

// incoming is a pack that is being written, with its checksum.
type incoming struct {
	w    io.Writer
	n    int64
	sum  hash.Hash
	last []byte // which may be the checksum, and is not summed up itself
}

func (c *incoming) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.last = append(c.last, p[:n]...)
	if over := len(c.last) - sha1.Size; over > 0 {
		c.sum.Write(c.last[:over])
		c.last = append(c.last[:0], c.last[over:]...)
	}
	return n, err
}

func (c *incoming) check() error {
	if len(c.last) < sha1.Size || !bytes.Equal(c.last, c.sum.Sum(nil)) {
		return errCut
	}
	return nil
}
