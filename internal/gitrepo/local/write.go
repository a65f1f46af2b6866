package local

import (
	"compress/zlib"
	"context"
	"crypto/sha1" //nolint:gosec // Git's own checksum
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"github.com/tfops/tfops/internal/gitrepo/packs"
)

const (
	maxDeltified = 512 << 10 // bytes; what is larger is stored as it is
	maxNear      = 30        // deltas of ours on deltas of ours
)

// packWriter writes a pack of objects that lie elsewhere. What is compressed
// there, whole or as a delta, is taken as it is; of the rest, what is small
// becomes a delta of what was at the same path before.
type packWriter struct {
	ctx   context.Context
	w     io.Writer
	lib   *Library
	list  map[plumbing.Hash]bool
	near  map[plumbing.Hash]plumbing.Hash
	depth map[plumbing.Hash]int // of what is not a delta of the source's: these never lead in a circle
	in    packs.Meter
	z     *zlib.Writer
}

// Encode writes a pack of objects of a library; nothing when there are none.
func Encode(ctx context.Context, w io.Writer, lib *Library, walk Walker) error {
	if len(walk.Found) == 0 {
		return nil
	}
	sum := sha1.New()
	p := &packWriter{ctx: ctx, w: io.MultiWriter(w, sum), lib: lib, list: map[plumbing.Hash]bool{},
		near: walk.near, depth: map[plumbing.Hash]int{}}
	p.z = zlib.NewWriter(p.w)
	for _, h := range walk.Found {
		p.list[h] = true
	}
	top := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(len(walk.Found)))
	if _, err := p.w.Write(top); err != nil {
		return err
	}
	for _, h := range walk.Found {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.object(h); err != nil {
			return fmt.Errorf("object %s: %w", h, err)
		}
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}

func (p *packWriter) object(id plumbing.Hash) error {
	at, found := place{}, false
	if at, found = p.lib.find(id); found {
		h, err := at.pack.Head(at.offset)
		if err != nil {
			return err
		}
		if h.Delta() {
			if base, ok := at.base(h); ok && p.list[base] {
				return p.copied(plumbing.REFDeltaObject, &base, at.pack, h)
			}
		} else if _, ok := p.near[id]; !ok || h.Size > maxDeltified {
			p.depth[id] = 0
			return p.copied(h.Kind, nil, at.pack, h)
		}
	}
	obj, err := p.lib.object(id)
	if err != nil {
		return err
	}
	if done, err := p.deltified(id, obj); done || err != nil {
		return err
	}
	p.depth[id] = 0
	r, err := obj.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	return p.entry(obj.Type(), nil, obj.Size(), r)
}

// deltified writes an object as a delta of the one that was at its path before,
// if that makes it smaller.
func (p *packWriter) deltified(id plumbing.Hash, obj plumbing.EncodedObject) (bool, error) {
	base, ok := p.near[id]
	depth, written := p.depth[base]
	if !ok || !written || depth >= maxNear || obj.Size() > maxDeltified {
		return false, nil
	}
	from, err := p.lib.object(base)
	if err != nil || from.Type() != obj.Type() || from.Size() > maxDeltified {
		return false, err
	}
	before, err := packs.ReadObject(from)
	if err != nil {
		return false, err
	}
	after, err := packs.ReadObject(obj)
	if err != nil {
		return false, err
	}
	delta := packfile.DiffDelta(before, after)
	if len(delta) >= len(after)/2 {
		return false, nil
	}
	p.depth[id] = depth + 1
	return true, p.entry(plumbing.REFDeltaObject, &base, int64(len(delta)), byteReader(delta))
}

// copied writes what another pack stores as it is stored there.
func (p *packWriter) copied(kind plumbing.ObjectType, base *plumbing.Hash, from *packs.Pack, h packs.Head) error {
	if err := p.head(kind, base, h.Size); err != nil {
		return err
	}
	p.in.Reset(io.NewSectionReader(from.File, h.Data, from.Size-h.Data), p.w)
	body, err := packs.Inflate(&p.in, h.Size)
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.Copy(io.Discard, stopped{p.ctx, body}); err != nil {
		return err
	}
	p.in.Sum()
	return p.in.Err
}

func (p *packWriter) entry(kind plumbing.ObjectType, base *plumbing.Hash, size int64, r io.Reader) error {
	if err := p.head(kind, base, size); err != nil {
		return err
	}
	p.z.Reset(p.w)
	n, err := io.Copy(p.z, stopped{p.ctx, r})
	if err == nil && n != size {
		err = fmt.Errorf("it has %d bytes instead of %d", n, size)
	}
	return errors.Join(err, p.z.Close())
}

func (p *packWriter) head(kind plumbing.ObjectType, base *plumbing.Hash, size int64) error {
	b := []byte{byte(kind)<<4 | byte(size&15)}
	for size >>= 4; size > 0; size >>= 7 {
		b[len(b)-1] |= 0x80
		b = append(b, byte(size&0x7f))
	}
	if base != nil {
		b = append(b, base[:]...)
	}
	_, err := p.w.Write(b)
	return err
}

// stopped is a reader that ends with a context.
type stopped struct {
	ctx context.Context
	r   io.Reader
}

func (s stopped) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}
