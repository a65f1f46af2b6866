package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/records"
	"github.com/tfops/tfops/internal/testrig"
)

// filled is the content of a store with a few pages of every kind, and the
// ids of its runs.
func filled(t testing.TB) (content []byte, ids []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tfops.db")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		var batch []run.Run
		for j := range 5 {
			r := run.Run{Workspace: fmt.Sprintf("w%d-%d", i, j), Kind: run.Sync,
				Commit: run.Commit{SHA: "c", Message: strings.Repeat("m", 500)}}
			if j == 0 {
				r.Commit.Message = strings.Repeat("large ", 2000) // pages that continue
			}
			batch = append(batch, r)
		}
		created, _, err := s.Enqueue(t.Context(), run.Batch{Runs: batch})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range created {
			ids = append(ids, r.ID)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if content, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return content, ids
}

// refusedAsDamaged opens a file that holds content. It must be refused with
// what to do, or opened and read without a lie; it must never be changed.
func refusedAsDamaged(t *testing.T, name string, content []byte, must bool, ids []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tfops.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{true, false} {
		s, err := Open(path, Options{ReadOnly: readOnly})
		if err == nil {
			if must {
				t.Errorf("%s: opened", name)
			}
			parked, err := s.ParkedRecords(t.Context())
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if len(parked) > 0 && !readOnly { // said, and repaired
				s.Close()
				continue
			}
			readsTrue(t, name, s, ids)
			s.Close()
		} else if !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), path) ||
			!strings.Contains(err.Error(), "damaged") || !strings.Contains(fault.Next(err), "tfops recover") {
			t.Errorf("%s: refused without saying what to do: %v (%s)", name, err, fault.Next(err))
		}
		after, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(after, content) {
			t.Fatalf("%s: the file was changed (%v)", name, err)
		}
	}
}

// readsTrue holds what can be read of a store against what was written: all of
// it, or all but the last transaction, or an error; never other runs.
func readsTrue(t *testing.T, name string, s *Store, written []string) {
	t.Helper()
	runs, err := s.Runs(t.Context(), run.Query{})
	if err != nil {
		if fault.Next(err) == "" {
			t.Errorf("%s: a record cannot be read, and nothing says what to do: %v", name, err)
		}
		return
	}
	var got []string
	for _, r := range slices.Backward(runs) {
		got = append(got, r.ID)
	}
	if !slices.Equal(got, written) && !slices.Equal(got, written[:len(written)-5]) {
		t.Errorf("%s: opened with %d of %d runs", name, len(got), len(written))
	}
}

func TestTruncatedFilesAreRefused(t *testing.T) {
	content, ids := filled(t)
	if len(content) < 100<<10 {
		t.Fatalf("the sample has only %d bytes", len(content))
	}
	for n, step := 1, testrig.Every(t, 5)*(1+len(content)/150); n < len(content); n += step {
		refusedAsDamaged(t, fmt.Sprintf("cut off after %d of %d bytes", n, len(content)), content[:n],
			n < used(t, content), ids)
	}
	for _, n := range []int{4095, 4096, 8191, 8192, 8193, 16384, len(content) - 1} {
		refusedAsDamaged(t, fmt.Sprintf("cut off after %d of %d bytes", n, len(content)), content[:n],
			n < used(t, content), ids)
	}
}

// used is how much of the file bbolt has given out; the rest was reserved.
func used(t *testing.T, content []byte) (size int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "whole.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, Options{ReadOnly: true})
	if err := s.db.View(t.Context(), func(tx *records.Tx) error { size = int(tx.Size()); return nil }); err != nil {
		t.Fatal(err)
	}
	return size
}

