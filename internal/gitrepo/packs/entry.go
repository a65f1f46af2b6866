package packs

import (
	"bufio"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	// MaxSmall is the size, in bytes, up to which an object is read into memory.
	// Anything larger is streamed, through a file where it is the base of a delta.
	MaxSmall = 2 << 20

	// MaxObject bounds an object: a few bytes of a pack can stand for any size.
	MaxObject = 16 << 30

	maxChain = 10_000 // deltas on deltas; Git makes 50, and 4095 if it is asked to
)

var errPack = errors.New("the pack is malformed")

// Malformed says what is wrong with a pack.
func Malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errPack, fmt.Sprintf(format, args...))
}

// Head is how an entry of a pack begins; see gitformat-pack(5).
type Head struct {
	Kind plumbing.ObjectType // as stored: a delta's own kind is that of its base
	Size int64               // of what is stored, inflated: of a delta, the delta
	Back int64               // of an offset delta: where its base is
	Base plumbing.Hash       // of a reference delta
	Data int64               // where the compressed data begins
}

// Delta reports whether what is stored is a difference to another object.
func (h Head) Delta() bool {
	return h.Kind == plumbing.OFSDeltaObject || h.Kind == plumbing.REFDeltaObject
}

// parseHead reads the head of the entry at an offset.
func parseHead(r io.ByteReader, at int64) (h Head, err error) {
	n := int64(0)
	next := func() byte {
		var b byte
		if err == nil {
			if b, err = r.ReadByte(); err == nil {
				n++
			}
		}
		return b
	}
	b := next()
	h.Kind, h.Size = plumbing.ObjectType(b>>4&7), int64(b&15)
	for shift := 4; b&0x80 != 0 && err == nil; shift += 7 {
		if b = next(); shift > 50 {
			return h, Malformed("an object has no plausible size")
		}
		h.Size |= int64(b&0x7f) << shift
	}
	switch h.Kind {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
	case plumbing.OFSDeltaObject:
		b = next()
		back := int64(b & 0x7f)
		for b&0x80 != 0 && err == nil {
			if b = next(); back > 1<<48 {
				return h, Malformed("a delta's base is nowhere")
			}
			back = (back+1)<<7 | int64(b&0x7f)
		}
		if h.Back = at - back; err == nil && (back <= 0 || h.Back < 12) {
			return h, Malformed("a delta's base is nowhere")
		}
	case plumbing.REFDeltaObject:
		for i := range h.Base {
			h.Base[i] = next()
		}
	default:
		if err == nil {
			err = Malformed("an object is of no known kind")
		}
	}
	if err == nil && h.Size > MaxObject {
		err = Malformed("an object has %d bytes, more than can be read", h.Size)
	}
	h.Data = at + n
	return h, Unexpected(err)
}

// Unexpected has the end of a pack in the middle of an object be an error.
func Unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

var inflaters sync.Pool

// Inflater reads compressed data of which the inflated size is known, and
// notices when there is more or less of it.
type Inflater struct {
	z    io.ReadCloser
	Left int64
}

// Inflate reads what is compressed, which must have that many bytes.
func Inflate(r io.Reader, size int64) (*Inflater, error) {
	if z, ok := inflaters.Get().(io.ReadCloser); ok {
		if err := z.(zlib.Resetter).Reset(r, nil); err != nil {
			return nil, Unexpected(err)
		}
		return &Inflater{z, size}, nil
	}
	z, err := zlib.NewReader(r)
	if err != nil {
		return nil, Unexpected(err)
	}
	return &Inflater{z, size}, nil
}

func (i *Inflater) Read(p []byte) (int, error) {
	n, err := i.z.Read(p)
	i.Left -= int64(n)
	switch {
	case i.Left < 0:
		return 0, Malformed("an object is longer than it says")
	case errors.Is(err, io.EOF) && i.Left > 0:
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

func (i *Inflater) Close() error {
	if i.z != nil {
		inflaters.Put(i.z)
		i.z = nil
	}
	return nil
}

// sizes reads how a delta begins: the size of its base, and of what it makes.
func sizes(delta io.ByteReader) (base, result int64, err error) {
	one := func() (n int64) {
		for shift := 0; err == nil; shift += 7 {
			b, rerr := delta.ReadByte()
			if err = Unexpected(rerr); shift > 50 && err == nil {
				err = Malformed("a delta has no plausible size")
			}
			n |= int64(b&0x7f) << shift
			if b&0x80 == 0 {
				break
			}
		}
		return n
	}
	base, result = one(), one()
	if err == nil && (base > MaxObject || result > MaxObject) {
		err = Malformed("a delta makes %d bytes of %d, more than can be read", result, base)
	}
	return base, result, err
}

// patched reads what a delta makes of its base, without holding either whole.
type patched struct {
	base  content
	delta *bufio.Reader
	left  int64 // of the result
	part  io.Reader
}

// patch begins to apply a delta.
func patch(base content, delta *bufio.Reader) (*patched, error) {
	from, to, err := sizes(delta)
	if err == nil && from != base.size {
		err = Malformed("a delta is of %d bytes, and its base has %d", from, base.size)
	}
	return &patched{base: base, delta: delta, left: to}, err
}

func (p *patched) Read(b []byte) (int, error) {
	for {
		if p.part == nil {
			if p.left == 0 {
				return 0, p.end()
			}
			if err := p.step(); err != nil {
				return 0, Unexpected(err)
			}
		}
		n, err := p.part.Read(b)
		p.left -= int64(n)
		if errors.Is(err, io.EOF) {
			p.part, err = nil, nil
		}
		if n > 0 || err != nil || len(b) == 0 {
			return n, err
		}
	}
}

func (p *patched) end() error {
	if _, err := p.delta.ReadByte(); !errors.Is(err, io.EOF) {
		return errors.Join(Malformed("a delta goes on after its end"), err)
	}
	return io.EOF
}

// step reads one instruction: copy a part of the base, or insert what follows.
func (p *patched) step() error {
	op, err := p.delta.ReadByte()
	if err != nil {
		return err
	}
	if op == 0 {
		return Malformed("a delta has an unknown instruction")
	}
	if op&0x80 == 0 {
		p.part = &whole{r: p.delta, left: int64(op)}
		return p.room(int64(op))
	}
	var arg [7]byte
	for i := range arg {
		if op>>i&1 != 0 {
			if arg[i], err = p.delta.ReadByte(); err != nil {
				return err
			}
		}
	}
	at := int64(arg[0]) | int64(arg[1])<<8 | int64(arg[2])<<16 | int64(arg[3])<<24
	n := int64(arg[4]) | int64(arg[5])<<8 | int64(arg[6])<<16
	if n == 0 {
		n = 0x10000
	}
	if at+n > p.base.size {
		return Malformed("a delta copies from beyond its base")
	}
	p.part = io.NewSectionReader(p.base, at, n)
	return p.room(n)
}

func (p *patched) room(n int64) error {
	if n > p.left {
		return Malformed("a delta makes more than it says")
	}
	return nil
}

// whole reads so many bytes, or fails.
type whole struct {
	r    io.Reader
	left int64
}

func (w *whole) Read(b []byte) (int, error) {
	if w.left == 0 {
		return 0, io.EOF
	}
	n, err := w.r.Read(b[:min(int64(len(b)), w.left)])
	w.left -= int64(n)
	return n, Unexpected(err)
}
