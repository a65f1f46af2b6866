package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tfops/tfops/internal/sandbox"
)

// read is the text of a file below a mount, without space around it; false where there is none.
func read(mount string, name ...string) (string, bool) {
	b, err := os.ReadFile(filepath.Join(append([]string{mount}, name...)...))
	return strings.TrimSpace(string(b)), err == nil
}

// Versions of Linux from which on it has what tfops uses.
var needed = []struct {
	major, minor int
	what         string
}{
	{5, 12, "mounts that are made read-only as a whole"},
	{6, 5, "clients of the socket that cannot be mistaken for others"},
	{6, 12, "signals that stay within an engine (Landlock)"},
}

func (m Machine) kernel() Check {
	var major, minor int
	if _, err := fmt.Sscanf(m.Release, "%d.%d", &major, &minor); err != nil {
		return note("kernel", "Linux "+m.Release, "")
	}
	for _, n := range needed {
		if major < n.major || major == n.major && minor < n.minor {
			return note("kernel", fmt.Sprintf("Linux %s, without %s", m.Release, n.what),
				fmt.Sprintf("use Linux %d.%d or newer", n.major, n.minor))
		}
	}
	return ok("kernel", "Linux "+m.Release)
}

// limit is a setting of the kernel that takes user namespaces away.
type limit struct {
	name, off string
	kind      sandbox.LackKind
}

var limits = []limit{
	{"user.max_user_namespaces", "0", sandbox.LacksUserNamespaces},
	{"kernel.unprivileged_userns_clone", "0", sandbox.LacksUserNamespaces},
	{"kernel.apparmor_restrict_unprivileged_userns", "1", sandbox.LacksAppArmor},
}

// namespaces looks at what namespaces and mounts take.
func (m Machine) namespaces() []Check {
	users := ok("user_namespaces", "allowed")
	if m.mounts() {
		users = ok("user_namespaces", "not needed by root")
	} else if _, there := read(m.Proc, "self", "uid_map"); !there {
		users = warn("user_namespaces", "the kernel has none", "use a kernel with CONFIG_USER_NS, or run tfops as root")
	}
	for _, l := range limits {
		value, there := read(m.Proc, append([]string{"sys"}, strings.Split(l.name, ".")...)...)
		if there && value == l.off && !m.mounts() && users.Status == OK {
			lack := sandbox.Lack{Kind: l.kind, Detail: l.name + " = " + l.off}
			users = warn("user_namespaces", lack.Sentence(), lack.Next())
		}
	}
	return []Check{users, m.security(), m.proc(), m.overlay()}
}

// security looks at what else may restrict processes.
func (m Machine) security() Check {
	modules, there := read(m.Sys, "kernel", "security", "lsm")
	if enforces, _ := read(m.Sys, "fs", "selinux", "enforce"); enforces == "1" {
		return note("security_modules", "SELinux enforces; a trial tells what it allows",
			"ausearch -m avc -ts recent shows what it refused")
	}
	if !there {
		return ok("security_modules", "not shown here")
	}
	return ok("security_modules", strings.ReplaceAll(modules, ",", ", "))
}

// proc looks for parts of /proc that are masked, as in containers: the kernel then refuses a fresh one
// in a namespace.
func (m Machine) proc() Check {
	mounts, there := read(m.Proc, "self", "mountinfo")
	if !there {
		return bad("proc", "there is no /proc", "mount it: mount -t proc proc /proc")
	}
	var masked []string
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		if len(fields) < 5 || fields[4] == "/proc/sys/fs/binfmt_misc" {
			continue
		}
		if name, below := strings.CutPrefix(fields[4], "/proc/"); below {
			masked = append(masked, name)
		}
	}
	if len(masked) == 0 {
		return ok("proc", "whole")
	}
	lack := sandbox.Lack{Kind: sandbox.LacksFreshProc, Detail: strings.Join(masked, ", ")}
	return warn("proc", lack.Sentence(), lack.Next())
}

func (m Machine) overlay() Check {
	if m.knows("overlay") {
		return ok("overlay", "known")
	}
	return note("overlay", "not loaded", sandbox.Lack{Kind: sandbox.LacksOverlay}.Next())
}

// knows reports whether the kernel has a file system.
func (m Machine) knows(fs string) bool {
	text, _ := read(m.Proc, "filesystems")
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 0 && f[len(f)-1] == fs {
			return true
		}
	}
	return false
}

// filters looks at what keeps a process from calls and files.
func (m Machine) filters() []Check {
	seccomp := ok("seccomp", "there")
	if _, there := m.status("Seccomp"); !there {
		lack := sandbox.Lack{Kind: sandbox.LacksSeccomp}
		seccomp = warn("seccomp", lack.Sentence(), lack.Next())
	}
	landlock := ok("landlock", fmt.Sprintf("version %d", m.Landlock))
	switch lack := (sandbox.Lack{Kind: sandbox.LacksLandlock}); {
	case m.Landlock == 0:
		landlock = note("landlock", lack.Sentence(), lack.Next())
	case m.Landlock < 6:
		lack.Detail = fmt.Sprint(m.Landlock)
		landlock = note("landlock", lack.Sentence(), lack.Next())
	}
	return []Check{seccomp, landlock}
}

// status is a value of the status of this process.
func (m Machine) status(name string) (string, bool) {
	text, _ := read(m.Proc, "self", "status")
	for line := range strings.Lines(text) {
		if key, value, _ := strings.Cut(line, ":"); key == name {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}
