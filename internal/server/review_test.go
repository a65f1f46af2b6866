package server

import (
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/server/socket"
)

// endless is a store whose copy never ends.
type endless struct {
	Store
	ended chan error
}

func (endless) Record(context.Context, audit.Record) error { return nil }

func (e endless) Backup(_ context.Context, w io.Writer) error {
	block := make([]byte, 64<<10)
	for {
		if _, err := w.Write(block); err != nil {
			e.ended <- err
			return err
		}
	}
}

// A client that asks for a backup and then reads nothing (a stopped process, a
// full disk) must not hold the store's transaction for good.
func TestBackupToNobodyEnds(t *testing.T) {
	e := endless{ended: make(chan error, 1)}
	s := New(Options{Store: e, Log: slog.New(slog.DiscardHandler),
		Version: func() api.Version { return api.Version{} }})
	s.writeTimeout = 100 * time.Millisecond
	path := filepath.Join(t.TempDir(), "tfops.sock")
	l, err := socket.Listen(path, "", false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /api/v1/backup HTTP/1.1\r\nHost: tfops\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-e.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the backup waits for its reader for good")
	}
}
