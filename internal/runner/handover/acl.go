package handover

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// What is given to a workspace for writing is somebody else's directory, whose owner, group and rights stay as they
// are. So the workspace's user gets an entry of its own in the access lists there (acl(5)), also in those by which
// what is made there later begins.

// names of the lists, as attributes of a file.
const (
	accessList  = "system.posix_acl_access"
	defaultList = "system.posix_acl_default"
)

// Tags of entries, in the order of a list.
const (
	tagOwner = 1
	tagUser  = 2
	tagGroup = 4
	tagNamed = 8
	tagMask  = 16
	tagOther = 32
)

const (
	listVersion = 2
	entrySize   = 8
	nobodyAt    = 0xffffffff // where an entry names nobody
	mayAll      = 7
	mayWrite    = 6
)

type entry struct {
	tag, may uint16
	id       uint32
}

type list []entry

func parseList(b []byte) (list, error) {
	if len(b) < 4 || (len(b)-4)%entrySize != 0 || binary.LittleEndian.Uint32(b) != listVersion {
		return nil, errors.New("its access list is of another kind")
	}
	var l list
	for b = b[4:]; len(b) > 0; b = b[entrySize:] {
		l = append(l, entry{binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:]),
			binary.LittleEndian.Uint32(b[4:])})
	}
	return l, nil
}

func (l list) bytes() []byte {
	b := binary.LittleEndian.AppendUint32(nil, listVersion)
	for _, e := range l {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.may)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b
}

// ofMode is the list that says what a mode says.
func ofMode(mode uint32) list {
	return list{{tagOwner, uint16(mode >> 6 & mayAll), nobodyAt}, {tagGroup, uint16(mode >> 3 & mayAll), nobodyAt},
		{tagOther, uint16(mode & mayAll), nobodyAt}}
}

// with is the list with what a user may. The mask bounds what users and groups may that it names: what a group could
// not do because of it, it cannot do afterwards.
func (l list) with(uid uint32, may uint16) list {
	var out list
	mask := uint16(mayAll)
	for _, e := range l {
		if e.tag == tagMask {
			mask = e.may
		}
	}
	for _, e := range l {
		switch {
		case e.tag == tagMask, e.tag == tagUser && e.id == uid:
			continue
		case e.tag == tagUser, e.tag == tagGroup, e.tag == tagNamed:
			e.may &= mask
		}
		out = append(out, e)
	}
	out = append(out, entry{tagUser, may, uid}, entry{tagMask, mayAll, nobodyAt})
	slices.SortStableFunc(out, func(a, b entry) int {
		if a.tag != b.tag {
			return int(a.tag) - int(b.tag)
		}
		return int(int64(a.id) - int64(b.id))
	})
	return out
}

// Grant lets a user write to what lies at a path and below it, and to what is made there later. What others do there
// meanwhile leads it nowhere else. What lies in the directory except is left out.
func Grant(path string, uid int, except string) error {
	f, err := os.OpenFile(path, unix.O_PATH|unix.O_CLOEXEC, 0) // the path itself may lead over links
	if err != nil {
		return err
	}
	g := granting{uid: uid}
	_ = unix.Stat(except, &g.except) // what is not there need not be left out
	return g.grant(f)
}

type granting struct {
	uid    int
	except unix.Stat_t
}

// grant closes f.
func (g granting) grant(f *os.File) error {
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	dir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if dir && st.Dev == g.except.Dev && st.Ino == g.except.Ino {
		return nil
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK || !dir && st.Nlink > 1 { // what has another name may be anything
		return nil
	}
	may := uint16(mayWrite)
	if dir || st.Mode&0o100 != 0 {
		may = mayAll
	}
	at := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	base := ofMode(st.Mode)
	err := addTo(at, accessList, base, g.uid, may)
	if dir && err == nil {
		err = addTo(at, defaultList, base, g.uid, may)
	}
	if err != nil || !dir {
		return wrap(f.Name(), err)
	}
	return g.below(f)
}

func wrap(path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: "give the engine's user access to", Path: path, Err: err}
}

func (g granting) below(dir *os.File) error {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/self/fd/%d", dir.Fd()))
	if err != nil {
		return err
	}
	for _, e := range entries {
		fd, err := unix.Openat(int(dir.Fd()), e.Name(), unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return err
		}
		if err := g.grant(os.NewFile(uintptr(fd), filepath.Join(dir.Name(), e.Name()))); err != nil {
			return err
		}
	}
	return nil
}

// dropLists takes lists away that something has from a directory above: with one the rights of the group are not those
// of its mode.
func dropLists(path string) {
	for _, name := range []string{accessList, defaultList} {
		_ = unix.Lremovexattr(path, name) // it has none, nearly always
	}
}

// addTo adds an entry to one of the lists of a file; base is what it has where it has none.
func addTo(at, name string, base list, uid int, may uint16) error {
	b := make([]byte, 1<<16)
	n, err := unix.Getxattr(at, name, b)
	l := base
	switch {
	case err == nil:
		if l, err = parseList(b[:n]); err != nil {
			return err
		}
	case !errors.Is(err, unix.ENODATA):
		return err
	}
	with := l.with(uint32(uid), may).bytes()
	if err == nil && bytes.Equal(with, b[:n]) {
		return nil
	}
	return unix.Setxattr(at, name, with, 0)
}

// Granted reports whether a path was granted to a user.
func Granted(path string, uid int) bool {
	b := make([]byte, 1<<16)
	n, err := unix.Getxattr(path, accessList, b)
	if err != nil {
		return false
	}
	l, err := parseList(b[:n])
	return err == nil && slices.ContainsFunc(l, func(e entry) bool { return e.tag == tagUser && e.id == uint32(uid) })
}
