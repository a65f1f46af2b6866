package workdir

import (
	"context"
	"sync"
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/command"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// Inits of one backend go one at a time; those of another, of a managed state and of a
// local file do not wait for them.
func TestInitsOfOneBackendGoOneAtATime(t *testing.T) {
	dir := t.TempDir()
	of := func(backend, place string, managed bool) *Dir {
		d := &Dir{Engine: &command.Engine{Job: job.Job{CacheDir: dir}, Env: map[string]string{},
			Log: diagnostics.OpenEvents(t.TempDir(), diagnostics.NewMasker(nil))}, Managed: managed}
		d.Module.Backend, d.Module.Place = backend, place
		t.Cleanup(func() { _ = d.Log.Close() })
		return d
	}
	first, err := of("pg", "one", false).initAlone(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]*Dir{
		"another place": of("pg", "two", false), "another type": of("http", "one", false),
		"local": of("local", "one", false),
		"none":  of("", "one", false), "managed": of("pg", "one", true),
	} {
		release, err := d.initAlone(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		release()
	}
	elsewhere := of("pg", "one", false)
	elsewhere.Env["PG_CONN_STR"] = "postgres://elsewhere"
	release, err := elsewhere.initAlone(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	release()

	gone, cancel := context.WithCancelCause(t.Context())
	cancel(diagnostics.ErrInterrupted)
	if _, err := of("pg", "one", false).initAlone(gone); err != diagnostics.ErrInterrupted {
		t.Errorf("an init that was interrupted while it waited: %v", err)
	}
	const others = 8
	var mu sync.Mutex
	inside, most, done := 1, 1, make(chan error, others)
	for range others {
		d := of("pg", "one", false)
		go func() {
			release, err := d.initAlone(t.Context())
			if err == nil {
				mu.Lock()
				inside++
				most = max(most, inside)
				mu.Unlock()
				mu.Lock()
				inside--
				mu.Unlock()
				release()
			}
			done <- err
		}()
	}
	mu.Lock()
	inside--
	mu.Unlock()
	first()
	for range others {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if most != 1 {
		t.Errorf("%d at a time", most)
	}
}
