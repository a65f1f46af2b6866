package packs

import (
	"bytes"
	"crypto/sha1"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/testrig"
)

// noise is content that cannot be compressed, the same for the same seed.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = r.Read(b)
	return b
}

// gitPack has the git program make a pack of contents that differ little from
// each other, and returns it with their ids.
func gitPack(t testing.TB, contents [][]byte, args ...string) (raw []byte, ids []plumbing.Hash) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("NOT RUN: there is no git on PATH to make a pack")
	}
	dir := t.TempDir()
	git := func(stdin io.Reader, args ...string) []byte {
		cmd := exec.Command("git", append([]string{"-c", "core.bigFileThreshold=2g"}, args...)...)
		cmd.Dir, cmd.Stdin, cmd.Stderr = dir, stdin, os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return out
	}
	git(nil, "init", "-q", "--bare")
	var list strings.Builder
	for _, c := range contents {
		id := strings.TrimSpace(string(git(bytes.NewReader(c), "hash-object", "-w", "--stdin")))
		ids = append(ids, plumbing.NewHash(id))
		list.WriteString(id + " name\n")
	}
	return git(strings.NewReader(list.String()),
		append([]string{"pack-objects", "--stdout", "-q", "--depth=50", "--window=8"}, args...)...), ids
}

func stored(t testing.TB, raw []byte) (*Pack, string, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "m.git")
	if err := os.MkdirAll(Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	info, err := Write(t.Context(), dir, func(w io.Writer) error { _, err := w.Write(raw); return err })
	if err != nil {
		return nil, dir, err
	}
	p, err := Open(dir, info)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.File.Close() })
	return p, dir, nil
}

func blobOf(t testing.TB, p *Pack, id plumbing.Hash) []byte {
	t.Helper()
	obj, err := p.Get(id)
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	r, err := obj.Reader()
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	defer r.Close()
	raw, err := io.ReadAll(r)
	if err != nil || int64(len(raw)) != obj.Size() || obj.Type() != plumbing.BlobObject {
		t.Fatalf("%s: %d of %d bytes of a %s, %v", id, len(raw), obj.Size(), obj.Type(), err)
	}
	return raw
}

// TestPacksOfGit: whatever git packs, in whatever form, is read as it was:
// whole, as chains of deltas, and what is too large for memory.
func TestPacksOfGit(t *testing.T) {
	if !testrig.Long(t, "packs of many shapes") {
		return
	}
	var contents [][]byte
	for _, size := range []int{0, 1, 100, 70_000, MaxSmall - 1, MaxSmall + 1, 3 * MaxSmall} {
		first := noise(uint64(size), size)
		contents = append(contents, first)
		for i := range 4 { // each a little different from the one before
			next := append(append([]byte{}, first[:len(first)/2]...), noise(uint64(i), 50)...)
			first = append(next, first[len(first)/2:]...)
			contents = append(contents, first)
		}
	}
	huge := bytes.Repeat([]byte("all the same, "), 400_000) // a small delta makes much of little
	contents = append(contents, []byte("all the same, "), huge, append(huge[:len(huge):len(huge)], "end"...))
	for name, args := range map[string][]string{"offsets": {"--delta-base-offset"}, "references": nil} {
		t.Run(name, func(t *testing.T) {
			raw, ids := gitPack(t, contents, args...)
			p, dir, err := stored(t, raw)
			if err != nil {
				t.Fatal(err)
			}
			for round := range 2 { // the second one finds some of it in memory
				for i, id := range ids {
					if !bytes.Equal(blobOf(t, p, id), contents[i]) {
						t.Errorf("round %d: content %d is another one", round, i)
					}
				}
			}
			if out, err := exec.Command("git", "-C", dir, "verify-pack",
				filepath.Join("objects", "pack", p.Name+".idx")).CombinedOutput(); err != nil {
				t.Errorf("git does not accept the index: %v\n%s", err, out)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "objects", "pack", ".tmp-*")); err != nil ||
				len(left) > 0 {
				t.Errorf("left over: %v, %v", left, err)
			}

		})
	}
}

// TestBrokenPacks: a pack that is cut, changed, or says what cannot be is
// refused, and leaves nothing.
func TestBrokenPacks(t *testing.T) {
	contents := [][]byte{noise(1, 5000), append(noise(1, 5000), "x"...), []byte("small")}
	raw, _ := gitPack(t, contents, "--delta-base-offset")
	sealed := func(b []byte) []byte { // with a checksum that is right
		sum := sha1.Sum(b[:len(b)-20])
		return append(b[:len(b)-20:len(b)-20], sum[:]...)
	}
	cases := map[string][]byte{
		"cut":              raw[:len(raw)/2],
		"cut at the end":   raw[:len(raw)-1],
		"one byte":         raw[:1],
		"no pack":          sealed(append([]byte("JUNK"), raw[4:]...)),
		"too few objects":  sealed(append(append(append([]byte{}, raw[:8]...), 0, 0, 0, 1), raw[12:]...)),
		"too many objects": sealed(append(append(append([]byte{}, raw[:8]...), 0, 0, 0, 9), raw[12:]...)),
		"billions of them": sealed(append(append(append([]byte{}, raw[:8]...), 255, 255, 255, 255), raw[12:]...)),
		"base out of reach": sealed(append(append([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01"), 0x61, 0x7f),
			raw[len(raw)-40:]...)),
		"no base": sealed(append(append([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01\x71"), make([]byte, 20)...),
			append([]byte("\x78\x9c\x03\x00\x00\x00\x00\x01"), make([]byte, 20)...)...)),
	}
	for at := 12; at < len(raw)-20; at += max(1, len(raw)/40) {
		flipped := bytes.Clone(raw)
		flipped[at] ^= 0x10
		cases["flipped at "+string(rune('a'+at%26))+string(rune('a'+at/26%26))] = flipped
	}
	for name, b := range cases {
		_, dir, err := stored(t, b)
		if err == nil {
			t.Errorf("%s: it was stored", name)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*")); err != nil || len(left) > 0 {
			t.Errorf("%s: left over: %v, %v", name, left, err)
		}
	}
}

// FuzzPack: no bytes of a remote make the reader of packs panic or hang, and
// what it accepts can be read.
func FuzzPack(f *testing.F) {
	raw, _ := gitPack(f, [][]byte{noise(1, 300), append(noise(1, 300), "x"...), []byte("small")}, "--delta-base-offset")
	f.Add(raw[:len(raw)-20])
	f.Add([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01\x61\x05"))
	f.Fuzz(func(t *testing.T, b []byte) {
		sum := sha1.Sum(b)
		p, _, err := stored(t, append(b[:len(b):len(b)], sum[:]...))
		if err != nil || p == nil {
			return
		}
		p.HashesWithPrefix("00", func(plumbing.Hash) {})
		for _, names := range p.idx.Names {
			for ; len(names) >= 20; names = names[20:] {
				if _, err := p.Get(plumbing.Hash(names[:20])); err != nil {
					t.Errorf("an object that was indexed cannot be read: %v", err)
				}
			}
		}
	})
}
