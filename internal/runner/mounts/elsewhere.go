package mounts

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mounted is a mount of this namespace, as the kernel tells of it.
type mounted struct {
	device string // of the file system
	root   string // the directory, or file, of the file system that is shown
	at     string
	kind   string
	layers []string // of an overlay: directories that it shows
}

// readMounts are the mounts that the calling process sees, a covered one before what covers it.
func readMounts() ([]mounted, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseMounts(f)
}

// parseMounts reads lines such as
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
func parseMounts(r io.Reader) (all []mounted, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20) // an overlay may name hundreds of layers
	for lines.Scan() {
		left, right, found := strings.Cut(lines.Text(), " - ")
		before, after := strings.Fields(left), strings.Fields(right)
		if !found || len(before) < 6 || len(after) < 1 {
			continue
		}
		m := mounted{device: before[2], root: unescaped(before[3]), at: unescaped(before[4]), kind: after[0]}
		if m.kind == "overlay" && len(after) > 2 {
			m.layers = layersIn(after[2])
		}
		all = append(all, m)
	}
	return all, lines.Err()
}

// unescaped is a text in which the kernel has written some characters as \ooo.
func unescaped(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+4 <= len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func layersIn(options string) (dirs []string) {
	for option := range strings.SplitSeq(options, ",") {
		name, value, _ := strings.Cut(option, "=")
		if name != "upperdir" && !strings.HasPrefix(name, "lowerdir") {
			continue
		}
		for dir := range strings.SplitSeq(unescaped(value), ":") {
			if filepath.IsAbs(dir) {
				dirs = append(dirs, filepath.Clean(dir))
			}
		}
	}
	return dirs
}

// kernels are file systems that show what the kernel knows, or have it do something, with the one place where an engine
// may see each. Mounted anywhere else they show it without what hides it there. /dev and /proc are made anew.
var kernels = map[string]string{"proc": "", "sysfs": "/sys", "cgroup": "/sys/fs/cgroup", "cgroup2": "/sys/fs/cgroup",
	"debugfs": "", "tracefs": "", "bpf": "", "securityfs": "", "configfs": "", "pstore": "", "efivarfs": "",
	"binfmt_misc": "", "selinuxfs": "", "mqueue": "", "devpts": "", "devtmpfs": "", "fusectl": "", "nfsd": "",
	"rpc_pipefs": "", "resctrl": ""}

// elsewhere are the other paths at which what is hidden can be seen: by a second mount of it, of a directory that holds
// it or of one in it, and by an overlay of such a directory; and the file systems of the kernel that lie where nobody
// expects them.
func elsewhere(all []mounted, hidden []string) (paths []string) {
	for _, m := range all {
		usual, ofKernel := kernels[m.kind]
		if ofKernel && !within(m.at, "/proc") && !within(m.at, "/dev") && (usual == "" || !within(m.at, usual)) {
			paths = append(paths, m.at)
		}
	}
	for _, path := range hidden {
		i := slices.IndexFunc(all, func(m mounted) bool { return m.at == "/" })
		for n, m := range all { // the last one at a path covers those before
			if within(path, m.at) && (i < 0 || len(m.at) >= len(all[i].at)) {
				i = n
			}
		}
		if i < 0 {
			continue
		}
		in := filepath.Join(all[i].root, below(path, all[i].at))
		for n, m := range all {
			if n != i && m.device == all[i].device {
				paths = append(paths, seenAt(m, m.root, in)...)
			}
		}
	}
	paths = append(paths, inOverlays(all, hidden)...)
	slices.Sort(paths)
	paths = slices.Compact(paths)
	return slices.DeleteFunc(paths, func(p string) bool { return p == "/" || slices.Contains(hidden, p) })
}

// seenAt is where a mount that shows a directory shows another one, or a part of it.
func seenAt(m mounted, shown, path string) []string {
	switch {
	case within(shown, path):
		return []string{m.at}
	case within(path, shown):
		return []string{filepath.Join(m.at, below(path, shown))}
	}
	return nil
}

// inOverlays are where overlays show what is hidden. A machine with containers has thousands of layers.
func inOverlays(all []mounted, hidden []string) (paths []string) {
	holds := map[string][]string{} // hidden paths, by themselves and by each directory above them
	for _, path := range hidden {
		holds["/"] = append(holds["/"], path)
		for dir := path; dir != "/"; dir = filepath.Dir(dir) {
			holds[dir] = append(holds[dir], path)
		}
	}
	for _, m := range all {
		for _, layer := range m.layers {
			for _, path := range holds[layer] {
				paths = append(paths, filepath.Join(m.at, below(path, layer)))
			}
			for dir := layer; dir != "/"; dir = filepath.Dir(dir) {
				if slices.Contains(holds[dir], dir) {
					paths = append(paths, m.at)
					break
				}
			}
		}
	}
	return paths
}

// Below are the places below a directory where something is mounted.
func Below(dir string) ([]string, error) {
	all, err := readMounts()
	var places []string
	for _, m := range all {
		if m.at != dir && within(m.at, dir) {
			places = append(places, m.at)
		}
	}
	return places, err
}

// Sockets are the paths at which programs of this machine serve, as far as the kernel tells: of this network namespace,
// by a path that does not depend on where the program is. That all can only be read keeps nobody from a socket.
func Sockets() ([]string, error) {
	f, err := os.Open("/proc/net/unix")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseSockets(f)
}

// parseSockets reads lines such as
//
//	0000000000000000: 00000002 00000000 00010000 0001 01 25031 /run/dbus/system_bus_socket
func parseSockets(r io.Reader) (paths []string, err error) {
	const column = 7 // of the path
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		rest := lines.Text()
		for range column {
			_, rest, _ = strings.Cut(strings.TrimLeft(rest, " "), " ")
		}
		if filepath.IsAbs(rest) {
			paths = append(paths, filepath.Clean(rest))
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), lines.Err()
}

// within reports whether a path is a directory or lies in it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// below is the way from a directory to a path within it.
func below(path, dir string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, strings.TrimSuffix(dir, "/")), "/")
}
