package store

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/records"
)

// The queue is in memory: whatever happens, it must be what is in the file.
func TestQueueIsNeverOld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tfops.db")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	compare := func(after string) {
		t.Helper()
		warm, err := s.Queue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cold, err := records.New(s.file, time.Now).Queue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(warm.List(), cold.List()) {
			t.Fatalf("after %s the queue is\n%+v\nand should be\n%+v", after, warm.List(), cold.List())
		}
	}
	compare("nothing")
	made, _, err := s.Enqueue(t.Context(), run.Batch{Heads: map[string]string{"a": "1"}, Runs: []run.Run{
		{Workspace: "a", Kind: run.Sync, Commit: run.Commit{SHA: "1"}}, {Workspace: "b", Kind: run.Sync,
			Commit: run.Commit{SHA: "1"}}}})
	if err != nil {
		t.Fatal(err)
	}
	compare("two runs")
	for i, move := range []run.Status{run.Planning, run.AwaitingApproval, run.Discarded} {
		_, err := s.Change(t.Context(), made[0].ID, func(d *run.Tx) error {
			d.Record.Applied = fmt.Sprint(i)
			d.Votes = append(d.Votes, approvals.Vote{Run: d.Run.ID, Voter: fmt.Sprint(i)})
			return d.Move(move, "", "")
		})
		if err != nil {
			t.Fatal(err)
		}
		compare(string(move))
	}
	refused := fmt.Errorf("no")
	if _, err := s.Change(t.Context(), made[1].ID,
		func(d *run.Tx) error { d.Run.Comment = "never stored"; return refused }); err != refused {
		t.Fatal(err)
	}
	compare("a change that was refused")
}

// Nothing is decided about a record that cannot be read, though the queue knows what it was.
func TestQueueOfDamagedRecord(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "tfops.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	made, _, err := s.Enqueue(t.Context(), run.Batch{Runs: []run.Run{{Workspace: "a", Kind: run.Sync}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Queue(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = s.db.Update(t.Context(), func(tx *records.Tx) error {
		return tx.Bucket(records.Runs).Put([]byte(made[0].ID), []byte("{"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Change(t.Context(), made[0].ID, func(*run.Tx) error { return nil }); !fault.Is(err, fault.Internal) {
		t.Fatalf("a change of a record that is damaged: %v", err)
	}
	if _, err := records.New(s.file, time.Now).Queue(t.Context()); err == nil {
		t.Fatal("the queue was read from a record that is damaged")
	}
}
