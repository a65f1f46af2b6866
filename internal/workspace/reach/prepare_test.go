package reach

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tfops/tfops/internal/fault"
)

// mebibytes is a tree of n files of code, of a mebibyte each and all different.
func mebibytes(n int) fstest.MapFS {
	m := fstest.MapFS{}
	for i := range n {
		src := fmt.Sprintf("module \"m\" {\n  source = \"../m%d\"\n}\n# ", i)
		src += strings.Repeat("x", leastPrepared-len(src))
		m[fmt.Sprintf("d%d/main.tf", i)] = &fstest.MapFile{Data: []byte(src)}
	}
	return m
}

// TestPrepare: code is read in as many looks as it takes, nothing of it twice, and the graph has
// all of it in the end.
func TestPrepare(t *testing.T) {
	const files = 12
	over, cancel := context.WithCancel(t.Context())
	cancel() // every look is over at once
	tree, x := newHashes(mebibytes(files)), NewIndex()
	looks := 1
	for err := x.Prepare(over, tree); err != nil; err = x.Prepare(over, tree) {
		if !errors.Is(err, ErrLater) {
			t.Fatal(err)
		}
		if looks++; looks > files {
			t.Fatal("looks come to no end")
		}
	}
	if looks < 2 {
		t.Errorf("%d look read all: its time was over", looks)
	}
	if n := x.memory.parsed.Load(); n != files {
		t.Errorf("%d files were parsed, want %d", n, files)
	}
	g := x.Graph(tree, nil)
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	if n := x.memory.parsed.Load(); n != files {
		t.Errorf("the graph parsed %d files again", n-files)
	}
	if n := len(g.Calls()); n != files {
		t.Errorf("the graph has %d calls, want %d", n, files)
	}
	if x.prepared.root != nil || x.prepared.facts != nil {
		t.Error("what was read is held twice")
	}
}

// TestPrepareAnother: another tree begins anew, and a tree without hashes is left to the graph.
func TestPrepareAnother(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	x := NewIndex()
	if err := x.Prepare(over, newHashes(mebibytes(12))); !errors.Is(err, ErrLater) {
		t.Fatal(err)
	}
	small := newHashes(fstest.MapFS{"a/main.tf": {Data: []byte("module \"b\" {\n  source = \"../b\"\n}\n")}})
	if err := x.Prepare(over, small); err != nil {
		t.Fatalf("a small tree takes no second look: %v", err)
	}
	if err := x.Prepare(over, mebibytes(1)); err != nil {
		t.Error(err)
	}
}

// TestTooMuchCode: a tree with more code than anybody writes is refused, once and for all, and
// nothing of it is held; also where it was read to its end before that was known.
func TestTooMuchCode(t *testing.T) {
	for _, files := range []int{2, 9} {
		tree, x := newHashes(mebibytes(files)), NewIndex()
		x.most = leastPrepared * 3 / 2
		err := x.Prepare(t.Context(), tree)
		if errors.Is(err, ErrLater) || !fault.Is(err, fault.Invalid) || fault.Next(err) == "" {
			t.Fatalf("%d files: it answers %v", files, err)
		}
		if x.prepared.facts != nil {
			t.Error("what was read is held")
		}
		n := x.memory.parsed.Load()
		if again := x.Prepare(t.Context(), tree); again == nil || x.memory.parsed.Load() != n {
			t.Errorf("it is read again: %v", again)
		}
	}
}
