package mounts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/sandbox"
)

// Program is a file of the cell that can be executed.
type Program struct {
	Name    string
	Content []byte
}

// ErrGone says that something that was to be shown is no longer where it was: somebody removed or replaced it while
// the mounts were made. Another sight of what is there now can be made.
var ErrGone = errors.New("it was removed or replaced meanwhile")

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (%w)", err, ErrGone)
	}
	return err
}

// beforeMounts is called when all that is shown has been taken hold of: a test removes it then.
var beforeMounts func()

// Carry makes the mounts, in the mount namespace of the calling thread, and puts the programs into
// Room. Nothing can be written afterwards but what was given.
func Carry(all []Mount, programs ...Program) error {
	c := carrying{sources: map[int]int{}}
	defer c.close()
	// What is shown is taken hold of before anything hides it.
	for i, m := range all {
		if m.kind != read && m.kind != write && m.kind != private {
			continue
		}
		fd, err := unix.OpenTree(unix.AT_FDCWD, m.from, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
		if err != nil {
			return gone(failed("take hold of", m.from, err))
		}
		c.sources[i] = fd
	}
	if beforeMounts != nil {
		beforeMounts()
	}
	if err := c.freeze(); err != nil {
		return err
	}
	for i, m := range all {
		if err := c.make(i, m); err != nil {
			return err
		}
	}
	if err := c.programs(programs); err != nil {
		return err
	}
	for _, at := range c.made {
		if err := setattr(unix.AT_FDCWD, at, 0, unix.MOUNT_ATTR_RDONLY); err != nil {
			return failed("make read-only", at, err)
		}
	}
	return nil
}

type carrying struct {
	sources map[int]int
	made    []string // that are written to until all is there
}

func (c *carrying) close() {
	for _, fd := range c.sources {
		_ = unix.Close(fd)
	}
}

// freeze makes all that is there read-only, and keeps it from what is mounted elsewhere from now on.
func (c *carrying) freeze() error {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID, Propagation: unix.MS_PRIVATE}
	if err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &attr); err != nil {
		return failed("make read-only", "/", err)
	}
	return nil
}

func setattr(fd int, path string, flags uint, set uint64) error {
	return unix.MountSetattr(fd, path, flags, &unix.MountAttr{Attr_set: set})
}

func (c *carrying) make(i int, m Mount) error {
	switch m.kind {
	case link:
		return c.link(m)
	case hide:
		return c.hide(m)
	case devices:
		return c.tmpfs(m.at, "mode=0755", 0)
	case memory:
		if err := point(m); err != nil {
			return err
		}
		// memory that no process has
		return mount("tmpfs", m.at, "tmpfs", unix.MS_NODEV, "mode=1777,size=64m,nr_inodes=16k")
	case ptys:
		if err := point(m); err != nil {
			return err
		}
		return mount("devpts", m.at, "devpts", unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,max=64")
	}
	return c.show(c.sources[i], m)
}

func (c *carrying) link(m Mount) error {
	if _, err := os.Lstat(m.at); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(m.at), 0o755); err != nil {
		return err
	}
	return os.Symlink(m.from, m.at)
}

func (c *carrying) hide(m Mount) error {
	if _, err := os.Lstat(m.at); errors.Is(err, fs.ErrNotExist) {
		return nil // what lies above it is hidden
	}
	if m.dir {
		return c.tmpfs(m.at, "mode=0755", unix.MS_NOEXEC)
	}
	fd, err := unix.OpenTree(unix.AT_FDCWD, Nothing, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return failed("take hold of", Nothing, err)
	}
	defer unix.Close(fd)
	return move(fd, m.at)
}

func (c *carrying) tmpfs(at, options string, flags uintptr) error {
	if err := mount("tmpfs", at, "tmpfs", flags|unix.MS_NODEV, options); err != nil {
		return err
	}
	c.made = append(c.made, at)
	if at != "/dev" {
		return nil
	}
	if err := os.Mkdir(Room, 0o755); err != nil {
		return err
	}
	return os.WriteFile(Nothing, nil, 0)
}

// show puts what was taken hold of where it belongs.
func (c *carrying) show(fd int, m Mount) error {
	set := uint64(unix.MOUNT_ATTR_NOSUID)
	if m.kind == read {
		set |= unix.MOUNT_ATTR_RDONLY
	}
	if err := setattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, set); err != nil {
		return failed("set what can be done with", m.from, err)
	}
	if err := point(m); err != nil {
		return err
	}
	// The kernel mounts no file that has been unlinked.
	return gone(move(fd, m.at))
}

// point makes the place of a mount, where nothing is.
func point(m Mount) error {
	if _, err := os.Lstat(m.at); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if m.dir {
		return os.MkdirAll(m.at, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(m.at), 0o755); err != nil {
		return err
	}
	return os.WriteFile(m.at, nil, 0o600)
}

func (c *carrying) programs(programs []Program) error {
	for _, p := range programs {
		if err := os.WriteFile(filepath.Join(Room, p.Name), p.Content, 0o755); err != nil {
			return err
		}
	}
	return nil
}

func move(fd int, at string) error {
	return failed("mount at", at, unix.MoveMount(fd, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH))
}

func mount(source, at, kind string, flags uintptr, options string) error {
	return failed("mount a "+kind+" at", at, unix.Mount(source, at, kind, flags|unix.MS_NOSUID, options))
}

func failed(what, path string, err error) error {
	if err == nil {
		return nil
	}
	return &sandbox.Missing{Kind: sandbox.LacksMounts, Err: fmt.Errorf("%s %s: %w", what, path, err)}
}
