package checkout

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/pinned"
)

// source counts exports of a tree.
type source struct {
	exports atomic.Int64
	gate    chan struct{} // an export says by it that it has begun, and waits for it then
	err     error
}

func (s *source) Export(_ context.Context, sha, dst string, _ trees.Base) (trees.Exported, error) {
	s.exports.Add(1)
	if s.gate != nil {
		<-s.gate
		<-s.gate
	}
	if s.err != nil {
		return trees.Exported{}, s.err
	}
	return trees.Exported{Submodules: []string{"sub"}},
		os.CopyFS(dst, fstest.MapFS{"main.tf": {Data: []byte(sha), Mode: 0o644}})
}

func TestOneExportForAll(t *testing.T) {
	s, src := Open(t.TempDir()), &source{gate: make(chan struct{})}
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			c, err := s.Ensure(t.Context(), "infra", src, "abc")
			if err != nil || len(c.Exported.Submodules) != 1 {
				t.Errorf("%+v %v", c, err)
			}
		})
	}
	src.gate <- struct{}{} // somebody waits for it by now
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Ensure(gone, "infra", src, "abc"); !errors.Is(err, context.Canceled) {
		t.Errorf("who does not wait any more is told %v", err)
	}
	close(src.gate)
	asking.Wait()
	again, err := Open(s.dir).Ensure(t.Context(), "infra", src, "abc") // another process
	if n := src.exports.Load(); err != nil || n != 1 || len(again.Exported.Submodules) != 1 {
		t.Fatalf("%d exports, %+v, %v", n, again, err)
	}
}

