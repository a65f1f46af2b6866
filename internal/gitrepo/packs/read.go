package packs

import (
	"bufio"
	"bytes"
	"container/list"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// link is one entry on the way from an object to the one that is stored whole.
type link struct {
	Head
	at int64
}

// chain lists the entries that an object is made of, from itself to the one
// that is stored whole, or to one that known has.
func (p *Pack) chain(at int64, known func(at int64) bool) ([]link, error) {
	var links []link
	for len(links) < maxChain {
		h, err := p.Head(at)
		if err != nil {
			return nil, err
		}
		links = append(links, link{h, at})
		switch {
		case !h.Delta() || known != nil && known(at):
			return links, nil
		case h.Kind == plumbing.OFSDeltaObject:
			at = h.Back
		default:
			var ok bool
			if at, ok = p.Find(h.Base); !ok {
				return nil, Malformed("the base %s of a delta is not there", h.Base)
			}
		}
	}
	return nil, Malformed("a chain of deltas does not end")
}

// Head reads how what begins at an offset is stored.
func (p *Pack) Head(at int64) (Head, error) {
	var raw [40]byte // the longest head has 30 bytes
	n, err := p.File.ReadAt(raw[:], at)
	if n == 0 {
		return Head{}, Unexpected(err)
	}
	return parseHead(bytes.NewReader(raw[:n]), at)
}

// stored reads what an entry stores: an object, or a delta.
func (p *Pack) stored(h Head) (*Inflater, error) {
	return Inflate(bufio.NewReaderSize(io.NewSectionReader(p.File, h.Data, p.Size-h.Data), 16<<10), h.Size)
}

// errLarge says that an object, or one that it is made of, is not for memory.
var errLarge = errors.New("the object is large")

// spillDir is where large contents are put for a moment.
func (p *Pack) spillDir() string {
	if p.foreign {
		return os.TempDir() // nothing is written where others' repositories are
	}
	return Dir(p.dir)
}

// small reads an object into memory.
func (p *Pack) small(at int64) (plumbing.ObjectType, []byte, error) {
	cached := func(at int64) bool { return bases.Has(baseKey{p.id, at}) }
	links, err := p.chain(at, cached)
	if err != nil {
		return 0, nil, err
	}
	last := links[len(links)-1]
	kind, raw, ok := bases.get(baseKey{p.id, last.at})
	if !ok {
		if last.Delta() { // it was pushed out of the cache in this very moment
			if links, err = p.chain(at, nil); err != nil {
				return 0, nil, err
			}
			last = links[len(links)-1]
		}
		if raw, err = p.smallStored(last.Head); err != nil {
			return 0, nil, err
		}
		kind = last.Kind
		bases.add(baseKey{p.id, last.at}, kind, raw)
	}
	for i := len(links) - 2; i >= 0; i-- {
		delta, err := p.smallStored(links[i].Head)
		if err != nil {
			return 0, nil, err
		}
		r, err := patch(content{ReaderAt: bytes.NewReader(raw), size: int64(len(raw))},
			bufio.NewReaderSize(bytes.NewReader(delta), 512))
		if err != nil {
			return 0, nil, err
		}
		if r.left > MaxSmall {
			return 0, nil, errLarge
		}
		if raw, err = ReadAll(r, r.left); err != nil {
			return 0, nil, err
		}
		bases.add(baseKey{p.id, links[i].at}, kind, raw)
	}
	return kind, raw, nil
}

func (p *Pack) smallStored(h Head) ([]byte, error) {
	if h.Size > MaxSmall {
		return nil, errLarge
	}
	r, err := p.stored(h)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return ReadAll(r, h.Size)
}

// ReadAll reads exactly that many bytes.
func ReadAll(r io.Reader, size int64) ([]byte, error) {
	raw := make([]byte, size)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, Unexpected(err)
	}
	if n, err := r.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) { // the checksum follows
		return nil, errors.Join(Malformed("an object is longer than it says"), err)
	}
	return raw, nil
}

// Large is an object that is read as a stream.
type Large struct {
	pack  *Pack
	hash  plumbing.Hash
	kind  plumbing.ObjectType
	bytes int64
	links []link
}

var errReadOnly = errors.New("objects of a mirror are read only")

