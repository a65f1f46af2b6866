package delivery

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/notify/notifytest"
	"github.com/tfops/tfops/internal/store"
)

// TestMain lets a test run a notifier in a process of its own, to kill it.
func TestMain(m *testing.M) {
	if path := os.Getenv("NOTIFY_TEST_STORE"); path != "" {
		if err := serveUntilEmpty(path, os.Getenv("NOTIFY_TEST_URL")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serveUntilEmpty delivers what is in the outbox, and returns when all of it is
// with its target.
func serveUntilEmpty(path, url string) error {
	s, err := store.Open(path, store.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var failed error
	tell := func(o Outcome) {
		left, err := s.Waiting(ctx)
		if failed = o.Err; o.Err != nil || err != nil || len(left) == 0 {
			cancel()
		}
	}
	New(s, Options{Targets: func() []notify.Target { return []notify.Target{{Name: "ops", URL: url}} },
		Tell: tell}).Run(ctx)
	return failed
}

// TestKilledBetweenSendingAndKnowing: the process dies while the receiver has
// the whole message and has not answered yet. Nothing is lost, and what comes
// twice comes under one id.
func TestKilledBetweenSendingAndKnowing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tfops.db")
	s, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := s.Tell(t.Context(), notifytest.Notice("first", "ops"), notifytest.Notice("second", "ops"),
		notifytest.Notice("third", "ops"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	r := newReceiver(t)
	started := make(chan *os.Process, 2)
	r.next(1, status(200))
	r.next(1, func(http.ResponseWriter, *http.Request) { // the second message
		if err := (<-started).Kill(); err != nil {
			t.Error(err)
		}
	})
	start := func() error {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "NOTIFY_TEST_STORE="+path, "NOTIFY_TEST_URL="+r.URL)
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		started <- cmd.Process
		err := cmd.Wait()
		if said.Len() > 0 {
			t.Logf("the process said: %s", &said)
		}
		return err
	}
	if err := start(); err == nil {
		t.Fatal("the process was not killed")
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for i, want := range []string{ids[0], ids[1], ids[1], ids[2]} {
		p := receive(t, r.posts, "a message")
		if got := p.header.Get("Tfops-Delivery"); got != want {
			t.Errorf("request %d is %s, want %s", i, got, want)
		}
		bodies = append(bodies, string(p.body))
	}
	if bodies[1] != bodies[2] {
		t.Errorf("the repetition is another message:\n%s\n%s", bodies[1], bodies[2])
	}
	if len(r.posts) != 0 {
		t.Errorf("%d more requests", len(r.posts))
	}
}
