package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
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
//
// Where engines run as other users, they pass through the directory to what they are given, and through
// directories in it that are open to that: see package handover. Nobody sees names there.
func Listen(path, group string, passed bool) (*Socket, error) {
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
	if err := guardDirectory(filepath.Dir(path), filepath.Base(path), gid, passed); err != nil {
		return nil, cannot(path, group, err)
	}
	s := &Socket{path: path, group: group, gid: gid, arrivals: make(chan arrival), closed: make(chan struct{}),
		spare: make(chan *os.File, spares)}
	s.stock()
	if err := s.bind(); err != nil {
		return nil, cannot(path, group, err)
	}
	_, _ = userName(uint32(os.Geteuid())) // so that it is known, whatever happens to the user database
	return s, nil
}

func groupID(name string) (int, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, fault.New(fault.Invalid,
			"make the group, e.g. groupadd --system "+name+", or change socket_group in tfops.hcl",
			"the group %q of the socket cannot be found: %w", name, err)
	}
	return strconv.Atoi(g.Gid)
}

// checkOld refuses to replace anything but a socket of our own that nobody answers on.
func checkOld(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return cannot(path, "", err)
	case info.Mode().Type() != fs.ModeSocket:
		return fault.New(fault.Conflict, "move it away", "%s is in the way: the socket belongs there, and it is none",
			path)
	case ownerOf(info) != os.Geteuid():
		return fault.New(fault.Conflict, "remove it, if nobody needs it: rm "+path,
			"%s is in the way: it is a socket of another user (uid %d), and tfops replaces only its own", path,
			ownerOf(info))
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
	}
	if err == nil || !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Conflict, "stop the other process, or talk to it: tfops status",
			"another process holds the socket %s", path)
	}
	return nil
}

func ownerOf(info fs.FileInfo) int {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	return int(st.Uid)
}

// guardDirectory gives the data directory its mode and takes from everybody
// else what lies in it.
func guardDirectory(dir, socket string, gid int, passed bool) error {
	own := fs.FileMode(0o700)
	if passed {
		own = 0o711
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSticky != 0 {
		return fault.New(fault.Invalid, "give tfops a data_dir of its own in tfops.hcl",
			"%s is a directory that everybody shares", dir)
	}
	if err := os.Chmod(dir, own); err != nil { // closed while its contents are looked at
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
		if errors.Is(err, fs.ErrNotExist) ||
			err == nil && (e.Name() == socket || info.Mode().Type() == fs.ModeSymlink) {
			continue
		}
		keeps := fs.FileMode(0o700)
		if err == nil && info.IsDir() {
			keeps = own
		}
		if err == nil && info.Mode().Perm()&^keeps != 0 {
			err = os.Chmod(filepath.Join(dir, e.Name()), info.Mode().Perm()&keeps)
		}
		if err != nil {
			return err
		}
	}
	if err := os.Chown(dir, -1, gid); err != nil {
		return err
	}
	return os.Chmod(dir, 0o710|own)
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
		return fault.New(fault.Forbidden,
			"run tfops serve as the owner of the data directory and as a member of group "+
				group+", or change socket_group in tfops.hcl", "%w", err)
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Forbidden, "run tfops serve as the owner of the data directory", "%w", err)
	}
	return fault.New(fault.Unavailable, "look at the data directory and its disk", "%w", err)
}
