package doctor

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/sandbox"
)

// capabilities are those by which engines could run as users of their own.
var capabilities = []struct {
	bit  int
	name string
}{{unix.CAP_CHOWN, "CAP_CHOWN"}, {unix.CAP_SETGID, "CAP_SETGID"}, {unix.CAP_SETUID, "CAP_SETUID"},
	{unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}}

// privileges looks at who this process is, and what it may do.
func (m Machine) privileges() []Check {
	bits, told := m.capable()
	who := ok("user", fmt.Sprintf("uid %d", m.UID))
	if m.UID == 0 {
		who = note("user", "root", "run tfops serve as a user of its own: what breaks out of a sandbox is that user")
	}
	if !told {
		return []Check{who}
	}
	var missing []string
	for _, c := range capabilities {
		if bits&(1<<c.bit) == 0 {
			missing = append(missing, c.name)
		}
	}
	switch {
	case len(missing) == len(capabilities) && m.UID != 0:
		return []Check{who, ok("capabilities", "none that matter, as it should be for a user of its own")}
	case len(missing) > 0:
		lack := sandbox.Lack{Kind: sandbox.LacksCapabilities, Detail: strings.Join(missing, ", ")}
		return []Check{who, note("capabilities", lack.Sentence(), lack.Next())}
	}
	return []Check{who, ok("capabilities", "all that matter")}
}

// capable are the capabilities of this process; false where the kernel does not tell.
func (m Machine) capable() (bits uint64, ok bool) {
	text, _ := m.status("CapEff")
	bits, err := strconv.ParseUint(text, 16, 64)
	return bits, err == nil
}

// mounts reports whether this process may mount without a user namespace. Root in a container often
// may not.
func (m Machine) mounts() bool {
	bits, told := m.capable()
	return m.UID == 0 && (!told || bits&(1<<unix.CAP_SYS_ADMIN) != 0)
}

// resources looks at the control group of this process, which need not be that of a service. Engines
// are bounded without one, too.
func (m Machine) resources() []Check {
	group, _ := read(m.Proc, "self", "cgroup")
	path, v2 := strings.CutPrefix(lastLine(group), "0::")
	at := filepath.Join(m.Sys, "fs", "cgroup", path)
	if !v2 {
		return []Check{ok("cgroup", "version 2 is not in use")}
	}
	if _, there := read(at, "cgroup.controllers"); !there {
		return []Check{ok("cgroup", "version 2, not mounted here")}
	}
	if unix.Access(filepath.Join(at, "cgroup.procs"), unix.W_OK) != nil ||
		unix.Access(at, unix.W_OK) != nil {
		return []Check{note("cgroup", "version 2, not delegated to this process",
			"Delegate=yes and DelegateSubgroup=tfops in the unit of tfops serve have the kernel hold limits, too")}
	}
	return []Check{ok("cgroup", "version 2, delegated")}
}

func lastLine(text string) string {
	lines := strings.Split(text, "\n")
	return lines[len(lines)-1]
}

// people looks at how those who ask are known.
func (m Machine) people() []Check {
	mask := ok("umask", "tfops serve uses 0077")
	if text, there := m.status("Umask"); there {
		mask.Found = text + " here; " + mask.Found
	}
	text, there := read(m.Proc, "self", "loginuid")
	switch {
	case !there:
		return []Check{mask, note("loginuid", "the kernel does not tell who logged in, so the audit log does not",
			"use a kernel with CONFIG_AUDIT")}
	case text == strconv.Itoa(math.MaxUint32):
		return []Check{mask, ok("loginuid", "told by the kernel; nobody logged in to this session")}
	}
	return []Check{mask, ok("loginuid", "uid "+text+" logged in to this session")}
}

// programs looks for programs that engines start for modules; tfops itself needs none.
func (m Machine) programs() (out []Check) {
	for _, p := range []struct{ name, what string }{
		{"git", "modules from Git cannot be fetched"},
		{"ssh", "modules from Git over SSH cannot be fetched"},
	} {
		dirs := filepath.SplitList(m.Path)
		i := slices.IndexFunc(dirs, func(dir string) bool {
			var st unix.Stat_t
			path := filepath.Join(dir, p.name)
			return filepath.IsAbs(path) && unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG &&
				unix.Access(path, unix.X_OK) == nil
		})
		if i >= 0 {
			out = append(out, ok(p.name, filepath.Join(dirs[i], p.name)))
		} else {
			out = append(out, note(p.name, "not on PATH: "+p.what, "install "+p.name+", if modules come so"))
		}
	}
	return out
}

func (m Machine) clock() Check {
	synced, err := m.Synced()
	switch {
	case err != nil:
		return note("clock", "it cannot be told whether it is right: "+err.Error(), "")
	case !synced:
		return note("clock", "not synchronised: schedules, expiries and certificates go by it",
			"systemctl enable --now systemd-timesyncd, or chrony")
	}
	return ok("clock", "synchronised")
}
