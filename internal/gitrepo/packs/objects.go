package packs

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
)

// ErrMalformed is an object that no Git writes. It came so from the remote:
// it is no damage of the mirror, and must not keep other branches from being
// fetched.
var ErrMalformed = errors.New("it is malformed")

const (
	MaxWhole  = 64 << 20 // of an object that is read into memory whole, in bytes
	MaxCommit = 16 << 20
)

// Content is the whole of an object, which must be of the kind.
func Content(h plumbing.Hash, obj plumbing.EncodedObject, kind plumbing.ObjectType) ([]byte, error) {
	if obj.Type() != kind {
		return nil, fmt.Errorf("object %s is a %s and not a %s: %w", h, obj.Type(), kind, ErrMalformed)
	}
	return ReadObject(obj)
}

// ReadObject reads an object whole, unless it is too large for that.
func ReadObject(obj plumbing.EncodedObject) ([]byte, error) {
	if obj.Size() > MaxWhole {
		return nil, fmt.Errorf("it has %d bytes, more than fit into memory: %w", obj.Size(), ErrMalformed)
	}
	r, err := obj.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var buf bytes.Buffer
	buf.Grow(int(obj.Size()))
	_, err = io.Copy(&buf, r)
	return buf.Bytes(), err
}

// Damage is a mirror that does not hold what it should.
type Damage struct {
	What string
	Err  error
}

func (d *Damage) Error() string {
	if d.Err != nil {
		return d.What + ": " + d.Err.Error()
	}
	return d.What
}
func (d *Damage) Unwrap() error { return d.Err }
