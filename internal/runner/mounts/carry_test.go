package mounts

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Whoever removes or replaces what is to be shown, at whatever moment, is told from all that is wrong with a room.
func TestGone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	sight := Sight{Shown: []Shown{{At: filepath.Join(dir, "at"), From: file}}}
	if _, err := sight.Plan(); !errors.Is(err, ErrGone) {
		t.Errorf("gone before the mounts are planned: %v", err)
	}
	if os.Getuid() != 0 {
		t.Skip("who is not root cannot mount")
	}
	remove := func() { _ = os.Remove(file) }
	for name, hook := range map[string]struct{ planned, held func() }{
		"gone before it is taken hold of": {planned: remove},
		"gone after it":                   {held: remove},
		"replaced after it": {held: func() {
			_ = os.WriteFile(file+".new", nil, 0o600)
			_ = os.Rename(file+".new", file)
		}},
	} {
		for _, at := range []string{file, filepath.Join(dir, "at")} {
			_ = os.WriteFile(file, nil, 0o600)
			all, err := Sight{Hide: []string{dir}, Shown: []Shown{{At: at, From: file, Write: true}}}.Plan()
			if err != nil {
				t.Fatal(err)
			}
			if hook.planned != nil {
				hook.planned()
			}
			beforeMounts = hook.held
			done := make(chan error)
			go func() { // the thread ends with it
				runtime.LockOSThread()
				if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
					done <- err
					return
				}
				done <- Carry(all)
			}()
			if err := <-done; !errors.Is(err, ErrGone) {
				t.Errorf("%s, at %s: %v", name, filepath.Base(at), err)
			}
			beforeMounts = nil
		}
	}
}
