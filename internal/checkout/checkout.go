// Package checkout keeps the trees of commits as files, one for each commit, shared by
// all runs of it and never written again.
//
//	<dir>/<repository>/<commit>/files, index   the tree, pinned; see package pinned
//	<dir>/<repository>/<commit>/exported.json  what Git could not bring, after a line with its checksum
//	<dir>/<repository>/<commit>/shared         the files that another one can have links to, after such a line
//
// A checkout has links to the files that it has in common with one that is there. Their
// link counts and times of change tell nothing then, so those that were touched are read.
//
// A checkout is a cache: whatever is not as it was written is thrown away and made anew
// from the objects in the mirror. So nothing has to be waited for until it is on the
// disk, and a run that waits for weeks keeps no copy of what Git can give back.
package checkout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/pinned"
)

// Source gives the tree of a commit.
type Source interface {
	Export(ctx context.Context, sha, dst string, base trees.Base) (trees.Exported, error)
}

// Checkout is the tree of one commit on the disk.
type Checkout struct {
	Dir      string // pinned; see pinned.Files
	Exported trees.Exported
}

// Store makes checkouts and takes them away. It is safe for use by many goroutines;
// one process at a time may use a directory.
type Store struct {
	dir string

	mu      sync.Mutex
	used    map[string]time.Time // by directory: when it was asked for last
	exports map[string]*export   // by directory: those that are being made
}

// export is one that is being made, for all who ask.
type export struct {
	asking int // how many wait for it
	stop   context.CancelFunc
	done   chan struct{} // closed once it has ended
	made   Checkout
	err    error
}

// Open returns the checkouts below dir. It removes what an earlier process left half made.
func Open(dir string) *Store {
	half, _ := datafile.Glob(dir, "*/*"+halfMade+"*")
	for _, path := range half {
		_ = os.RemoveAll(path) // it is in nobody's way
	}
	return &Store{dir: dir, used: map[string]time.Time{}, exports: map[string]*export{}}
}

const (
	halfMade     = ".half-"
	exportedFile = "exported.json"
)

// Ensure returns the checkout of a commit, given by its full id. One that is there is
// compared with what was written, in about a microsecond a file; one that differs is
// made anew. Two that ask at once wait for one export.
func (s *Store) Ensure(ctx context.Context, repository string, src Source, sha string) (Checkout, error) {
	dir := s.Path(repository, sha)
	s.touch(dir)
	e := s.ask(ctx, src, sha, dir)
	select {
	case <-ctx.Done():
		s.leave(e)
		return Checkout{}, ctx.Err()
	case <-e.done:
		return e.made, e.err
	}
}

// ask joins the export of a directory, or begins one. It goes on for whoever else waits, so the end of
// its first asker is that asker's alone.
func (s *Store) ask(ctx context.Context, src Source, sha, dir string) *export {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.exports[dir] != nil {
		e := s.exports[dir]
		if e.asking > 0 {
			e.asking++
			return e
		}
		s.mu.Unlock() // nobody waited for it any more, so it was stopped
		<-e.done
		s.mu.Lock()
	}
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	e := &export{asking: 1, stop: stop, done: make(chan struct{})}
	s.exports[dir] = e
	go func() {
		e.made, e.err = s.ensure(own, src, sha, dir)
		stop()
		s.mu.Lock()
		delete(s.exports, dir)
		s.mu.Unlock()
		close(e.done)
	}()
	return e
}

// leave gives an export up. The last one to do so stops it, and waits until nothing is written any more:
// whoever asked may remove the directory.
func (s *Store) leave(e *export) {
	s.mu.Lock()
	e.asking--
	last := e.asking == 0
	s.mu.Unlock()
	if last {
		e.stop()
		<-e.done
	}
}

// Path is where the checkout of a commit lies, or would lie.
func (s *Store) Path(repository, sha string) string { return filepath.Join(s.dir, repository, sha) }

func (s *Store) touch(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[dir] = time.Now()
}

