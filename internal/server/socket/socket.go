// Package socket is the Unix socket that the API is served on: made so that nobody else
// ever gets in, made again where it was removed, and telling who connected.
package socket

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/fault"
)

// Socket is the listener of the API. It outlives its file: Restore makes the
// file again where somebody removed it, and what is connected stays connected.
type Socket struct {
	path  string
	group string
	gid   int // of group; -1 without one

	arrivals chan arrival
	closed   chan struct{}
	once     sync.Once

	mu      sync.Mutex
	current *net.UnixListener
	info    fs.FileInfo // of the file at path, as it was made

	spare chan *os.File // open for nothing but to be given up; see lend
}

// spares is how many people are let in while this process can open no more
// files: to see that, and what to do about it.
const spares = 8

// lend gives up a spare file, so that one more connection can be accepted;
// false when there is none. The connection gives it back when it ends.
func (s *Socket) lend() bool {
	select {
	case f := <-s.spare:
		return f.Close() == nil
	default:
		return false
	}
}

// stock opens spare files up to their number, as far as that is possible.
func (s *Socket) stock() {
	for len(s.spare) < spares {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return
		}
		select {
		case s.spare <- f:
		default:
			f.Close()
			return
		}
	}
}

// borrowed is a connection that was accepted in the place of a spare file.
type borrowed struct {
	*net.UnixConn
	back func()
}

func (b borrowed) Close() error {
	err := b.UnixConn.Close()
	b.back()
	return err
}

type arrival struct {
	conn net.Conn
	err  error
}

// nest is where the socket of a path is made. The name is short, since the
// path of a socket must be.
func nest(path string) string { return filepath.Join(filepath.Dir(path), ".sock", "s") }

// Restore makes the socket again where its file is not the one that was made,
// and tells whether it did. What lies at the path and is not ours stays: the
// error says what is in the way.
//
// The new listener is at work before its file appears at the path, and the old
// one, whose file is gone, takes only what had connected by then.
func (s *Socket) Restore() (made bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
		return false, nil
	default:
	}
	s.stock()
	now, err := os.Lstat(s.path)
	if err == nil && os.SameFile(now, s.info) {
		return false, nil
	}
	if err := checkOld(s.path); err != nil {
		return false, err
	}
	old := s.current
	if err := s.bind(); err != nil {
		return false, cannot(s.path, s.group, err)
	}
	// Nobody can connect to it any more; who did so before the file went is accepted.
	return true, old.SetDeadline(time.Now().Add(time.Second))
}

// bind makes the socket with its final owner and mode in a directory of its
// own, begins to listen, and puts it at its path.
func (s *Socket) bind() error {
	tmp := nest(s.path)
	dir := filepath.Dir(tmp)
	if err := os.RemoveAll(dir); err != nil { // of a start that was cut short
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o700); err != nil { // the umask may have taken from it
		return err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: tmp, Net: "unix"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false) // it would remove tmp; see Close
	info, err := place(tmp, s.path, s.gid)
	if err != nil {
		l.Close()
		return err
	}
	s.current, s.info = l, info
	go s.take(l)
	return nil
}

// place moves a socket to its path. An old socket of ours is replaced; what
// appears there in this very moment is not.
func place(tmp, path string, gid int) (fs.FileInfo, error) {
	mode := fs.FileMode(0o600)
	if gid >= 0 {
		mode = 0o660
		if err := os.Chown(tmp, -1, gid); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(tmp, mode); err != nil {
		return nil, err
	}
	move := os.Link // which refuses where something is
	if _, err := os.Lstat(path); err == nil {
		if err := checkOld(path); err != nil {
			return nil, err
		}
		move = os.Rename
	}
	if err := move(tmp, path); err != nil {
		return nil, err
	}
	return os.Lstat(path)
}

// take hands on what connects to one listener, until that is closed or replaced.
func (s *Socket) take(l *net.UnixListener) {
	defer l.Close()
	for {
		c, err := s.accept(l)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		select {
		case s.arrivals <- arrival{c, err}:
		case <-s.closed:
			if c != nil {
				c.Close()
			}
			return
		}
	}
}

// accept waits for a connection, if need be in the place of a spare file.
func (s *Socket) accept(l *net.UnixListener) (net.Conn, error) {
	c, err := l.AcceptUnix()
	if err == nil {
		return c, nil
	}
	if lack, ok := fault.LackOf(err); !ok || !lack.Own || !s.lend() {
		return nil, err
	}
	if c, err = l.AcceptUnix(); err != nil {
		s.stock()
		return nil, err
	}
	return borrowed{c, sync.OnceFunc(s.stock)}, nil
}

// Accept returns the next connection. An error that passes, as when too many
// files are open, is a net.Error that says so: the server waits a little longer
// after each.
func (s *Socket) Accept() (net.Conn, error) {
	select {
	case a := <-s.arrivals:
		return a.conn, explained(a.err)
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// explained says what to do about an error that passes once there is more of
// what the machine lacks, and lets it pass for one.
func explained(err error) error {
	l, ok := fault.LackOf(err)
	var cause net.Error
	if !ok || !errors.As(err, &cause) {
		return err
	}
	return lacking{cause, cause, l}
}

// lacking keeps what the server asks of an error: whether it passes.
type lacking struct {
	passing
	cause net.Error
	lack  fault.Lack
}

type passing interface {
	Timeout() bool
	Temporary() bool
}

func (l lacking) Error() string {
	return "nobody can connect: " + l.lack.What + "; " + l.lack.Next + ": " + l.cause.Error()
}
func (l lacking) Unwrap() error { return l.cause }

// Addr is where clients connect.
func (s *Socket) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }

// Close stops listening and removes the file, unless another process has put
// its own there meanwhile.
func (s *Socket) Close() error {
	var err error
	s.once.Do(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.info) {
			os.Remove(s.path)
		}
		close(s.closed)
		for s.lend() {
			continue
		}
		err = s.current.Close()
	})
	return err
}
