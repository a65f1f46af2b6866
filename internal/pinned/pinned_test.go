package pinned

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func pin(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"main.tf": "a", "sub/b.sh": "bb", "sub/deep/c": "", "odd\nname": "x"} {
		path := filepath.Join(Files(dir), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("main.tf", filepath.Join(Files(dir), "link")); err != nil {
		t.Fatal(err)
	}
	if err := Pin(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Whatever is done to a pinned directory is noticed, and each change of what a file
// says, or which files there are, has another digest.
func TestEveryChangeIsNoticed(t *testing.T) {
	at := func(dir, name string) string { return filepath.Join(Files(dir), name) }
	for name, tt := range map[string]struct {
		change func(dir string) error
		same   bool // the digest
	}{
		"written anew": {change: func(d string) error { return os.WriteFile(at(d, "main.tf"), []byte("b"), 0o644) }},
		"written anew, with its time put back": {change: func(d string) error {
			info, err := os.Stat(at(d, "main.tf"))
			if err != nil {
				return err
			}
			return errors.Join(os.WriteFile(at(d, "main.tf"), []byte("b"), 0o644),
				os.Chtimes(at(d, "main.tf"), info.ModTime(), info.ModTime()))
		}},
		"written as it was": {change: func(d string) error {
			return os.WriteFile(at(d, "main.tf"), []byte("a"), 0o644)
		}, same: true},
		"emptied":    {change: func(d string) error { return os.Truncate(at(d, "sub/b.sh"), 0) }},
		"removed":    {change: func(d string) error { return os.Remove(at(d, "sub/b.sh")) }},
		"one more":   {change: func(d string) error { return os.WriteFile(at(d, "sub/deep/more"), nil, 0o644) }},
		"executable": {change: func(d string) error { return os.Chmod(at(d, "sub/b.sh"), 0o755) }},
		"another link": {change: func(d string) error {
			return errors.Join(os.Remove(at(d, "link")), os.Symlink("sub/b.sh", at(d, "link")))
		}},
		"a copy in its place": {change: func(d string) error {
			return errors.Join(os.WriteFile(at(d, "x"), []byte("a"), 0o644), os.Rename(at(d, "x"), at(d, "main.tf")))
		}, same: true},
		"a directory moved": {change: func(d string) error { return os.Rename(at(d, "sub/deep"), at(d, "deep")) }},
		"all of it gone":    {change: func(d string) error { return os.RemoveAll(Files(d)) }},
		"no index": {change: func(d string) error { return os.Remove(filepath.Join(d, indexName)) },
			same: true},
		"half an index": {change: func(d string) error {
			info, err := os.Stat(filepath.Join(d, indexName))
			if err != nil {
				return err
			}
			return os.Truncate(filepath.Join(d, indexName), info.Size()-3)
		}, same: true},
		"an index that was cut between two entries": {change: func(d string) error { return cutIndex(d, 1) },
			same: true},
		"an index without any entry": {change: func(d string) error { return cutIndex(d, 1000) },
			same: true},
		"a flipped bit in the index": {change: func(d string) error {
			path := filepath.Join(d, indexName)
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[len(b)-2] ^= 1 // in a name
			return os.WriteFile(path, b, 0o600)
		}, same: true},
		"no word in the index": {change: func(d string) error { return os.Truncate(filepath.Join(d, indexName), 0) },
			same: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := pin(t)
			before, err := Digest(t.Context(), Files(dir))
			if err != nil {
				t.Fatal(err)
			}
			if err := Check(dir); err != nil {
				t.Fatalf("nothing was done: %v", err)
			}
			if err := tt.change(dir); err != nil {
				t.Fatal(err)
			}
			var changed *Changed
			if err := Check(dir); !errors.As(err, &changed) || Rebooted(err) {
				t.Fatalf("not noticed: %v", err)
			}
			after, err := Digest(t.Context(), Files(dir))
			if err != nil || (after == before) != tt.same {
				t.Fatalf("digest before %s, after %s, %v", before, after, err)
			}
		})
	}
}

// cutIndex takes the last entries from an index, as a disk may that loses its end.
func cutIndex(dir string, n int) error {
	path := filepath.Join(dir, indexName)
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	begin := 0
	for range 3 { // lines of the head
		begin += bytes.IndexByte(b[begin:], '\n') + 1
	}
	for ; n > 0 && len(b) > begin; n-- {
		last := bytes.LastIndexByte(b[:len(b)-1], 0) // between the numbers of the last entry and its name
		if last = bytes.LastIndexByte(b[:max(begin, last-entrySize)], 0) + 1; last < begin {
			last = begin
		}
		b = b[:last]
	}
	return os.WriteFile(path, b, 0o600)
}

func TestReadingChangesNothing(t *testing.T) {
	dir := pin(t)
	if _, err := os.ReadFile(filepath.Join(Files(dir), "main.tf")); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour) // of the directory above: who uses a pinned directory may note when
	if err := os.Chtimes(dir, later, later); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+"-moved"); err != nil {
		t.Fatal(err)
	}
	if err := Check(dir + "-moved"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir+"-moved", dir); err != nil {
		t.Fatal(err)
	}
}

// After a reboot the index says nothing of what a power cut did to the content.
func TestAnEarlierBoot(t *testing.T) {
	dir := pin(t)
	id, err := boot()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, indexName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(string(b), id, "00000000-0000-0000-0000-000000000000", 1)
	if err := os.WriteFile(path, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Check(dir); !Rebooted(err) {
		t.Fatalf("got %v", err)
	}
	if err := os.Truncate(filepath.Join(Files(dir), "main.tf"), 0); err != nil {
		t.Fatal(err)
	}
	if err := Check(dir); err == nil || Rebooted(err) {
		t.Fatalf("got %v", err)
	}
}

// What takes for ever to read is not read, and what is being read is left when the phase ends.
func TestDigestIsBounded(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "a", "large")
	if err := errors.Join(os.MkdirAll(filepath.Dir(large), 0o755), os.WriteFile(large, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{1 << 40, MostBytes + 1, 1<<63 - 4097} {
		if err := os.Truncate(large, size); err != nil {
			t.Logf("this file system has no file of %d bytes", size)
			continue
		}
		_, err := Digest(t.Context(), dir)
		var much *TooMuch
		if !errors.As(err, &much) || much.Path != large {
			t.Errorf("%d bytes: %v", size, err)
		}
		if err := Measure(t.Context(), dir, nil); !errors.As(err, &much) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if err := Measure(t.Context(), dir, func(rel string) bool { return rel == "a" }); err != nil {
			t.Errorf("it is skipped: %v", err)
		}
	}
	if err := os.Truncate(large, MostBytes); err != nil {
		t.Fatal(err)
	}
	ended := errors.New("ended")
	ctx, cancel := context.WithCancelCause(t.Context())
	reads := make(chan error)
	go func() {
		_, err := Digest(ctx, dir)
		reads <- err
	}()
	cancel(ended)
	if err := <-reads; !errors.Is(err, ended) {
		t.Errorf("it read on: %v", err)
	}
}
