package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/records"
)

func enqueue(t testing.TB, s *Store, workspace string) run.Run {
	t.Helper()
	created, _, err := s.Enqueue(t.Context(), run.Batch{Runs: []run.Run{{Workspace: workspace, Kind: run.Sync}}})
	if err != nil {
		t.Fatal(err)
	}
	return created[0]
}

// lastTx is the number of the last transaction that was committed.
func lastTx(t testing.TB, s *Store) (id int) {
	t.Helper()
	if err := s.db.View(t.Context(), func(tx *records.Tx) error { id = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestNewFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tfops.db")
	if _, err := Open(path, Options{ReadOnly: true}); !fault.Is(err, fault.NotFound) || fault.Next(err) == "" {
		t.Errorf("reading a file that is not there: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("reading made %v", entries)
	}
	open(t, path, Options{})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "tfops.db" {
		t.Errorf("%v: the directory holds %v", err, entries)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v: the file has mode %v", err, info.Mode())
	}
	missing := filepath.Join(dir, "no", "such", "tfops.db")
	if _, err := Open(missing, Options{}); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(),
		missing) || fault.Next(err) == "" {
		t.Errorf("a directory that is not there: %v", err)
	}
	below := filepath.Join(path, "tfops.db")
	if _, err := Open(below, Options{}); !fault.Is(err, fault.Unavailable) || fault.Next(err) == "" {
		t.Errorf("a directory that is a file: %v", err)
	}
}

// A claim that chooses nothing happens again and again while a daemon is idle.
func TestClaimOfNothingWritesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tfops.db")
	s := open(t, path, Options{})
	enqueue(t, s, "net")
	tx := lastTx(t, s)
	before, _ := os.ReadFile(path)
	for range 10 {
		if _, ok, err := s.Claim(t.Context(), func(run.Queue) (string, func(*run.Tx) error) { return "", nil }); ok ||
			err != nil {
			t.Fatal(ok, err)
		}
	}
	for range 10 {
		if _, err := s.Change(t.Context(), "nosuch", nil); err == nil {
			t.Fatal("a run that does not exist was changed")
		}
	}
	if after, _ := os.ReadFile(path); lastTx(t, s) != tx || !bytes.Equal(after, before) {
		t.Error("the file was written")
	}
	enqueue(t, s, "db")
	if lastTx(t, s) != tx+1 {
		t.Errorf("a batch took %d transactions", lastTx(t, s)-tx)
	}
}

func TestBatchIsAllOrNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tfops.db"), Options{})
	old := enqueue(t, s, "net")
	// JSON has no such year
	bad := run.Run{Workspace: "db", Kind: run.Sync,
		Commit: run.Commit{Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}}
	_, _, err := s.Enqueue(t.Context(), run.Batch{Heads: map[string]string{"net": "lost"},
		Drifts: map[string]time.Time{"net": t0},
		Runs:   []run.Run{{Workspace: "net", Kind: run.Sync}, bad}})
	if err == nil {
		t.Fatal("a run that cannot be stored was stored")
	}
	if q, err := s.Queue(t.Context()); err != nil || q.Len() != 1 || q.List().Active[0].ID != old.ID ||
		q.Record("net").Head != "" || !q.Record("net").Drift.DueAt.IsZero() {
		t.Errorf("%v: a part of the batch was stored: %+v", err, q)
	}
	_, err = s.Change(t.Context(), old.ID, func(d *run.Tx) error {
		d.Follow(run.Sync, run.ByStale, "").Commit = bad.Commit
		return d.Move(run.Canceled, "", "")
	})
	if err == nil {
		t.Fatal("a run that follows and cannot be stored was stored")
	}
	if d, _, err := s.Load(t.Context(), old.ID); err != nil || d.Run.Status != run.Pending {
		t.Errorf("%v: the change was stored without the run that follows: %+v", err, d.Run)
	}
}

func TestPanicInADecisionLeavesTheStoreUsable(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tfops.db"), Options{})
	r := enqueue(t, s, "net")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = s.Change(t.Context(), r.ID, func(d *run.Tx) error { d.Run.Comment = "lost"; panic("a defect") })
	}()
	if d, _, err := s.Load(t.Context(), r.ID); err != nil || d.Run.Comment != "" {
		t.Errorf("%v: %+v", err, d.Run)
	}
	enqueue(t, s, "db")
}

func TestSecondOpenIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tfops.db")
	s := open(t, path, Options{})
	for _, o := range []Options{{Wait: time.Millisecond}, {Wait: time.Millisecond, ReadOnly: true}} {
		_, err := Open(path, o)
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(),
			"tfops serve") || fault.Next(err) == "" {
			t.Errorf("read-only %v: %v", o.ReadOnly, err)
		}
	}
	enqueue(t, s, "net")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	one, two := open(t, path, Options{ReadOnly: true}), open(t, path, Options{ReadOnly: true})
	for _, r := range []*Store{one, two} {
		if q, err := r.Queue(t.Context()); err != nil || q.Len() != 1 {
			t.Errorf("two readers: %v, %+v", err, q.List().Active)
		}
	}
	if _, _, err := one.Enqueue(t.Context(), run.Batch{Runs: []run.Run{{Workspace: "net"}}}); err == nil {
		t.Error("a reader wrote")
	}
	if _, err := Open(path, Options{Wait: time.Millisecond}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a writer beside readers: %v", err)
	}
}

// Many processes that start at once on an empty directory make one store.
func TestFirstOpensAtOnceMakeOneFile(t *testing.T) {
	for range 10 {
		path := filepath.Join(t.TempDir(), "tfops.db")
		var mu sync.Mutex
		var won []*Store
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				s, err := Open(path, Options{Wait: time.Millisecond})
				if err != nil {
					if !fault.Is(err, fault.Conflict) {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				won = append(won, s)
				mu.Unlock()
			})
		}
		all.Wait()
		if len(won) > 1 {
			t.Fatalf("%d processes hold the store", len(won))
		}
		for _, s := range won {
			enqueue(t, s, "net")
			s.Close()
		}
		again := open(t, path, Options{})
		if q, err := again.Queue(t.Context()); err != nil || q.Len() != len(won) {
			t.Errorf("%v: what the first one wrote is gone: %+v", err, q.List().Active)
		}
	}
}

// A process that waits for the file while its owner compacts it must not end
// up with the old one, which nobody reads any more.
func TestWhoWaitsForACompactedFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tfops.db")
	s := open(t, path, Options{})
	enqueue(t, s, "net")
	before := openHere(t, path)
	refused := make(chan error, 1)
	go func() {
		other, err := Open(path, Options{Wait: time.Minute})
		if err == nil {
			other.Close()
		}
		refused <- err
	}()
	for openHere(t, path) == before { // until the other has it open and waits
		runtime.Gosched()
	}
	if err := s.file.Rewrite(); err != nil {
		t.Fatal(err)
	}
	if err := <-refused; !fault.Is(err, fault.Conflict) {
		t.Errorf("it got the file that was replaced: %v", err)
	}
	if _, err := Open(path, Options{Wait: time.Millisecond}); !fault.Is(err, fault.Conflict) {
		t.Errorf("the compacted file is not held: %v", err)
	}
}

// openHere counts the descriptors of this process on a file that wait for it or
// hold it; those that only look are gone in a moment.
func openHere(t *testing.T, path string) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil || target != path {
			continue
		}
		info, err := os.ReadFile("/proc/self/fdinfo/" + e.Name())
		if err != nil {
			continue // closed meanwhile
		}
		for line := range strings.Lines(string(info)) {
			if octal, ok := strings.CutPrefix(line, "flags:"); ok && strings.HasSuffix(strings.TrimSpace(octal), "2") {
				n++ // for reading and writing
			}
		}
	}
	return n
}

func TestPermissionDenied(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tfops.db")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	before, _ := os.ReadFile(path)
	closed := t.TempDir()
	for d, mode := range map[string]os.FileMode{closed: 0o555, dir: 0o755, filepath.Dir(dir): 0o755} {
		if err := os.Chmod(d, mode); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() != 0 {
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
	}
	asNobody(t, func() {
		for _, readOnly := range []bool{false, true} {
			if _, err := Open(path, Options{ReadOnly: readOnly}); !fault.Is(err, fault.Forbidden) ||
				!errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), path) || fault.Next(err) == "" {
				t.Errorf("read-only %v: %v", readOnly, err)
			}
		}
		if _, err := Open(filepath.Join(closed, "tfops.db"), Options{}); !fault.Is(err, fault.Unavailable) ||
			!strings.Contains(fault.Next(err), "writable") {
			t.Errorf("a directory that cannot be written: %v", err)
		}
	})
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(after, before) {
		t.Error("the file was changed")
	}
}

