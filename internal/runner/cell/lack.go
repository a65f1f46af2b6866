package cell

import (
	"errors"
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

func lacks(kind sandbox.LackKind, err error) error { return &sandbox.Missing{Kind: kind, Err: err} }

// LackOf is what a probe that failed lacked.
func LackOf(why error) sandbox.Lack {
	found := sandbox.Lack{Kind: sandbox.LacksElse, Detail: why.Error()}
	if m, ok := errors.AsType[*sandbox.Missing](why); ok {
		found.Kind = m.Kind
		if found.Kind == sandbox.LacksCapabilities {
			found.Detail = m.Err.Error() // their names
		}
	}
	switch found.Kind {
	case sandbox.LacksFreshProc, sandbox.LacksOverlay, sandbox.LacksSeccomp,
		sandbox.LacksCapabilities:
		return found
	case sandbox.LacksLandlock:
		found.Detail = ""
		if v := launch.LandlockVersion(); v > 0 {
			found.Detail = strconv.Itoa(v)
		}
		return found
	}
	if os.Getuid() == 0 {
		return found
	}
	for _, s := range settings {
		if b, err := os.ReadFile(s.path); err == nil && strings.TrimSpace(string(b)) == s.off {
			return sandbox.Lack{Kind: s.kind, Detail: s.name + " = " + s.off}
		}
	}
	return found
}
