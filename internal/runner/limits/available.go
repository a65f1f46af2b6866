package limits

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Available is how much memory this process and those that it starts can still get, of the machine and of
// each control group that it is in; known is false where the kernel does not say.
func Available() (bytes int64, known bool) { return available("/") }

// Expendable has the kernel, where memory runs out, end this process and what it starts before it ends the
// daemon. Of these the engine is the largest by far, and goes first.
func Expendable() {
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0) // a rank, where nothing depends on it
}

// available reads a tree of files as they are below /.
func available(root string) (bytes int64, known bool) {
	bytes, known = field(filepath.Join(root, "proc/meminfo"), "MemAvailable:")
	bytes <<= 10
	for _, g := range groups(root) {
		limit, ok := number(filepath.Join(g.dir, g.limit))
		if !ok {
			continue // it has none, or this controller is elsewhere
		}
		used, _ := number(filepath.Join(g.dir, g.used))
		idle, _ := field(filepath.Join(g.dir, "memory.stat"), g.idle) // files that can be read again
		if left := max(limit-used+idle, 0); !known || left < bytes {
			bytes, known = left, true
		}
	}
	return bytes, known
}

// group is a control group that bounds this process, and what its files are called.
type group struct{ dir, limit, used, idle string }

// groups are those of this process, with all that are above them.
func groups(root string) (found []group) {
	b, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		g := group{filepath.Join(root, "sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"}
		switch {
		case parts[0] == "0" && parts[1] == "":
		case parts[1] == "memory":
			g = group{filepath.Join(root, "sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes",
				"total_inactive_file"}
		default:
			continue
		}
		for path := filepath.Clean("/" + parts[2]); ; path = filepath.Dir(path) {
			at := g
			at.dir = filepath.Join(g.dir, path)
			found = append(found, at)
			if path == "/" {
				break
			}
		}
	}
	return found
}

// unlimited is from where on a number means that there is no limit.
const unlimited = 1 << 60

func number(path string) (int64, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil && n < unlimited
}

// field is a number behind a name, in a file of such lines.
func field(path, name string) (int64, bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if parts := strings.Fields(lines.Text()); len(parts) >= 2 && parts[0] == name {
			n, err := strconv.ParseInt(parts[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
