package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
)

// A configuration that comes into force may have something to tell at once, to
// a notify block that is new in it. Whoever sees that in the outbox must find
// the block: a delivery to one that is not there is given up.
func TestAReloadTellsTargetsThatAreThere(t *testing.T) {
	t.Chdir(t.TempDir())
	config := fmt.Sprintf("data_dir = \"data\"\nrepository \"infra\" {\n  url  = %q\n  poll = \"1h\"\n}\n",
		gittest.NewRepo(t).Dir)
	write := func(text string) {
		if err := os.WriteFile("tfops.hcl", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("w%02d", i))
		config += fmt.Sprintf("workspace %q {\n  repository = \"infra\"\n  dir = %q\n}\n", names[i], names[i])
	}
	write(config + "ignore \"all\" {\n  class  = \"changed\"\n  reason = \"for now\"\n}\n")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(Options{Known: &Secrets{}, ConfigPath: "tfops.hcl", Exe: exe,
		Log:     slog.New(slog.DiscardHandler),
		Environ: []string{"PATH=" + os.Getenv("PATH")}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, name := range names {
		err := d.store.ChangeWorkspace(t.Context(), name, func(h *run.WorkspaceTx) error {
			h.SetFindings([]drift.Finding{{ID: drift.ID(name, "x.y", drift.Changed), Workspace: name,
				Life: drift.Ignored,
				Difference: drift.Difference{Address: "x.y", Class: drift.Changed,
					Attributes: []drift.Attribute{{Path: "a", IgnoredBy: "all"}}}}})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	write(config + "notify \"ops\" {\n  url = \"https://127.0.0.1:1/\"\n}\n")
	reloaded := make(chan struct{})
	go func() {
		defer close(reloaded)
		d.reload(t.Context())
	}()
	for ended := false; !ended; {
		select {
		case <-reloaded:
			ended = true
		default:
		}
		due, _, err := d.store.Due(t.Context(), time.Now(), 0)
		if err != nil {
			t.Fatal(err)
		}
		there := d.notified()
		for _, n := range due {
			if !slices.ContainsFunc(there, func(target notify.Target) bool { return target.Name == n.Target }) {
				<-reloaded
				t.Fatalf("%s is told of by %d deliveries, and is not there yet", n.Target, len(due))
			}
		}
		if ended && len(due) != len(names) {
			t.Fatalf("%d of %d workspaces are told of: %s", len(due), len(names),
				strings.TrimSpace(d.configStatus().Error))
		}
	}
}

// Reports are written for one target at a time, and who waits for that gives up
// with its attempt.
func TestReportsAreWrittenOneAtATime(t *testing.T) {
	d := &Daemon{rendering: make(chan struct{}, 1)}
	d.rendering <- struct{}{} // another target's
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if b, err := d.renderReport(gone, "r", "md"); !errors.Is(err, context.Canceled) || b != nil {
		t.Errorf("%v: a second report is written", err)
	}
}
