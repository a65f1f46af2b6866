package queue

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// handles is how many files the daemon may have to open in order to start a
// phase, read what it stands on, and follow it.
const handles = 24

// lackingPause is how long nothing is begun while the machine lacks something.
const lackingPause = time.Second

// room is how much of a disk an apply needs to begin, in bytes, for what is written before
// its engine is started and for what is reserved until it has ended.
const room = 1 << 20

// CanBegin reports whether the machine has what it takes to start a phase. A run that
// cannot be started would fail, and an approval with it, over what passes by itself, with
// a larger limit or with some room: so nothing is claimed. A plan is claimed on a full disk:
// it fails with the reason, and nobody has approved it yet.
func (disp *Dispatcher) CanBegin(st decide.Action) bool {
	lacks := lacksFiles()
	if lacks.What == "" && st == decide.StartApply {
		lacks = lacksRoom(disp.txn.Files.Roots()...)
	}
	disp.mu.Lock()
	// What an apply found the next apply looks for again: a plan has not looked.
	changed := disp.Lacking != lacks && (st == decide.StartApply || lacks.What != "" || !disp.Lacking.Person)
	if changed {
		disp.Lacking = lacks
	}
	disp.mu.Unlock()
	if changed {
		if lacks.What != "" {
			disp.log.Error("nothing is begun; what waits goes on waiting", "why", lacks.What)
		}
		disp.txn.Changed.Send()
	}
	return lacks.What == ""
}

// lacksFiles tells whether this process can open the files that it takes to start a phase.
func lacksFiles() run.Lacking {
	var open []*os.File
	var failed error
	for range handles {
		f, err := os.Open(os.DevNull)
		if failed = err; err != nil {
			break
		}
		open = append(open, f)
	}
	for _, f := range open {
		_ = f.Close()
	}
	if l, ok := fault.LackOf(failed); ok {
		return run.Lacking{What: "tfops serve has " + l.What + " to start anything: " + l.Next,
			Command: "ulimit -n 65536; tfops serve"}
	}
	return run.Lacking{}
}

// lacksRoom tells whether an apply can write to some directories.
func lacksRoom(dirs ...string) run.Lacking {
	for _, dir := range dirs {
		var s unix.Statfs_t
		if unix.Statfs(dir, &s) != nil {
			continue // whoever needs it says why
		}
		var number unix.Errno
		switch {
		case s.Flags&unix.ST_RDONLY != 0:
			number = unix.EROFS
		case s.Bavail*uint64(s.Bsize) < room, s.Files > 0 && s.Ffree < handles:
			number = unix.ENOSPC
		default:
			continue
		}
		l, _ := fault.LackOf(number)
		return run.Lacking{What: fmt.Sprintf("%s (%s): %s", l.What, dir, l.Next), Command: "df -h " +
			drift.ShellWord(dir) + "; df -i " + drift.ShellWord(dir), Person: true}
	}
	return run.Lacking{}
}
