package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
)

// errMalformed is an object that no Git writes. It came so from the remote:
// it is no damage of the mirror, and must not keep other branches from being
// fetched.
var errMalformed = errors.New("it is malformed")

const (
	maxWhole  = 64 << 20 // of an object that is read into memory whole, in bytes
	maxCommit = 16 << 20
)

// contentOf is the whole of an object, which must be of the kind.
func contentOf(h plumbing.Hash, obj plumbing.EncodedObject, kind plumbing.ObjectType) ([]byte, error) {
	if obj.Type() != kind {
		return nil, fmt.Errorf("object %s is a %s and not a %s: %w", h, obj.Type(), kind, errMalformed)
	}
	return readObject(obj)
}

func readObject(obj plumbing.EncodedObject) ([]byte, error) {
	if obj.Size() > maxWhole {
		return nil, fmt.Errorf("it has %d bytes, more than fit into memory: %w", obj.Size(), errMalformed)
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

// damage is a mirror that does not hold what it should.
type damage struct {
	what string
	err  error
}

func (d *damage) Error() string {
	if d.err != nil {
		return d.what + ": " + d.err.Error()
	}
	return d.what
}
func (d *damage) Unwrap() error { return d.err }