func TestDamagedPagesAreRefused(t *testing.T) {
	content, ids := filled(t)
	page := os.Getpagesize()
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for at, step := 0, page*testrig.Every(t, 5); at < len(content); at += step {
		for _, damage := range []struct {
			name string
			do   func([]byte)
		}{
			{"zeroed", func(b []byte) { clear(b) }},
			{"all ones", func(b []byte) { fill(b, 0xff) }},
			{"garbage", func(b []byte) { garbage(b, random) }},
			{"its first half zeroed", func(b []byte) { clear(b[:len(b)/2]) }},
			{"its header garbage", func(b []byte) { garbage(b[:16], random) }},
			{"its elements garbage", func(b []byte) { garbage(b[16:200], random) }},
		} {
			broken := bytes.Clone(content)
			damage.do(broken[at : at+page])
			if bytes.Equal(broken, content) {
				continue
			}
			refusedAsDamaged(t, fmt.Sprintf("page %d %s", at/page, damage.name), broken, false, ids)
			refused++
		}
	}
	if least := 50 / testrig.Every(t, 5); refused < least {
		t.Errorf("only %d kinds of damage were tried", refused)
	}
	both := bytes.Clone(content)
	clear(both[:2*page])
	refusedAsDamaged(t, "both meta pages zeroed", both, true, ids)
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

func garbage(b []byte, random *rand.Rand) {
	for i := range b {
		b[i] = byte(random.Uint32())
	}
}

func TestWhatIsNoStoreIsRefused(t *testing.T) {
	content, _ := filled(t)
	random := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 64<<10)
	garbage(noise, random)
	for name, content := range map[string][]byte{
		"empty": {}, "one byte": {0}, "text": []byte("not a store\n"), "noise": noise, "zeros": make([]byte, 64<<10),
		"noise at the front":       append(bytes.Clone(noise[:8192]), content[8192:]...),
		"the store twice, shifted": append([]byte("x"), content...),
	} {
		refusedAsDamaged(t, name, content, true, nil)
	}

	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "precious"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, fifo} {
		if _, err := Open(path, Options{}); !fault.Is(err, fault.Invalid) || fault.Next(err) == "" ||
			!strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "precious")); err != nil {
		t.Error(err)
	}
}

// A file of another program, or of a schema that cannot be, is not touched.
func TestForeignFilesAreRefused(t *testing.T) {
	meta := func(value string) func(*records.Tx) error {
		return func(tx *records.Tx) error { return tx.Bucket(records.Meta).Put([]byte("schema"), []byte(value)) }
	}
	for _, c := range []struct {
		name   string
		change func(*records.Tx) error
		code   fault.Code
		says   string
	}{
		{"a newer schema", meta(fmt.Sprint(records.Schema + 1)), fault.Conflict, fmt.Sprintf("schema version %d",
			records.Schema+1)},
		{"a much newer schema", meta("2147483647"), fault.Conflict, "2147483647"},
		{"a schema that is negative", meta("-1"), fault.Internal, "schema version"},
		{"a schema that is no number", meta("one"), fault.Internal, "schema version"},
		{"a schema that is empty", meta(""), fault.Internal, "schema version"},
		{"a schema that is absent", func(tx *records.Tx) error {
			return tx.Bucket(records.Meta).Delete(
				[]byte("schema"))
		}, fault.Internal, "schema version"},
		{"another program's file", func(tx *records.Tx) error { return tx.DeleteBucket(records.Meta) }, fault.Invalid,
			"another program"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tfops.db")
			s, err := Open(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.db.Update(t.Context(), c.change); err != nil {
				t.Fatal(err)
			}
			s.Close()
			before, _ := os.ReadFile(path)
			for _, readOnly := range []bool{true, false} {
				_, err := Open(path, Options{ReadOnly: readOnly})
				if !fault.Is(err, c.code) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(),
					path) || fault.Next(err) == "" {
					t.Errorf("read-only %v: %s: %v (%s)", readOnly, fault.CodeOf(err), err, fault.Next(err))
				}
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(after, before) {
				t.Error("the file was changed")
			}
		})
	}
}

// Whatever is written over a file: it opens and tells no lie, or it is refused
// and left alone, and the process lives.
func FuzzDamage(f *testing.F) {
	content, ids := filled(f)
	f.Add(uint32(0), []byte{1}, false)
	f.Add(uint32(4096*3+8), []byte{0xff, 0xff, 0xff, 0xff}, false)
	f.Add(uint32(4096*5+16), []byte{0, 0, 0, 0, 0, 0, 0, 1}, true)
	f.Fuzz(func(t *testing.T, at uint32, patch []byte, cut bool) {
		broken := bytes.Clone(content)
		n := copy(broken[int(at)%len(broken):], patch)
		if cut {
			broken = broken[:int(at)%len(broken)+n]
		}
		if len(broken) == 0 || bytes.Contains(patch, []byte(`"`)) {
			return // within a record anything may be written that is a record
		}
		path := filepath.Join(t.TempDir(), "tfops.db")
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, Options{})
		if err == nil {
			defer s.Close()
			if runs, err := s.Runs(t.Context(), run.Query{}); err == nil && len(runs) > len(ids) {
				t.Errorf("opened with %d of %d runs", len(runs), len(ids))
			}
		} else if fault.Next(err) == "" {
			t.Errorf("refused without saying what to do: %v", err)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, broken) && (s == nil || !said(t, s)) {
			t.Errorf("the file was changed (%v)", err)
		}
	})
}

// said reports whether the store tells of what was wrong in its file.
func said(t testing.TB, s *Store) bool {
	t.Helper()
	parked, err := s.ParkedRecords(t.Context())
	if err != nil {
		t.Error(err)
	}
	return len(parked) > 0
}
