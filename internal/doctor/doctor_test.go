package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// forged is a machine made of files, all of which a good one has.
func forged(t *testing.T, change func(*Machine, map[string]string)) Machine {
	t.Helper()
	dir := t.TempDir()
	m := Machine{Proc: filepath.Join(dir, "proc"), Sys: filepath.Join(dir, "sys"), UID: 1000,
		Path: filepath.Join(dir, "bin"), Release: "6.12.3-generic", Landlock: 6,
		Synced: func() (bool, error) { return true, nil }}
	files := map[string]string{
		"proc/self/status":                               "Umask:\t0022\nCapEff:\t0000000000000000\nSeccomp:\t0\n",
		"proc/self/uid_map":                              "0 0 4294967295",
		"proc/self/mountinfo":                            "22 1 0:20 / /proc rw - proc proc rw\n",
		"proc/self/cgroup":                               "0::/tfops.service\n",
		"proc/self/loginuid":                             "4294967295",
		"proc/filesystems":                               "nodev\tproc\nnodev\toverlay\n\text4\n",
		"proc/sys/user/max_user_namespaces":              "15000\n",
		"sys/kernel/security/lsm":                        "lockdown,landlock,apparmor",
		"sys/fs/cgroup/tfops.service/cgroup.procs":       "",
		"sys/fs/cgroup/tfops.service/cgroup.controllers": "memory pids",
		"bin/git": "#!", "bin/ssh": "#!",
	}
	if change != nil {
		change(&m, files)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil { //nolint:gosec // some are programs
			t.Fatal(err)
		}
	}
	return m
}

func find(t *testing.T, checks []Check, key string) Check {
	t.Helper()
	i := slices.IndexFunc(checks, func(c Check) bool { return c.Key == key })
	if i < 0 {
		t.Fatalf("nothing is said of %s", key)
	}
	return checks[i]
}

// Each thing that a machine may lack is found, with what to do about it where something can be done.
func TestMachines(t *testing.T) {
	type change = func(*Machine, map[string]string)
	file := func(name, text string) change { return func(_ *Machine, f map[string]string) { f[name] = text } }
	without := func(name string) change { return func(_ *Machine, f map[string]string) { delete(f, name) } }
	for _, c := range []struct {
		name   string
		change change
		key    string
		status Status
		found  string
		next   string
	}{
		{"an old kernel", func(m *Machine, _ map[string]string) { m.Release = "5.10.0-8" }, "kernel", Note,
			"Linux 5.10.0-8, without mounts", "5.12"},
		{"a newer one", func(m *Machine, _ map[string]string) { m.Release = "6.1.0" }, "kernel", Note,
			"clients", "6.5"},
		{"a name that is no version", func(m *Machine, _ map[string]string) { m.Release = "x" }, "kernel", Note,
			"x", ""},
		{"no user namespaces", file("proc/sys/user/max_user_namespaces", "0\n"), "user_namespaces", Warning,
			"user.max_user_namespaces = 0", "sysctl -w user.max_user_namespaces="},
		{"none of users", file("proc/sys/kernel/unprivileged_userns_clone", "0"), "user_namespaces", Warning,
			"kernel.unprivileged_userns_clone = 0", "sysctl -w kernel.unprivileged_userns_clone=1"},
		{"AppArmor", file("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"), "user_namespaces", Warning,
			"AppArmor", "profile"},
		{"AppArmor that lets them", file("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0"),
			"user_namespaces", OK, "allowed", ""},
		{"a kernel without them", without("proc/self/uid_map"), "user_namespaces", Warning, "none", "CONFIG_USER_NS"},
		{"root", func(m *Machine, f map[string]string) {
			m.UID = 0
			f["proc/sys/user/max_user_namespaces"] = "0"
			f["proc/self/status"] = "CapEff:\t000001ffffffffff\nSeccomp:\t0\n"
		}, "user_namespaces", OK, "not needed by root", ""},
		{"root of a container", func(m *Machine, f map[string]string) {
			m.UID = 0
			f["proc/sys/user/max_user_namespaces"] = "0"
		}, "user_namespaces", Warning, "user.max_user_namespaces = 0", "sysctl"},
		{"root of a container, as a user", func(m *Machine, _ map[string]string) { m.UID = 0 }, "capabilities", Note,
			"tfops has no CAP_CHOWN", "CAP_SETUID"},
		{"root, as a user", func(m *Machine, _ map[string]string) { m.UID = 0 }, "user", Note,
			"root", "user of its own"},
		{"SELinux", file("sys/fs/selinux/enforce", "1"), "security_modules", Note, "SELinux enforces", "ausearch"},
		{"no list of modules", without("sys/kernel/security/lsm"), "security_modules", OK, "not shown", ""},
		{"a masked proc", file("proc/self/mountinfo", "22 1 0:20 / /proc rw - proc proc rw\n"+
			"23 22 0:21 / /proc/kcore rw - tmpfs tmpfs rw\n24 22 0:22 / /proc/sys/fs/binfmt_misc rw - x x rw\n"),
			"proc", Warning, ": kcore", "systempaths=unconfined"},
		{"no proc", without("proc/self/mountinfo"), "proc", Problem, "there is no /proc", "mount -t proc"},
		{"no overlay", file("proc/filesystems", "\text4\n"), "overlay", Note, "not loaded", "modprobe overlay"},
		{"no seccomp", file("proc/self/status", "Umask:\t0022\n"), "seccomp", Warning, "seccomp", "CONFIG_SECCOMP"},
		{"no Landlock", func(m *Machine, _ map[string]string) { m.Landlock = 0 }, "landlock", Note, "no Landlock",
			"lsm="},
		{"an old Landlock", func(m *Machine, _ map[string]string) { m.Landlock = 3 }, "landlock", Note, "version 3",
			"6.12"},
		{"no capability", nil, "capabilities", OK, "none that matter", ""},
		{"some", file("proc/self/status", "CapEff:\t00000000000000c1\nSeccomp:\t2\n"), "capabilities", Note,
			"tfops has no CAP_SYS_ADMIN", "CAP_SYS_ADMIN"},
		{"all", file("proc/self/status", "CapEff:\t000001ffffffffff\nSeccomp:\t0\n"), "capabilities", OK,
			"all that matter", ""},
		{"a control group", nil, "cgroup", OK, "version 2, delegated", ""},
		{"one of somebody else", without("sys/fs/cgroup/tfops.service/cgroup.procs"), "cgroup", Note, "not delegated",
			"DelegateSubgroup=tfops"},
		{"a control group that is not there", without("sys/fs/cgroup/tfops.service/cgroup.controllers"), "cgroup", OK,
			"not mounted", ""},
		{"old control groups", file("proc/self/cgroup", "12:pids:/x\n"), "cgroup", OK, "not in use", ""},
		{"somebody who logged in", file("proc/self/loginuid", "1001"), "loginuid", OK, "uid 1001", ""},
		{"nobody tells who did", without("proc/self/loginuid"), "loginuid", Note, "does not tell", "CONFIG_AUDIT"},
		{"the umask", nil, "umask", OK, "0022", ""},
		{"no git", without("bin/git"), "git", Note, "not on PATH", "install git"},
		{"git", nil, "git", OK, "bin/git", ""},
		{"no ssh", without("bin/ssh"), "ssh", Note, "not on PATH", "install ssh"},
		{"a clock that nobody keeps", func(m *Machine, _ map[string]string) {
			m.Synced = func() (bool, error) { return false, nil }
		}, "clock", Note, "not synchronised", "timesyncd"},
		{"a clock that is not shown", func(m *Machine, _ map[string]string) {
			m.Synced = func() (bool, error) { return false, errors.New("no permission") }
		}, "clock", Note, "no permission", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := find(t, forged(t, c.change).Checks(), c.key)
			if got.Status != c.status || !strings.Contains(got.Found, c.found) || (got.Next == "") != (c.next == "") ||
				!strings.Contains(got.Next, c.next) {
				t.Errorf("%+v, want %s, %q, %q", got, c.status, c.found, c.next)
			}
		})
	}
	if all := forged(t, nil).Checks(); Worst(all) != OK {
		t.Errorf("a machine that has everything: %+v", all)
	}
	if got := Worst([]Check{{Status: Note}, {Status: Problem}, {Status: Warning}}); got != Problem {
		t.Errorf("the worst is %s", got)
	}
}