func (l *Large) Hash() plumbing.Hash             { return l.hash }
func (l *Large) Type() plumbing.ObjectType       { return l.kind }
func (l *Large) Size() int64                     { return l.bytes }
func (l *Large) SetType(plumbing.ObjectType)     {}
func (l *Large) SetSize(int64)                   {}
func (l *Large) Writer() (io.WriteCloser, error) { return nil, errReadOnly }
func (l *Large) Reader() (io.ReadCloser, error)  { return l.pack.open(l.links) }
func (p *Pack) large(at int64) (_ *Large, err error) {
	links, err := p.chain(at, nil)
	if err != nil {
		return nil, err
	}
	l := &Large{pack: p, kind: links[len(links)-1].Kind, bytes: links[0].Size, links: links}
	if links[0].Delta() {
		r, err := p.stored(links[0].Head)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		if _, l.bytes, err = sizes(bufio.NewReaderSize(r, 64)); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// open reads an object as a stream. What it is made of is kept in a file
// meanwhile, if it is large.
func (p *Pack) open(links []link) (io.ReadCloser, error) {
	root, err := p.stored(links[len(links)-1].Head)
	if err != nil {
		return nil, err
	}
	if len(links) == 1 {
		return root, nil
	}
	s := newSpill(p.spillDir())
	base, err := s.keep(root, links[len(links)-1].Size)
	root.Close()
	for i := len(links) - 2; i >= 0 && err == nil; i-- {
		var delta *Inflater
		if delta, err = p.stored(links[i].Head); err != nil {
			break
		}
		var made *patched
		if made, err = patch(base, bufio.NewReader(delta)); err != nil {
			break
		}
		if i == 0 {
			return &stream{made, delta, s}, nil
		}
		before := base
		base, err = s.keep(made, made.left)
		delta.Close()
		if before.held > 0 {
			s.room += before.held
		}
	}
	return nil, errors.Join(err, s.Close())
}

// stream is a large object that is being read.
type stream struct {
	*patched
	inflated *Inflater
	spill    *spill
}

func (s *stream) Close() error { return errors.Join(s.inflated.Close(), s.spill.Close()) }

// Get reads an object that the pack has: into memory when it is small. What it
// returns is shared: read only.
func (p *Pack) Get(h plumbing.Hash) (plumbing.EncodedObject, error) {
	obj, err := p.Read(h)
	if err != nil {
		return nil, &Damage{What: fmt.Sprintf("object %s in %s", h, p.Name), Err: err}
	}
	return obj, nil
}

func (p *Pack) Read(h plumbing.Hash) (plumbing.EncodedObject, error) {
	at, ok := p.Find(h)
	if !ok {
		return nil, plumbing.ErrObjectNotFound
	}
	kind, raw, err := p.small(at)
	if errors.Is(err, errLarge) {
		l, err := p.large(at)
		if err != nil {
			return nil, err
		}
		l.hash = h
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	return &small{kind: kind, hash: h, raw: raw}, nil
}

// small is an object in memory.
type small struct {
	kind plumbing.ObjectType
	hash plumbing.Hash
	raw  []byte
}

func (s *small) Hash() plumbing.Hash             { return s.hash }
func (s *small) Type() plumbing.ObjectType       { return s.kind }
func (s *small) Size() int64                     { return int64(len(s.raw)) }
func (s *small) SetType(plumbing.ObjectType)     {}
func (s *small) SetSize(int64)                   {}
func (s *small) Writer() (io.WriteCloser, error) { return nil, errReadOnly }
func (s *small) Reader() (io.ReadCloser, error)  { return io.NopCloser(bytes.NewReader(s.raw)), nil }

// bases are contents that deltas were or will be applied to. All mirrors share
// them, so that memory stays bounded however many repositories there are.
var bases = &baseCache{room: 16 << 20, at: map[baseKey]*list.Element{}, order: list.New()}

type baseKey struct {
	pack uint64
	at   int64
}

type baseCache struct {
	mu    sync.Mutex
	room  int64
	at    map[baseKey]*list.Element
	order *list.List // newest first
}

type cachedBase struct {
	key  baseKey
	kind plumbing.ObjectType
	raw  []byte
}

func (c *baseCache) Has(k baseKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.at[k]
	return ok
}

func (c *baseCache) get(k baseKey) (plumbing.ObjectType, []byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.at[k]
	if !ok {
		return 0, nil, false
	}
	c.order.MoveToFront(e)
	b := e.Value.(cachedBase)
	return b.kind, b.raw, true
}

const cacheOverhead = 200 // bytes, of what lists a content

func (c *baseCache) add(k baseKey, kind plumbing.ObjectType, raw []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.at[k]; ok {
		return
	}
	c.at[k] = c.order.PushFront(cachedBase{k, kind, raw})
	for c.room -= int64(len(raw)) + cacheOverhead; c.room < 0; {
		e := c.order.Back()
		b := c.order.Remove(e).(cachedBase)
		delete(c.at, b.key)
		c.room += int64(len(b.raw)) + cacheOverhead
	}
}

// NewLarge is an object of which whoever embeds it has the content.
func NewLarge(id plumbing.Hash, kind plumbing.ObjectType, size int64) *Large {
	return &Large{hash: id, kind: kind, bytes: size}
}

// NewSmall is an object in memory.
func NewSmall(id plumbing.Hash, kind plumbing.ObjectType, raw []byte) plumbing.EncodedObject {
	return &small{kind: kind, hash: id, raw: raw}
}
