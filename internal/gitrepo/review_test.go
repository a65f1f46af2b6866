package gitrepo_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// An SSH agent that does not answer (one that asks a person who is not there)
// holds nobody longer than the context says, as no server does.
func TestHangingAgent(t *testing.T) {
	repo := gittest.NewRepo(t)
	repo.Commit("main", map[string]string{"a": "a"})
	srv := gittest.ServeSSH(t, repo.Dir)
	sock := filepath.Join(t.TempDir(), "agent.sock")
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(io.Discard, conn)
				conn.Close()
			}()
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", sock)
	m, _ := open(t, remote.Remote{URL: srv.URL, Auth: remote.Auth{KnownHosts: srv.KnownHosts()}})
	ended := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := m.Heads(ctx)
		ended <- err
	}()
	select {
	case err := <-ended:
		wantFault(t, err, fault.Unavailable, "in time")
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for the agent for good")
	}
}