// This machine has what every Linux has.
func TestThisMachine(t *testing.T) {
	m := This()
	if m.Release == "" || m.UID != os.Geteuid() {
		t.Errorf("%+v", m)
	}
	for _, c := range m.Checks() {
		if c.Key == "" || c.Found == "" {
			t.Errorf("%+v", c)
		}
	}
	if c := find(t, m.Checks(), "seccomp"); runtime.GOOS == "linux" && c.Status != OK {
		t.Errorf("%+v", c)
	}
}

func TestDataDir(t *testing.T) {
	own, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	if err := os.Chmod(own, 0o700); err != nil { //nolint:gosec // a directory
		t.Fatal(err)
	}
	open := t.TempDir()
	if err := os.Chmod(open, 0o755); err != nil { //nolint:gosec // what is looked for
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path   string
		uid    int
		status Status
		found  string
		next   string
	}{
		{own, os.Geteuid(), OK, own, ""},
		{open, os.Geteuid(), Note, "open to others (0755)", ""},
		{own, os.Geteuid() + 1, Warning, "this is another user", "sudo -u "},
		{file, os.Geteuid(), Problem, "no directory", "move it away"},
		{filepath.Join(own, "a", "b"), os.Geteuid(), Note, "tfops serve makes it", ""},
		{"/proc/none/data", os.Geteuid(), Problem, "cannot be made in /proc", "install -d"},
	} {
		got := DataDir(c.path, c.uid)[0]
		if c.status == Problem && c.path == "/proc/none/data" && os.Geteuid() == 0 {
			c.status, c.found, c.next = Note, "tfops serve makes it", "" // access(2) tells root so
		}
		if got.Key != "data_dir" || got.Status != c.status || !strings.Contains(got.Found, c.found) ||
			!strings.Contains(got.Next, c.next) {
			t.Errorf("%s: %+v, want %s, %q, %q", c.path, got, c.status, c.found, c.next)
		}
	}
	if all := DataDir(own, os.Geteuid()); len(all) != 3 || all[1].Key != "disk" || all[2].Key != "inodes" {
		t.Errorf("%+v", all)
	}
}

func TestRoom(t *testing.T) {
	for _, c := range []struct {
		got  Check
		want Status
	}{
		{room(10 << 30), OK}, {room(1 << 30), Warning}, {room(100 << 20), Problem},
		{inodes(0, 0), OK}, {inodes(1000000, 900000), OK}, {inodes(1000000, 20000), Warning},
		{inodes(1000000, 100), Problem},
	} {
		if c.got.Status != c.want || (c.want != OK) != (c.got.Next != "") {
			t.Errorf("%+v, want %s", c.got, c.want)
		}
	}
}
