package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/tfops/tfops/internal/fault"
)

// maxPath is the longest path, in bytes, that a Unix socket can have on Linux.
const maxPath = 107

// Listen makes the socket at path, for the daemon's user alone or, with a
// group, for that Unix group's members too.
//
// The directory that holds the socket is the data directory. Alone, it is the
// owner's (0700). With a group it lets the group through (0710, nobody may
// list it) to the socket (0660); everything else in it stays the owner's, and
// what is open wider is tightened here.
//
// A socket that nobody answers on is replaced; one that somebody answers on is
// left alone. The socket is made in a directory of the owner's and then moved
// into its place, so there is no moment at which it is open wider than it
// should be, whatever the umask.
func Listen(path, group string) (net.Listener, error) {
	if longest := max(len(path), len(nest(path))); longest > maxPath {
		return nil, fault.New(fault.Invalid, "choose a shorter data_dir in tfops.hcl",
			"the path of the socket has %d bytes, and the system allows %d: %s", longest, maxPath, path)
	}
	gid := -1
	if group != "" {
		var err error
		if gid, err = groupID(group); err != nil {
			return nil, err
		}
	}
	if err := checkOld(path); err != nil {
		return nil, err
	}
	if err := guardDirectory(filepath.Dir(path), filepath.Base(path), gid); err != nil {
		return nil, cannot(path, group, err)
	}
	l, err := bind(path, gid)
	if err != nil {
		return nil, cannot(path, group, err)
	}
	return l, nil
}

func groupID(name string) (int, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, fault.New(fault.Invalid, "make the group, e.g. groupadd --system "+name+", or change socket_group in tfops.hcl",
			"the group %q of the socket cannot be found: %w", name, err)
	}
	return strconv.Atoi(g.Gid)
}

// checkOld refuses to replace anything but a socket that nobody answers on.
func checkOld(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return cannot(path, "", err)
	case info.Mode().Type() != fs.ModeSocket:
		return fault.New(fault.Conflict, "move it away", "%s is in the way: the socket belongs there, and it is none", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
	}
	if err == nil || !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Conflict, "stop the other process, or talk to it: tfops status", "another process holds the socket %s", path)
	}
	return nil
}

// guardDirectory gives the data directory its mode and takes from everybody
// else what lies in it.
func guardDirectory(dir, socket string, gid int) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSticky != 0 {
		return fault.New(fault.Invalid, "give tfops a data_dir of its own in tfops.hcl", "%s is a directory that everybody shares", dir)
	}
	if err := os.Chmod(dir, 0o700); err != nil { // closed while its contents are looked at
		return err
	}
	if gid < 0 {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && (e.Name() == socket || info.Mode().Type() == fs.ModeSymlink) {
			continue
		}
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			err = os.Chmod(filepath.Join(dir, e.Name()), info.Mode().Perm()&0o700)
		}
		if err != nil {
			return err
		}
	}
	if err := os.Chown(dir, -1, gid); err != nil {
		return err
	}
	return os.Chmod(dir, 0o710)
}

// nest is where the socket of a path is made. The name is short, since the
// path of a socket must be.
func nest(path string) string { return filepath.Join(filepath.Dir(path), ".sock", "s") }

// bind makes the socket with its final owner and mode, then moves it to path.
func bind(path string, gid int) (net.Listener, error) {
	tmp := nest(path)
	dir := filepath.Dir(tmp)
	if err := os.RemoveAll(dir); err != nil { // of a start that was cut short
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o700); err != nil { // the umask may have taken from it
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: tmp, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it would remove tmp; see socket.Close
	info, err := place(tmp, path, gid)
	if err != nil {
		l.Close()
		return nil, err
	}
	return &socket{UnixListener: l, path: path, info: info}, nil
}

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
	if err := os.Rename(tmp, path); err != nil {
		return nil, err
	}
	return os.Lstat(path)
}

// socket is a listener that knows where its file was moved to.
type socket struct {
	*net.UnixListener
	path string
	info fs.FileInfo
	once sync.Once
}

// Addr is where clients connect.
func (s *socket) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }

// Close stops listening and removes the file, unless another process has put
// its own there meanwhile.
func (s *socket) Close() error {
	s.once.Do(func() {
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.info) {
			os.Remove(s.path)
		}
	})
	return s.UnixListener.Close()
}

// cannot says what to do about an error of the system.
func cannot(path, group string, err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	err = fmt.Errorf("the socket %s cannot be made: %w", path, err)
	switch {
	case errors.Is(err, fs.ErrPermission) && group != "":
		return fault.New(fault.Forbidden, "run tfops serve as the owner of the data directory and as a member of group "+group+", or change socket_group in tfops.hcl", "%w", err)
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Forbidden, "run tfops serve as the owner of the data directory", "%w", err)
	}
	return fault.New(fault.Unavailable, "look at the data directory and its disk", "%w", err)
}
