package store

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/records"
)

// What a transaction reads and writes does not grow with the workspaces and runs that there
// are, but for the depth of the tree: the longest one is bounded. Pages and cursors are
// counted, so that a busy machine does not matter.
func TestTransactionsDoNotGrow(t *testing.T) {
	few, many := costs(t, 50), costs(t, 5000)
	for what, cost := range few {
		if many[what] > 3*cost+10 {
			t.Errorf("%s: %d pages and cursors among 50 workspaces, %d among 5,000", what, cost, many[what])
		}
	}
}

func costs(t *testing.T, n int) map[string]int64 {
	s := open(t, filepath.Join(t.TempDir(), "tfops.db"), Options{})
	ctx := t.Context()
	for range 3 { // two of three runs of each are superseded
		if _, _, err := s.Enqueue(ctx, pendingRuns(n)); err != nil {
			t.Fatal(err)
		}
	}
	q, err := s.Queue(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r := q.List().Active[n/2]
	out := map[string]int64{}
	measure := func(what string, fn func() error) {
		t.Helper()
		before := work(t, s)
		if err := fn(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		out[what] = work(t, s) - before
	}
	change := func(fn func(*run.Tx) error) func() error {
		return func() error { _, err := s.Change(ctx, r.ID, fn); return err }
	}
	measure("claim", func() error {
		_, _, err := s.Claim(ctx, func(run.Queue) (string, func(*run.Tx) error) {
			return r.ID, func(d *run.Tx) error { return d.Move(run.Planning, "", "") }
		})
		return err
	})
	measure("planned", change(func(d *run.Tx) error {
		d.Run.State, d.Record.State = "s:x", "s:x"
		return d.Move(run.AwaitingApproval, "", "")
	}))
	measure("vote", change(func(d *run.Tx) error {
		d.Votes = append(d.Votes, approvals.Vote{Run: r.ID, Voter: "ana", Yes: true})
		return d.Move(run.ApplyQueued, "", "")
	}))
	measure("apply", change(func(d *run.Tx) error {
		if err := d.Take("applying"); err != nil {
			return err
		}
		return d.Move(run.Applying, "", "")
	}))
	measure("applied", change(func(d *run.Tx) error {
		d.Release()
		d.Notices = []run.Notice{{Kind: run.NoticeTest, Targets: []string{"chat"}}}
		return d.Move(run.Applied, "", "")
	}))
	measure("enqueue", func() error {
		_, _, err := s.Enqueue(ctx, run.Batch{Runs: []run.Run{{Workspace: r.Workspace, Kind: run.Sync}}})
		return err
	})
	measure("suspend", func() error {
		return s.ChangeWorkspace(ctx, r.Workspace, func(h *run.WorkspaceTx) error { h.Record.Head = "x"; return nil })
	})
	measure("queue", func() error { _, err := s.Queue(ctx); return err })
	return out
}

// work counts what bbolt has done so far.
func work(t *testing.T, s *Store) int64 {
	t.Helper()
	done := stats(t, s).TxStats
	return done.GetCursorCount() + done.GetPageCount() + done.GetNodeCount()
}

func TestLongest(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tfops.db"), Options{})
	if _, _, err := s.Enqueue(t.Context(), run.Batch{Runs: []run.Run{{Workspace: "net", Kind: run.Sync}}}); err != nil {
		t.Fatal(err)
	}
	wrote := s.Longest()
	if wrote.Took <= 0 || !wrote.Writes {
		t.Errorf("%+v", wrote)
	}
	if l := s.Longest(); l.Took != 0 {
		t.Errorf("it was told twice: %+v", l)
	}
	const long = 20 * time.Millisecond
	if err := s.db.View(context.Background(),
		func(*records.Tx) error { <-time.After(long); return fmt.Errorf("failed") }); err == nil {
		t.Fatal("no error")
	}
	if l := s.Longest(); l.Took < long || l.Writes {
		t.Errorf("%+v", l)
	}
}
