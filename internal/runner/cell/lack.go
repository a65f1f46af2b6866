package cell

import (
	"os"
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/runner/launch"
	"github.com/tfops/tfops/internal/sandbox"
)

// settings of the kernel that disable user namespaces.
var settings = []struct {
	path, name string
	kind       sandbox.LackKind
	off        string
}{
	{"/proc/sys/kernel/unprivileged_userns_clone", "kernel.unprivileged_userns_clone", sandbox.LacksUserNamespaces,
		"0"},
	{"/proc/sys/user/max_user_namespaces", "user.max_user_namespaces", sandbox.LacksUserNamespaces, "0"},
	{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "kernel.apparmor_restrict_unprivileged_userns",
		sandbox.LacksAppArmor, "1"},
}

// LackOf is what a probe that failed lacked.
func LackOf(why error) sandbox.Lack {
	text := why.Error()
	switch {
	case strings.Contains(text, opProc):
		return sandbox.Lack{Kind: sandbox.LacksFreshProc, Detail: text}
	case strings.Contains(text, opMount):
		return sandbox.Lack{Kind: sandbox.LacksOverlay, Detail: text}
	case strings.Contains(text, "Landlock"), strings.Contains(text, "landlock"):
		version := ""
		if v := launch.LandlockVersion(); v > 0 {
			version = strconv.Itoa(v)
		}
		return sandbox.Lack{Kind: sandbox.LacksLandlock, Detail: version}
	case strings.Contains(text, "seccomp"), strings.Contains(text, "filter system calls"):
		return sandbox.Lack{Kind: sandbox.LacksSeccomp, Detail: text}
	}
	if os.Getuid() != 0 {
		for _, s := range settings {
			if b, err := os.ReadFile(s.path); err == nil && strings.TrimSpace(string(b)) == s.off {
				return sandbox.Lack{Kind: s.kind, Detail: s.name + " = " + s.off}
			}
		}
	}
	if strings.Contains(text, "mount") || strings.Contains(text, "make read-only") {
		return sandbox.Lack{Kind: sandbox.LacksMounts, Detail: text}
	}
	if strings.Contains(text, "fork/exec") {
		return sandbox.Lack{Kind: sandbox.LacksUserNamespaces, Detail: text}
	}
	return sandbox.Lack{Kind: sandbox.LacksElse, Detail: text}
}
