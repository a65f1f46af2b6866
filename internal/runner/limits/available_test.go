package limits

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAvailable(t *testing.T) {
	if n, known := Available(); !known || n < 1<<20 {
		t.Errorf("of this machine: %d %v", n, known)
	}
	const mib = 1 << 20
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
		known bool
	}{
		"nothing": {nil, 0, false},
		"a machine": {map[string]string{"proc/meminfo": "MemTotal: 4194304 kB\nMemAvailable:  2097152 kB\n"},
			2048 * mib, true},
		"a group above": {map[string]string{"proc/meminfo": "MemAvailable: 2097152 kB\n",
			"proc/self/cgroup":                                        "0::/system.slice/tfops.service\n",
			"sys/fs/cgroup/system.slice/memory.max":                   "1073741824\n",
			"sys/fs/cgroup/system.slice/memory.current":               "536870912\n",
			"sys/fs/cgroup/system.slice/memory.stat":                  "anon 1\ninactive_file 104857600\n",
			"sys/fs/cgroup/system.slice/tfops.service/memory.max":     "max\n",
			"sys/fs/cgroup/system.slice/tfops.service/memory.current": "1\n"}, 612 * mib, true},
		"more used than allowed": {map[string]string{"proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "2000\n"}, 0, true},
		"the first version": {map[string]string{"proc/meminfo": "MemAvailable: 2097152 kB\n",
			"proc/self/cgroup": "5:devices:/x\n4:memory:/docker/c\n0::/\n",
			"sys/fs/cgroup/memory/docker/c/memory.limit_in_bytes": "536870912\n",
			"sys/fs/cgroup/memory/docker/c/memory.usage_in_bytes": "104857600\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":          "9223372036854771712\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes":          "1\n"}, 412 * mib, true},
	} {
		root := t.TempDir()
		for path, text := range c.files {
			path = filepath.Join(root, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if n, known := available(root); n != c.want || known != c.known {
			t.Errorf("%s: %d %v, want %d %v", name, n, known, c.want, c.known)
		}
	}
}