// asNobody runs fn as a user who owns nothing. Root does so on one thread of
// its own, which ends with it.
func asNobody(t *testing.T, fn func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		fn()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread is not used again
		const nobody = 65534
		for _, call := range []uintptr{syscall.SYS_SETFSGID, syscall.SYS_SETFSUID} {
			_, _, _ = syscall.RawSyscall(call, nobody, 0, 0)
		}
		if now, _, _ := syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0); now != nobody {
			t.Errorf("cannot become nobody: still %d", now)
			return
		}
		fn()
	}()
	<-done
}

// three are runs that are stored together.
func three(name string) (b run.Batch) {
	for i := range 3 {
		b.Runs = append(b.Runs, run.Run{Workspace: fmt.Sprintf("%s-%d", name, i), Kind: run.Sync,
			Comment: strings.Repeat("x", 400)})
	}
	return b
}

func TestBackupWhileWriting(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tfops.db"), Options{})
	var mu sync.Mutex
	committed := map[string]bool{}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				created, _, err := s.Enqueue(t.Context(), three(fmt.Sprintf("w%d-%d", w, i)))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, r := range created {
					committed[r.ID] = true
				}
				mu.Unlock()
			}
		})
	}
	for n := range 15 {
		mu.Lock()
		before := make([]string, 0, len(committed))
		for id := range committed {
			before = append(before, id)
		}
		mu.Unlock()
		path := filepath.Join(t.TempDir(), "copy.db")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Backup(t.Context(), f), f.Close()); err != nil {
			t.Fatal(err)
		}
		c := open(t, path, Options{})
		runs, err := c.Runs(t.Context(), run.Query{})
		if err != nil || len(runs)%3 != 0 {
			t.Errorf("copy %d: %v, %d runs: a part of a batch", n, err, len(runs))
		}
		for _, id := range before {
			if _, _, err := c.Load(t.Context(), id); err != nil {
				t.Errorf("copy %d: %v", n, err)
			}
		}
		enqueue(t, c, "after the restore")
	}
	close(stop)
	writers.Wait()
}

// Whoever takes a backup slowly, or not at all, holds nobody up, also when the file has to
// grow meanwhile, which waits for all who read it.
func TestBackupToNobody(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tfops.db"), Options{})
	enqueue(t, s, "net")
	r, w := io.Pipe()
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.Backup(t.Context(), &first{w: w, begun: begun}) }()
	<-begun
	if n := stats(t, s).OpenTxN; n != 0 { // one would hold up a file that outgrows its mapping
		t.Errorf("%d transactions are open while a client takes the copy", n)
	}
	var before, after int64
	for _, size := range []*int64{&before, &after} {
		info, err := os.Stat(s.file.Path())
		if err != nil {
			t.Fatal(err)
		}
		*size = info.Size()
		for i := range 100 {
			if _, _, err := s.Enqueue(t.Context(),
				run.Batch{Runs: []run.Run{{Workspace: fmt.Sprint(i), Kind: run.Plan,
					Comment: strings.Repeat("x", 200<<10)}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if after <= before {
		t.Fatalf("the file did not grow: %d, %d", before, after)
	}
	select {
	case err := <-ended:
		t.Fatal("the backup ended before anybody read it", err)
	default:
	}
	r.Close()
	w.Close()
	if err := <-ended; err == nil {
		t.Error("a backup that nobody took succeeded")
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(s.file.Path()), ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// first tells of the first write.
type first struct {
	w     io.Writer
	begun chan struct{}
}

func (f *first) Write(b []byte) (int, error) {
	if f.begun != nil {
		close(f.begun)
		f.begun = nil
	}
	return f.w.Write(b)
}

func TestBackupThatCannotBeWritten(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tfops.db"), Options{})
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	if err := s.Backup(t.Context(), full); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a backup to a full disk: %v", err)
	}
	enqueue(t, s, "net")
}