func (s *Store) ensure(ctx context.Context, src Source, sha, dir string) (Checkout, error) {
	have, err := read(dir)
	if err == nil && !have.Exported.Partial {
		return have, nil
	}
	partial := err == nil // a run may be at work in it
	if !partial {
		if err := os.RemoveAll(dir); err != nil {
			return Checkout{}, spaceFault(sha, err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return Checkout{}, spaceFault(sha, err)
	}
	half, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+halfMade+"*")
	if err != nil {
		return Checkout{}, spaceFault(sha, err)
	}
	defer os.RemoveAll(half) // of no effect once it was renamed
	x, err := src.Export(ctx, sha, pinned.Files(half), s.base(filepath.Dir(dir)))
	if err != nil {
		return Checkout{}, err
	}
	if partial {
		if same(x, have.Exported) {
			return have, nil // nothing more is to be had
		}
		// Open removes it
		if err := os.Rename(dir, fmt.Sprintf("%s%sold-%d", dir, halfMade, time.Now().UnixNano())); err != nil {
			return Checkout{}, spaceFault(sha, err)
		}
	}
	b, err := json.Marshal(x)
	if err == nil {
		err = writeSummed(filepath.Join(half, exportedFile), b)
	}
	if err == nil {
		err = writeShared(half, x.Files)
	}
	if err == nil {
		err = pinned.Pin(half)
	}
	if err == nil {
		err = os.Rename(half, dir)
	}
	if errors.Is(err, fs.ErrExist) { // another process, which is about to end, has made it meanwhile
		if have, rerr := read(dir); rerr == nil && same(x, have.Exported) {
			return have, nil
		}
	}
	if err != nil {
		return Checkout{}, spaceFault(sha, err)
	}
	return Checkout{Dir: dir, Exported: x}, nil
}

// same compares what two exports could not bring, as it is stored.
func same(a, b trees.Exported) bool {
	one, err := json.Marshal(a)
	other, oerr := json.Marshal(b)
	return err == nil && oerr == nil && bytes.Equal(one, other)
}

func spaceFault(sha string, err error) error {
	return fault.New(fault.Internal, "check the space and the rights of the data directory",
		"commit %s cannot be checked out: %w", sha, err)
}

// read is the checkout that is there, if it is what was written.
func read(dir string) (Checkout, error) {
	if err := renew(dir); err != nil {
		return Checkout{}, err
	}
	b, err := readSummed(filepath.Join(dir, exportedFile))
	if err != nil {
		return Checkout{}, err
	}
	c := Checkout{Dir: dir}
	return c, json.Unmarshal(b, &c.Exported)
}

// writeSummed writes a text after a line with its checksum.
func writeSummed(path string, text []byte) error {
	return datafile.Write(path, append([]byte(sum(text)), text...), 0o600)
}

// readSummed reads what writeSummed wrote, and refuses anything else.
func readSummed(path string) ([]byte, error) {
	b, err := datafile.Read(path, datafile.Large)
	if err != nil {
		return nil, err
	}
	head, text := b[:min(len(b), sumSize)], b[min(len(b), sumSize):]
	if string(head) != sum(text) {
		return nil, fmt.Errorf("%s is damaged", path)
	}
	return text, nil
}

// sum is a line before the text of a file, which tells whether all of it is there.
func sum(text []byte) string {
	return fmt.Sprintf("%08x\n", crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)))
}

const sumSize = 9

// Rest is how long a checkout stays that no run needs: the next commit, check or
// speculative plan often wants the same one.
const Rest = 15 * time.Minute

// Surplus moves aside, and returns, the directories of checkouts that nobody has asked
// for within Rest and that need does not want to keep. The caller removes them when
// nobody has to wait for that.
func (s *Store) Surplus(now time.Time, need func(repository, sha string) bool) ([]string, error) {
	repos, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var gone []string
	for _, repo := range repos {
		commits, rerr := os.ReadDir(filepath.Join(s.dir, repo.Name()))
		err = errors.Join(err, rerr)
		for _, c := range commits {
			dir := filepath.Join(s.dir, repo.Name(), c.Name())
			if strings.Contains(c.Name(), halfMade) || need(repo.Name(), c.Name()) || !s.rested(dir, now) {
				continue
			}
			away := fmt.Sprintf("%s%sgone-%d", dir, halfMade, now.UnixNano())
			if rerr := os.Rename(dir, away); rerr != nil {
				err = errors.Join(err, rerr)
				continue
			}
			gone = append(gone, away)
		}
	}
	return gone, err
}

// rested reports whether nobody has asked for a checkout for a while, and forgets it then.
func (s *Store) rested(dir string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.used[dir]) < Rest {
		return false
	}
	delete(s.used, dir)
	return true
}
