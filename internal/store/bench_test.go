package store

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
)

// pendingRuns is a batch of one run for each of n workspaces, as large as runs are.
func pendingRuns(n int) run.Batch {
	b := run.Batch{Heads: map[string]string{}}
	for i := range n {
		name := fmt.Sprintf("live-prod-%04d", i)
		b.Heads[name] = "0123456789abcdef0123456789abcdef01234567"
		b.Runs = append(b.Runs, run.Run{Workspace: name, Kind: run.Sync,
			Fingerprint: "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210",
			Commit: run.Commit{SHA: "0123456789abcdef0123456789abcdef01234567", Author: run.Person{Name: "Ana Silva",
				Email: "ana@example.com"},
				Committer: run.Person{Name: "Ana Silva", Email: "ana@example.com"},
				Message:   "Make the subnets larger\n\nThe cluster needs room."},
			Plan: &run.PlanSummary{Digest: "sha256:0123", Counts: plan.Counts{Add: 3}, Types: []string{"aws_subnet"},
				Addresses: []string{"aws_subnet.a", "aws_subnet.b", "aws_subnet.c"}}})
	}
	return b
}

func BenchmarkEnqueue200(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "tfops.db"), Options{})
	batch := pendingRuns(200)
	for b.Loop() {
		if _, _, err := s.Enqueue(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClaimOf1000Pending(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "tfops.db"), Options{})
	if _, _, err := s.Enqueue(b.Context(), pendingRuns(1000)); err != nil {
		b.Fatal(err)
	}
	q, err := s.Queue(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	middle := q.List().Active[500].ID
	// so that the queue stays as long
	to := map[run.Status]run.Status{run.Pending: run.Planning, run.Planning: run.Pending}
	for b.Loop() {
		_, ok, err := s.Claim(b.Context(), func(q run.Queue) (string, func(*run.Tx) error) {
			return middle, func(d *run.Tx) error { return d.Move(to[d.Run.Status], "", "") }
		})
		if !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkQueueOf1000Active(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "tfops.db"), Options{})
	if _, _, err := s.Enqueue(b.Context(), pendingRuns(1000)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if q, err := s.Queue(b.Context()); err != nil || q.Len() != 1000 {
			b.Fatal(q.Len(), err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "tfops.db")
	s := open(b, path, Options{})
	for range 10 {
		if _, _, err := s.Enqueue(b.Context(), pendingRuns(1000)); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Open(path, Options{})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
