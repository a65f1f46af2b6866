package reach

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tfops/tfops/internal/fault"
)

// ErrLater says that the time for one look was over before all code was read.
var ErrLater = errors.New("there is more code than can be read in one look")

// Bounds of Prepare, in bytes. A mebibyte takes a second where somebody has made it slow to read.
const (
	// of one tree, of code that no other tree has; the largest public repositories have a tenth
	maxPrepared = 256 << 20
	// of one call, whatever its time: or it would go on for ever
	leastPrepared = 1 << 20
)

// prepared is what was read of one tree for the graph to come.
type prepared struct {
	tree  string // its hash
	facts []*facts
	root  *node // once all is read
	bytes int64
}

// maxRefused bounds how many trees are known to have too much code.
const maxRefused = 1000

// Prepare reads the code of a tree until ctx ends, for the graph that is to be made of it. With
// ErrLater some is left, and the next call for the same tree goes on there: whoever may push a
// branch has the code of others wait no longer than one such time. Any other error is why
// the tree is not read at all. A tree that does not tell the hash of its content is left to Graph.
func (x *Index) Prepare(ctx context.Context, tree fs.FS) error {
	hash := ""
	if h, ok := tree.(hashedTree); ok {
		hash, _ = h.TreeHash(".")
	}
	if hash == "" {
		return nil
	}
	x.mu.Lock()
	before, refused := x.prepared, x.refused[hash]
	x.mu.Unlock()
	if before.tree != hash {
		before = prepared{tree: hash}
	}
	if refused != nil || before.root != nil {
		return refused
	}
	s := newScan(tree, x.memory)
	s.bytes.Store(before.bytes)
	s.enough = func() bool {
		read := s.bytes.Load()
		return read > x.most || ctx.Err() != nil && read-before.bytes >= leastPrepared
	}
	root := s.root()
	err, now := s.err, prepared{tree: hash, facts: append(before.facts, s.used...), bytes: s.bytes.Load()}
	if err == nil {
		now.root = root
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case now.bytes > x.most && (err == nil || errors.Is(err, ErrLater)):
		err = fault.New(fault.Invalid, "remove what was generated, or have `branches` leave the branch out",
			"it holds more than %d MiB of code that is nowhere else in the repository", x.most>>20)
		if x.refused == nil || len(x.refused) >= maxRefused {
			x.refused = map[string]error{}
		}
		now, x.refused[hash] = prepared{}, err
	case err != nil && !errors.Is(err, ErrLater): // it may be readable the next time
		err = fmt.Errorf("its code cannot be read: %w", err)
	}
	x.prepared = now
	return err
}