// A daemon that is about to end may make the same checkout as the next one.
func TestTwoProcessesMakeOne(t *testing.T) {
	dir := t.TempDir()
	one, other := Open(dir), Open(dir)
	first, second := &source{gate: make(chan struct{})}, &source{gate: make(chan struct{})}
	type made struct {
		c   Checkout
		err error
	}
	ensured := make(chan made, 2)
	for s, src := range map[*Store]*source{one: first, other: second} {
		go func() {
			c, err := s.Ensure(t.Context(), "infra", src, "abc")
			ensured <- made{c, err}
		}()
	}
	for range 2 { // both have found none, and then both export
		for _, src := range []*source{first, second} {
			src.gate <- struct{}{}
		}
	}
	for range 2 {
		if m := <-ensured; m.err != nil || Check(m.c.Dir) != nil {
			t.Errorf("%+v", m)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*", "*"+halfMade+"*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWhatIsDamagedIsMadeAnew(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"a file":       func(d string) error { return os.Truncate(filepath.Join(pinned.Files(d), "main.tf"), 0) },
		"all files":    func(d string) error { return os.RemoveAll(pinned.Files(d)) },
		"the index":    func(d string) error { return os.Truncate(filepath.Join(d, "index"), 0) },
		"what is said": func(d string) error { return os.Truncate(filepath.Join(d, exportedFile), 0) },
		"nothing is said any more": func(d string) error {
			return os.WriteFile(filepath.Join(d, exportedFile), []byte("{}"),
				0o600)
		},
		"something else is said": func(d string) error {
			path := filepath.Join(d, exportedFile)
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			i := bytes.Index(b, []byte("ubmodules"))
			b[i] ^= 1 // a name that nobody knows is no error of JSON
			return os.WriteFile(path, b, 0o600)
		},
		"all of it": os.RemoveAll,
	} {
		t.Run(name, func(t *testing.T) {
			s, src := Open(t.TempDir()), &source{}
			c, err := s.Ensure(t.Context(), "infra", src, "abc")
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(c.Dir); err != nil {
				t.Fatal(err)
			}
			c, err = s.Ensure(t.Context(), "infra", src, "abc")
			if err != nil || len(c.Exported.Submodules) != 1 {
				t.Fatalf("%+v %v", c, err)
			}
			if b, _ := os.ReadFile(filepath.Join(pinned.Files(c.Dir), "main.tf")); string(b) != "abc" {
				t.Fatalf("the file holds %q", b)
			}
		})
	}
}

// sometimes is a source whose submodules may be had later.
type sometimes struct {
	source
	missing []trees.MissingSubmodule
}

func (s *sometimes) Export(ctx context.Context, sha, dst string, base trees.Base) (trees.Exported, error) {
	_, err := s.source.Export(ctx, sha, dst, base)
	return trees.Exported{Missing: s.missing, Partial: len(s.missing) > 0}, err
}

// TestWhatIsPartIsAskedForAgain: and is not taken from under who reads it as long
// as nothing more is to be had.
func TestWhatIsPartIsAskedForAgain(t *testing.T) {
	s, src := Open(t.TempDir()), &sometimes{missing: []trees.MissingSubmodule{{Path: "sub", Why: "cannot be fetched",
		Passing: true}}}
	first, err := s.Ensure(t.Context(), "infra", src, "abc")
	if err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(pinned.Files(first.Dir))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	before, err := open.Stat()
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Ensure(t.Context(), "infra", src, "abc")
	now, serr := os.Stat(pinned.Files(again.Dir))
	if err != nil || serr != nil || !os.SameFile(before, now) || len(again.Exported.Missing) != 1 ||
		src.exports.Load() != 2 {
		t.Fatalf("%+v, %v, %v, %d exports", again, err, serr, src.exports.Load())
	}
	src.missing = nil
	whole, err := s.Ensure(t.Context(), "infra", src, "abc")
	if err != nil || whole.Exported.Partial {
		t.Fatalf("%+v, %v", whole, err)
	}
	if names, err := open.Readdirnames(-1); err != nil || len(names) == 0 {
		t.Errorf("a tree in use was removed: %v, %v", names, err)
	}
	if _, err := s.Ensure(t.Context(), "infra", src, "abc"); err != nil || src.exports.Load() != 3 {
		t.Errorf("%d exports, %v", src.exports.Load(), err)
	}
}

func TestAFailedExportLeavesNothing(t *testing.T) {
	s, src := Open(t.TempDir()), &source{err: errors.New("no")}
	if _, err := s.Ensure(t.Context(), "infra", src, "abc"); !errors.Is(err, src.err) {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Join(s.dir, "infra")); len(left) > 0 {
		t.Fatalf("left: %v", left)
	}
}

func TestSurplus(t *testing.T) {
	s, src := Open(t.TempDir()), &source{}
	for _, sha := range []string{"needed", "fresh", "old"} {
		if _, err := s.Ensure(t.Context(), "infra", src, sha); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now().Add(2 * Rest)
	s.used[filepath.Join(s.dir, "infra", "fresh")] = now
	gone, err := s.Surplus(now, func(_, sha string) bool { return sha == "needed" })
	if err != nil || len(gone) != 1 {
		t.Fatalf("%v %v", gone, err)
	}
	for sha, want := range map[string]bool{"needed": true, "fresh": true, "old": false} {
		if _, err := os.Stat(filepath.Join(s.dir, "infra", sha)); (err == nil) != want {
			t.Errorf("%s is there: %t", sha, err == nil)
		}
	}
	if again, err := s.Surplus(now, func(string, string) bool { return true }); err != nil || len(again) > 0 {
		t.Fatalf("%v %v", again, err)
	}
	Open(s.dir) // a daemon that ended before it removed them
	if _, err := os.Stat(gone[0]); !os.IsNotExist(err) {
		t.Fatal("what was moved aside is left:", err)
	}
}

// waiting is a source that exports until it is stopped, and says when it begins.
type waiting struct {
	began chan struct{}
	ended atomic.Bool
}

func (w *waiting) Export(ctx context.Context, _, dst string, _ trees.Base) (trees.Exported, error) {
	if err := os.MkdirAll(dst, 0o700); err != nil {
		return trees.Exported{}, err
	}
	close(w.began)
	<-ctx.Done()
	w.ended.Store(true)
	return trees.Exported{}, ctx.Err()
}

// An export goes on for whoever else waits. The last one who gives it up finds it ended, with nothing
// left of it, and whoever comes then gets one of their own.
func TestWhoGivesAnExportUp(t *testing.T) {
	s, src := Open(t.TempDir()), &waiting{began: make(chan struct{})}
	dir := s.Path("infra", "abc")
	one := s.ask(t.Context(), src, "abc", dir)
	<-src.began
	if two := s.ask(t.Context(), src, "abc", dir); two != one {
		t.Fatal("two exports of one commit")
	}
	s.leave(one)
	if src.ended.Load() {
		t.Fatal("it was stopped although somebody waits for it")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Ensure(gone, "infra", src, "abc"); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	s.leave(one)
	if !src.ended.Load() {
		t.Fatal("it goes on although nobody waits for it")
	}
	if left, err := filepath.Glob(dir + "*"); err != nil || len(left) > 0 {
		t.Errorf("left is %q, %v", left, err)
	}
	if _, err := s.Ensure(t.Context(), "infra", &source{}, "abc"); err != nil {
		t.Error(err)
	}
}
