package limits

import (
	"os"
	"path/filepath"
	"testing"
)

// What a runner may hold follows from what the machine has, or a control group allows of it.
func TestHeld(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"proc/meminfo": "MemTotal: 4194304 kB\nMemAvailable: 1024 kB\n",
		"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := heldOf(total(root)); got != 1<<30 {
		t.Errorf("of 4 GiB %d", got)
	}
	most := filepath.Join(root, "sys/fs/cgroup/a/memory.max")
	if err := os.WriteFile(most, []byte("2147483648\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := heldOf(total(root)); got != 512<<20 {
		t.Errorf("of a group of 2 GiB %d", got)
	}
	for all, want := range map[int64]int64{1 << 20: leastHeld, 1 << 40: mostHeld} {
		if got := heldOf(all, true); got != want {
			t.Errorf("of %d %d", all, got)
		}
	}
	if got := heldOf(total(filepath.Join(root, "gone"))); got != mostHeld {
		t.Errorf("of what nobody tells %d", got)
	}
	if own() < 1<<20 {
		t.Errorf("this process has %d bytes", own())
	}
}
