package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// What a data directory has to have room for.
const (
	leastBytes  = 256 << 20 // below that a plan may not fit
	leastInodes = 5000
	fewBytes    = 2 << 30 // below that it is time to look
	fewInodes   = 50000
)

// DataDir looks at a data directory as a user would who is to run tfops serve on it.
func DataDir(path string, uid int) []Check {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		above := existing(filepath.Dir(path))
		if unix.Access(above, unix.W_OK) != nil {
			return []Check{bad("data_dir", path+" does not exist and cannot be made in "+above,
				fmt.Sprintf("install -d -m 0700 -o USER %s, with the user that is to run tfops serve", path))}
		}
		return append([]Check{note("data_dir", path+" does not exist; tfops serve makes it", "")}, space(above)...)
	}
	if err != nil {
		return []Check{bad("data_dir", err.Error(), "run tfops doctor as the user of tfops serve")}
	}
	return append([]Check{rights(path, info, uid)}, space(path)...)
}

// existing is the nearest directory above a path, or the path, that exists.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

func rights(path string, info fs.FileInfo, uid int) Check {
	st, _ := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return bad("data_dir", path+" is no directory", "move it away, or name another data_dir in tfops.hcl")
	case st != nil && int(st.Uid) != uid:
		owner := userName(st.Uid)
		return warn("data_dir", fmt.Sprintf("%s belongs to %s, and this is another user: what follows is of this one",
			path, owner), "sudo -u "+owner+" tfops doctor")
	case unix.Access(path, unix.W_OK) != nil:
		return bad("data_dir", path+" cannot be written", "mount its file system for writing")
	case info.Mode().Perm()&0o077 != 0 && info.Mode().Perm() != 0o710:
		return note("data_dir", fmt.Sprintf("%s is open to others (%04o); tfops serve closes it", path,
			info.Mode().Perm()), "")
	}
	return ok("data_dir", path)
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "#" + id // as sudo takes it
}

// space looks at the room on the file system of a path.
func space(path string) []Check {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return []Check{note("disk", err.Error(), "")}
	}
	return []Check{room(uint64(st.Bavail) * uint64(st.Bsize)), inodes(st.Files, st.Ffree)} //nolint:gosec // sizes
}

func room(free uint64) Check {
	found := fmt.Sprintf("%.1f GiB free", float64(free)/(1<<30))
	switch {
	case free < leastBytes:
		return bad("disk", found, "make room: plans and states are written there")
	case free < fewBytes:
		return warn("disk", found, "make room before it is full")
	}
	return ok("disk", found)
}

// inodes looks at how many files there can be more; some file systems make them as they are needed.
func inodes(all, free uint64) Check {
	found := fmt.Sprintf("%d inodes free", free)
	switch {
	case all == 0:
		return ok("inodes", "made as they are needed")
	case free < leastInodes:
		return bad("inodes", found, "remove files, or make the file system with more inodes")
	case free < fewInodes:
		return warn("inodes", found, "look what takes them: df -i")
	}
	return ok("inodes", found)
}
