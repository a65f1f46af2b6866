package store

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/run"
)

// The queue is read through a memory: whatever happens, it must be what a
// store without one reads from the same file.
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
		s.runs.kept, s.records.kept, s.votes.kept, s.latest = nil, nil, nil, latest{}
		cold, err := s.Queue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cold.Now = warm.Now
		if !reflect.DeepEqual(warm, cold) {
			t.Fatalf("after %s the queue is\n%+v\nand should be\n%+v", after, warm, cold)
		}
	}
	compare("nothing")
	made, _, err := s.Enqueue(t.Context(), run.Batch{Heads: map[string]string{"a": "1"}, Runs: []run.Run{
		{Workspace: "a", Kind: run.Sync, Commit: run.Commit{SHA: "1"}}, {Workspace: "b", Kind: run.Sync, Commit: run.Commit{SHA: "1"}}}})
	if err != nil {
		t.Fatal(err)
	}
	compare("two runs")
	for i, move := range []run.Status{run.Planning, run.AwaitingApproval, run.Discarded} {
		_, err := s.Change(t.Context(), made[0].ID, func(d *run.Dossier) error {
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
	if _, err := s.Change(t.Context(), made[1].ID, func(d *run.Dossier) error { d.Run.Comment = "never stored"; return refused }); err != refused {
		t.Fatal(err)
	}
	compare("a change that was refused")
}

// A memory of runs that ended long ago would grow for ever.
func TestMemoryIsBounded(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "tfops.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 3 * spare {
		_, _, err := s.Enqueue(t.Context(), run.Batch{Runs: []run.Run{{Workspace: "a", Kind: run.Sync, Commit: run.Commit{SHA: fmt.Sprint(i)}}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Queue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(s.runs.kept); n > spare+2 {
			t.Fatalf("%d runs are kept, and one is in the queue", n)
		}
	}
}

// A record that cannot be read is told of, with a memory as without.
func TestMemoryOfDamagedRecord(t *testing.T) {
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
	err = s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketRuns).Put([]byte(made[0].ID), []byte("{")) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Queue(t.Context()); err == nil {
		t.Fatal("the queue was read from a record that is damaged")
	}
}
