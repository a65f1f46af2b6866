package cell

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/runner/launch"
	"github.com/tfops/tfops/internal/runner/mounts"
	"github.com/tfops/tfops/internal/sandbox"
)

// What a probe lacked is what failed in it, whatever its words are: paths and errors may hold the words of anything.
func TestProbesTellWhatTheyLack(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("NOT RUN: to who is not root settings of the kernel may tell more")
	}
	const odd = "/srv/landlock/mount an overlay at/seccomp/fork/exec"
	missing := (&mounts.Sight{Shown: []mounts.Shown{{At: odd, From: odd}}})
	_, gone := missing.Plan()
	var p launch.Program
	p.Call("start "+odd, unix.SYS_EXECVE)
	p.Need(sandbox.LacksSeccomp, "filter system calls", unix.SYS_PRCTL)
	for name, c := range map[string]struct {
		err    error
		kind   sandbox.LackKind
		status int
	}{
		"an overlay": {mountOverlay(odd+"x", odd, odd, odd), sandbox.LacksElse, 1},
		"an overlay, refused": {lacks(sandbox.LacksOverlay, &fs.PathError{Op: "mount", Path: odd, Err: unix.ENOSPC}),
			sandbox.LacksOverlay, 1},
		"a fresh /proc":    {&NoRoom{lacks(sandbox.LacksFreshProc, unix.EPERM)}, sandbox.LacksFreshProc, ProbeNoRoom},
		"what is not here": {gone, sandbox.LacksElse, 1},
		"memory":           {fmt.Errorf("start: %w", unix.ENOMEM), sandbox.LacksElse, ProbeLacks},
		"Landlock":         {fmt.Errorf("x: %w", lacks(sandbox.LacksLandlock, unix.ENOSYS)), sandbox.LacksLandlock, 1},
		"capabilities": {fmt.Errorf("x: %w", lacks(sandbox.LacksCapabilities, errors.New("CAP_SETUID"))),
			sandbox.LacksCapabilities, 1},
		"mounts":      {lacks(sandbox.LacksMounts, unix.EPERM), sandbox.LacksMounts, 1},
		"words alone": {errors.New(odd), sandbox.LacksElse, 1},
	} {
		var out bytes.Buffer
		if status := Fail(c.err, &out); status != c.status {
			t.Errorf("%s: it ends with %d, not %d", name, status, c.status)
		}
		told := ReadTold(out.Bytes())
		if got := LackOf(fmt.Errorf("user namespace: %w", told)); got.Kind != c.kind || !strings.Contains(told.Error(),
			c.err.Error()) {
			t.Errorf("%s: %+v of %q", name, got, out.String())
		}
	}
	if got := LackOf(ReadTold([]byte("panic: landlock, seccomp\n"))); got.Kind != sandbox.LacksElse ||
		got.Detail != "panic: landlock, seccomp" {
		t.Errorf("of a text: %+v", got)
	}
}
