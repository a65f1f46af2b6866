package limits

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/runner/cell"
)

// Use is what a tree of processes has of the machine.
type Use struct {
	Own       int64 // bytes of memory of its own: what lies in files, such as programs, is not counted
	Resident  int64 // bytes of memory, with that, each process at its highest
	Tasks     int   // processes and threads
	Disk      int64 // bytes in the directories that it writes to, and in files without a name
	processes []process
}

type process struct{ pid, parent int }

// most is how many processes are looked at. A tree that has more is above each limit anyway.
const most = 20_000

// Look adds up what the descendants of a process have.
func Look(root int) Use { return look(root, 0) }

// look stops once it has seen so many tasks; 0 is no bound. Whoever counts a tree that doubles all the time would
// come too late.
func look(root, enough int) Use {
	var u Use
	queue := []process{{pid: root}}
	for len(queue) > 0 && len(u.processes) < most && (enough == 0 || u.Tasks < enough) {
		p := queue[0]
		queue = queue[1:]
		if p.pid != root {
			own, resident, threads, ok := memory(p.pid)
			if !ok {
				continue // it has ended
			}
			u.Own, u.Resident, u.Tasks = u.Own+own, u.Resident+resident, u.Tasks+threads
			u.processes = append(u.processes, p)
		}
		for _, c := range children(p.pid) {
			queue = append(queue, process{pid: c, parent: p.pid})
		}
	}
	return u
}

// children are those of a process. Each of its threads has its own.
func children(pid int) (found []int) {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "task")
	threads, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, t := range threads {
		b, err := os.ReadFile(filepath.Join(dir, t.Name(), "children"))
		if os.IsNotExist(err) && !listsChildren() {
			return childrenByParent(pid)
		}
		for field := range strings.FieldsSeq(string(b)) {
			if c, err := strconv.Atoi(field); err == nil {
				found = append(found, c)
			}
		}
	}
	return found
}

// listsChildren reports whether the kernel has such files at all.
func listsChildren() bool {
	_, err := os.Stat("/proc/thread-self/children")
	return err == nil
}

func childrenByParent(pid int) (found []int) {
	all, err := cell.Processes()
	if err != nil {
		return nil
	}
	for _, p := range all {
		if p.Parent == pid {
			found = append(found, p.PID)
		}
	}
	return found
}

// memory reads what a process has; ok is false for one that has ended.
func memory(pid int) (own, resident int64, threads int, ok bool) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, 0, 0, false
	}
	threads = 1
	for line := range bytes.Lines(b) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		fields := strings.Fields(string(value))
		if len(fields) == 0 {
			continue
		}
		n, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			if string(name) == "State" && (fields[0] == "Z" || fields[0] == "X") {
				return 0, 0, 0, false
			}
			continue
		}
		switch string(name) {
		case "VmHWM":
			resident = n << 10
		case "RssAnon", "RssShmem", "VmSwap":
			own += n << 10
		case "Threads":
			threads = int(n)
		}
	}
	return own, resident, threads, true
}

// written adds up what lies in directories, each file once, whatever its names are.
func written(dirs []string) (sum int64) {
	seen := map[[2]uint64]bool{}
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil // it went meanwhile; what is left counts
			}
			if info, err := d.Info(); err == nil {
				sum += blocks(info, seen)
			}
			return nil
		})
	}
	return sum
}

// blocks is what a file takes on its disk, or 0 if it was counted.
func blocks(info fs.FileInfo, seen map[[2]uint64]bool) int64 {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.Size()
	}
	if key := [2]uint64{s.Dev, s.Ino}; s.Nlink > 1 && info.Mode().IsRegular() {
		if seen[key] {
			return 0
		}
		seen[key] = true
	}
	return s.Blocks * 512
}

// nameless adds up the open files of processes that have no name any more: nobody finds them
// in a directory, and they take room as long as they are open, on a disk or in memory.
func nameless(of []process) (disk, memory int64) {
	seen := map[[2]uint64]bool{}
	for _, p := range of {
		dir := filepath.Join("/proc", strconv.Itoa(p.pid), "fd")
		fds, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			var s unix.Stat_t
			err := unix.Stat(filepath.Join(dir, fd.Name()), &s)
			if err != nil || s.Nlink > 0 || s.Mode&unix.S_IFMT != unix.S_IFREG {
				continue
			}
			if key := [2]uint64{s.Dev, s.Ino}; !seen[key] {
				seen[key] = true
				if to, _ := os.Readlink(filepath.Join(dir, fd.Name())); strings.HasPrefix(to, "/memfd:") {
					memory += s.Blocks * 512
				} else {
					disk += s.Blocks * 512
				}
			}
		}
	}
	return disk, memory
}
