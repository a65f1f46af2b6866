package given

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/mounts"
)

func userID() string { return strconv.Itoa(os.Getuid()) }

// writesState reports whether commands of this phase write to the state, or take its lock.
func (c Command) writesState() bool {
	return c.Job.Phase == job.ApplyPhase || c.Job.LockState || c.Job.Move != nil
}

// changesState reports whether there may be another state after a command of this phase.
func (c Command) changesState() bool { return c.Job.Phase == job.ApplyPhase || c.Job.Move != nil }

// state shows the command its managed state, and nothing else of the workspace's directory. The engine writes a
// state in place, so the file itself is shown: what it has written is there at once, whatever ends it.
// The note about who holds the lock lies beside it for others to read; it stays when the lock is released, as
// another command may have it mounted, and is read only by an engine that does not get the lock. The copy of the
// state before the last change lies in the phase's directory, and is brought back.
func (c Command) state() (all []mounts.Shown, done func() error, err error) {
	path := backend.ManagedState(c.Job.WorkspaceDir, c.Job.TerraformWorkspace)
	beside := filepath.Join(c.Scratch, "state")
	if err := os.MkdirAll(beside, 0o700); err != nil {
		return nil, nil, err
	}
	done = func() error { return nil }
	if !job.IsDefault(c.Job.TerraformWorkspace) { // the engine looks for the directory
		dir := filepath.Join(c.Scratch, "workspace")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, nil, err
		}
		all = append(all, mounts.Shown{At: filepath.Dir(path), From: dir, Write: true})
	}
	if c.InPlace {
		there := durable.Exists(path)
		all, err = c.stateInPlace(path)
		return all, func() error { return c.leaveNone(path, there) }, err
	}
	there := durable.Exists(path)
	if !c.writesState() {
		if there {
			all = append(all, mounts.Shown{At: path, From: path})
		}
		return all, done, nil
	}
	// A plan locks what is not there, too; what an apply makes has to lie where it belongs.
	note := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock.info")
	from, noteFrom := path, note
	if !there && !c.changesState() {
		from, noteFrom = filepath.Join(beside, "none"), filepath.Join(beside, "lock")
	}
	before := filepath.Join(beside, "backup")
	for name, exists := range map[string]bool{from: there, noteFrom: durable.Exists(noteFrom), before: false} {
		if !exists {
			err = errors.Join(err, makeEmpty(name))
		}
	}
	if err != nil {
		return nil, nil, errors.Join(err, c.bringBack(path, before, there))
	}
	all = append(all, mounts.Shown{At: path, From: from, Write: true},
		mounts.Shown{At: note, From: noteFrom, Write: true},
		mounts.Shown{At: path + ".backup", From: before, Write: true})
	return all, func() error { return c.bringBack(path, before, there) }, nil
}

// stateInPlace gives the command the files that it writes. They have to be there before: what is given are
// files, and not the directory, in which there is more than that.
func (c Command) stateInPlace(path string) (all []mounts.Shown, err error) {
	if !c.writesState() {
		if durable.Exists(path) {
			all = []mounts.Shown{{At: path, From: path}}
		}
		return all, nil
	}
	note := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock.info")
	for _, name := range []string{path, note, path + ".backup"} {
		if !durable.Exists(name) {
			if err := makeEmpty(name); err != nil {
				return nil, err
			}
		}
		all = append(all, mounts.Shown{At: name, From: name, Write: true})
	}
	return all, nil
}

// leaveNone takes away what was made for a command that made no state of it. No other phase of the workspace has it
// open where engines run as other users: they go one at a time.
func (c Command) leaveNone(path string, there bool) error {
	if c.User == 0 || there {
		return nil
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 0 {
		return nil
	}
	note := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock.info")
	return errors.Join(durable.Remove(path), durable.Remove(note), durable.Remove(path+".backup"))
}

// bringBack keeps the copy of the state before the last change, and leaves no empty state where there was none.
func (c Command) bringBack(path, before string, there bool) error {
	if !c.changesState() {
		return nil
	}
	if info, err := os.Stat(before); err == nil && info.Size() > 0 {
		b, err := datafile.Read(before, datafile.Large)
		if err == nil {
			err = durable.Write(path+".backup", b)
		}
		if err != nil {
			return err
		}
	}
	if info, err := os.Stat(path); err == nil && info.Size() == 0 && !there {
		return os.Remove(path)
	}
	return nil
}

// makeEmpty makes an empty file; what it held is gone.
func makeEmpty(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}
