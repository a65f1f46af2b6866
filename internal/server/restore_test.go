package server

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
)

// TestARemovedSocketIsMadeAgain removes the socket of a server in several ways
// while a client follows a log over it: that one reads on to its end, and others
// connect again.
func TestARemovedSocketIsMadeAgain(t *testing.T) {
	var letPlan func()
	r := newRig(t, []fleet.Definition{define("a")},
		func(r *rig, _ *Options) { letPlan = r.runners.hold(job.PlanPhase) })
	dir := <-r.runners.started
	id := filepath.Base(filepath.Dir(dir))
	away := r.socket + ".away"
	ways := []func() error{
		func() error { return os.Remove(r.socket) },
		func() error { return os.Rename(r.socket, away) }, // which answers on
		func() error { return abandoned(r.socket) },
	}
	lines := 0
	for _, err := range r.client.Log(t.Context(), id, true) {
		if err != nil {
			t.Fatalf("after %d lines: %v", lines, err)
		}
		lines++
		if lines > len(ways) {
			letPlan()
			continue
		}
		if err := ways[lines-1](); err != nil {
			t.Fatal(err)
		}
		if made, err := r.listener.Restore(); !made || err != nil {
			t.Fatalf("way %d: made %v, %v", lines, made, err)
		}
		fresh, err := api.New(api.ClientOptions{Server: "unix://" + r.socket})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fresh.Run(t.Context(), id); err != nil {
			t.Errorf("way %d: nobody answers on the new socket: %v", lines, err)
		}
		fresh.Close()
		if info, err := os.Stat(r.socket); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("way %d: the new socket is %v, %v", lines, info, err)
		}
		if made, err := r.listener.Restore(); made || err != nil {
			t.Errorf("way %d: it was made twice: %v", lines, err)
		}
		if err := r.runners.say(dir, "more"); err != nil {
			t.Fatal(err)
		}
	}
	if lines != len(ways)+2 {
		t.Errorf("the log that was followed had %d lines", lines)
	}
	if _, err := os.Stat(filepath.Join(r.dir, ".sock")); !os.IsNotExist(err) {
		t.Errorf("where it was made is still there: %v", err)
	}
	r.stopServer()
	if _, err := os.Lstat(r.socket); !os.IsNotExist(err) {
		t.Errorf("the socket outlives its server: %v", err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("unix", away)
		if err != nil {
			break
		}
		c.Close()
		if time.Now().After(deadline) {
			t.Fatal("the listener that was replaced is still at work")
		}
	}
}

// abandoned leaves a socket of ours at path that nobody listens on.
func abandoned(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	return l.Close()
}
