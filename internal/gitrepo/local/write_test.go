package local

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/gitrepo/packs"
)

// TestPacksOfGitPackedAgain: what git packed is packed again without loss, and takes
// no more than it did.
func TestPacksOfGitPackedAgain(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("NOT RUN: there is no git on PATH to make a pack")
	}
	dir := t.TempDir()
	git := func(stdin io.Reader, args ...string) string {
		cmd := exec.Command("git", append([]string{"-c", "core.bigFileThreshold=2g"}, args...)...)
		cmd.Dir, cmd.Stdin, cmd.Stderr = dir, stdin, os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return strings.TrimSpace(string(out))
	}
	git(nil, "init", "-q", "--bare")
	var contents [][]byte
	var ids []plumbing.Hash
	var list strings.Builder
	add := func(c []byte) {
		id := git(bytes.NewReader(c), "hash-object", "-w", "--stdin")
		contents, ids = append(contents, c), append(ids, plumbing.NewHash(id))
		list.WriteString(id + " name\n")
	}
	for _, size := range []int{0, 1, 100, 70_000, packs.MaxSmall - 1, packs.MaxSmall + 1} {
		c := []byte(fmt.Sprintf("%*d", size, size))
		for i := range 4 { // each a little different from the one before
			c = append(append(c[:len(c)/2:len(c)/2], fmt.Sprint("line ", i, size)...), c[len(c)/2:]...)
			add(c)
		}
	}
	git(strings.NewReader(list.String()), "pack-objects", "-q", "--depth=50", "--window=8", "--delta-base-offset",
		filepath.Join(dir, "objects", "pack", "pack"))
	git(nil, "prune-packed", "-q")
	lib := OpenLibrary(filepath.Join(dir, "objects"))
	defer lib.Close()
	if len(lib.Packs) != 1 {
		t.Fatalf("%d packs", len(lib.Packs))
	}
	fresh := filepath.Join(t.TempDir(), "m.git")
	if err := os.MkdirAll(packs.Dir(fresh), 0o700); err != nil {
		t.Fatal(err)
	}
	info, err := packs.Write(t.Context(), fresh,
		func(w io.Writer) error { return Encode(t.Context(), w, lib, Walker{Found: ids}) })
	if err != nil {
		t.Fatal(err)
	}
	if was := lib.Packs[0].Size; info.Size > was+was/50+1000 {
		t.Errorf("packed again it has %d bytes instead of %d", info.Size, was)
	}
	p, err := packs.Open(fresh, info)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for i, id := range ids {
		obj, err := p.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := packs.ReadObject(obj); err != nil || !bytes.Equal(raw, contents[i]) {
			t.Errorf("content %d is another one: %v", i, err)
		}
	}
}
