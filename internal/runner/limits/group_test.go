package limits

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/workspace"
)

func forge(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const mountInfo = "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n" +
	"30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"

// service is what systemd gives with Delegate=yes and DelegateSubgroup=tfops.
func service() map[string]string {
	const at = "sys/fs/cgroup/system.slice/tfops.service/"
	return map[string]string{"proc/self/mountinfo": mountInfo,
		"proc/self/cgroup":            "0::/system.slice/tfops.service/tfops\n",
		at + "cgroup.procs":           "",
		at + "cgroup.controllers":     "cpuset cpu io memory pids\n",
		at + "cgroup.subtree_control": "",
		at + "tfops/cgroup.procs":     "1\n"}
}

func TestDelegated(t *testing.T) {
	root := forge(t, service())
	dir, err := delegated(root)
	if err != nil || dir != filepath.Join(root, "sys/fs/cgroup/system.slice/tfops.service") {
		t.Fatalf("%q %v", dir, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control")); err != nil ||
		string(b) != "+memory +pids +cpu" {
		t.Errorf("switched on: %q %v", b, err)
	}
	const at = "sys/fs/cgroup/system.slice/tfops.service/"
	for what, change := range map[string]func(map[string]string){
		"not mounted":       func(f map[string]string) { f["proc/self/mountinfo"] = "" },
		"the first version": func(f map[string]string) { f["proc/self/cgroup"] = "4:memory:/x\n" },
		"the root":          func(f map[string]string) { f["proc/self/cgroup"] = "0::/\n" },
		"no subgroup": func(f map[string]string) {
			f["proc/self/cgroup"] = "0::/system.slice/tfops.service\n"
		},
		"others beside":        func(f map[string]string) { f[at+"cgroup.procs"] = "17\n" },
		"no memory":            func(f map[string]string) { f[at+"cgroup.controllers"] = "cpu pids\n" },
		"nothing is delegated": func(f map[string]string) { delete(f, at+"cgroup.subtree_control") },
	} {
		files := service()
		change(files)
		if dir, err := delegated(forge(t, files)); err == nil {
			t.Errorf("%s: %s", what, dir)
		}
	}
}

// What limits ask for is written as the kernel reads it; what not every kernel has may be missing.
func TestGroupFiles(t *testing.T) {
	in := forge(t, map[string]string{"engine-r-plan/memory.max": "max", "engine-r-plan/pids.max": "max",
		"engine-r-plan/cpu.max": "max 100000", "engine-r-plan/memory.oom.group": "0",
		"engine-r-plan/memory.events": "oom 1\noom_kill 0\n", "engine-r-plan/pids.events": "max 0\n"})
	l := workspace.Limits{Memory: 2 << 30, Tasks: 512, CPU: 1.5}
	g, err := NewGroup(in, GroupName("r", "plan"), l, true)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"memory.max": "2147483648", "pids.max": "512", "cpu.max": "150000 100000",
		"memory.oom.group": "1"} {
		if b, err := os.ReadFile(filepath.Join(g.dir, name)); err != nil || !strings.HasPrefix(string(b), want) {
			t.Errorf("%s: %q %v", name, b, err)
		}
	}
	if g.broken() != "" {
		t.Errorf("broken: %s", g.broken())
	}
	for file, text := range map[string]string{"memory.events": "oom 1\noom_kill 2\n", "pids.events": "max 7\n"} {
		path := filepath.Join(g.dir, file)
		was, _ := os.ReadFile(path)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := (&Guard{Limits: l, Group: g}); got.Group.broken() == "" {
			t.Errorf("%s is not noticed", file)
		} else if b, _ := got.above(Use{}); b == nil || !strings.Contains(file, b.Name) && b.Name != "tasks" {
			t.Errorf("%s: %+v", file, b)
		}
		if err := os.WriteFile(path, was, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := NewGroup(in, GroupName("none", "plan"), l, true); err == nil {
		t.Error("a group without the controllers was made")
	}
}

// In a group of the kernel's own, what a process started later is in it, too, and all of it ends at once.
func TestGroupOfTheKernel(t *testing.T) {
	mount, err := mountOf("/")
	if err != nil {
		t.Skip("no control groups of the second version here: ", err)
	}
	g, err := NewGroup(mount, GroupName("test-"+filepath.Base(t.TempDir()), "plan"), workspace.Limits{}, false)
	if err != nil {
		t.Skip("no control group can be made here: ", err)
	}
	defer g.Remove()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command("sh", "-c", "read go; (setsid sleep 60 &); sleep 60 & echo ready; wait")
	cmd.Stdout = in
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	g.take([]process{{pid: cmd.Process.Pid}})
	if _, err := stdin.Write([]byte("go\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	if n := len(g.holds()); n < 3 {
		t.Errorf("%d processes are in it", n)
	}
	g.Kill()
	if err := cmd.Wait(); err == nil {
		t.Error("it ended well")
	}
	g.Remove()
	if _, err := os.Stat(g.dir); !os.IsNotExist(err) {
		t.Errorf("the group is still there: %v", err)
	}
}

// Where a service has groups of its own the kernel holds what is in one to its limits, and that is noticed.
func TestGroupHolds(t *testing.T) {
	dir, err := Delegated()
	if err != nil {
		t.Skip("no control groups are delegated to this process: ", err)
	}
	for name, c := range map[string]struct {
		limits workspace.Limits
		script string
	}{
		"memory": {workspace.Limits{Memory: 50 << 20}, "head -c 100000000 /dev/zero | tail > /dev/null"},
		"tasks":  {workspace.Limits{Tasks: 20}, "for i in $(seq 40); do sleep 5 & done; wait"},
	} {
		g, err := NewGroup(dir, GroupName("test-"+name, "plan"), c.limits, true)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", "-c", "read go; "+c.script)
		stdin, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		g.take([]process{{pid: cmd.Process.Pid}})
		if _, err := stdin.Write([]byte("go\n")); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil || g.broken() != name {
			t.Errorf("%s: ended with %v, broken: %q", name, err, g.broken())
		}
		g.Remove()
	}
}
