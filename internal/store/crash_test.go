package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/run"
)

// childOf names the file that this process, started by a test, is to write
// until it is killed; childDoes says how.
const childOf, childDoes = "TFOPS_TEST_STORE", "TFOPS_TEST_STORE_DOES"

// mark stands before what the child says about itself.
const mark = "-"

func TestMain(m *testing.M) {
	if path := os.Getenv(childOf); path != "" {
		if err := child(path, os.Getenv(childDoes)); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child commits and tells what it has committed, for ever.
func child(path, does string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	ctx := context.Background()
	for i := 0; ; i++ {
		created, _, err := s.Enqueue(ctx, run.Batch{Heads: map[string]string{"head": fmt.Sprint(i)}, Runs: []run.Run{
			{Workspace: fmt.Sprintf("w%d", i%7), Kind: run.Sync, Comment: strings.Repeat("x", 10+i%5000)},
			{Workspace: "plans", Kind: run.Plan}}})
		if err != nil {
			return err
		}
		// The run as it is after the last step that is known to be stored.
		fmt.Println(created[0].ID, run.Pending)
		if err := step(ctx, s, created[0].ID, run.Planning); err != nil {
			return err
		}
		if err := step(ctx, s, created[1].ID, run.Canceled); err != nil {
			return err
		}
		if does == "compact" {
			if err := s.file.Rewrite(); err != nil {
				return err
			}
		}
		if i%20 == 19 {
			fmt.Println(mark, "pruning")
			pruned, err := s.Prune(ctx, map[string]run.Retention{"plans": {Runs: 10}})
			if err != nil {
				return err
			}
			for _, id := range pruned {
				fmt.Println(id, "pruned")
			}
			fmt.Println(mark, "pruned")
		}
	}
}

func step(ctx context.Context, s *Store, id string, to run.Status) error {
	_, err := s.Change(ctx, id, func(d *run.Tx) error { return d.Move(to, "", "") })
	if err == nil {
		fmt.Println(id, to)
	}
	return err
}

// TestKill9 kills a writing process at many moments and holds what is then in
// the file against what the process had said.
func TestKill9(t *testing.T) {
	for does, rounds := range map[string]int{"write": 25, "compact": 15} {
		t.Run(does, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(5, uint64(rounds)))
			path := filepath.Join(t.TempDir(), "tfops.db")
			said := map[string]string{}
			for range rounds {
				for id, status := range untilKilled(t, path, does, 1+random.IntN(60)) {
					said[id] = status
				}
				holds(t, path, said)
			}
			if len(said) < rounds {
				t.Errorf("only %d runs in %d rounds", len(said), rounds)
			}
		})
	}
}

// untilKilled runs a child until it has said so many lines, kills it, and
// returns all that it had said by then.
func untilKilled(t *testing.T, path, does string, lines int) map[string]string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childOf+"="+path, childDoes+"="+does)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, killed := map[string]string{}, false
	in := bufio.NewScanner(out)
	for n := 1; in.Scan(); n++ {
		id, status, _ := strings.Cut(in.Text(), " ")
		if id == "error:" {
			t.Errorf("the child failed: %s", status)
		}
		said[id] = status
		if n >= lines && !killed { // what is in the pipe still counts
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || !killed {
		t.Errorf("the child was not killed: %v", err)
	}
	return said
}

// holds opens the file and compares it with what was said to be stored. The
// last step may be stored and not be said any more, never the other way round.
func holds(t *testing.T, path string, said map[string]string) {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatalf("after a kill: %v", err)
	}
	defer s.Close()
	sound(t, s)
	runs, err := s.Runs(t.Context(), run.Query{})
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string]run.Run{}
	for _, r := range runs {
		stored[r.ID] = r
	}
	pruning := said[mark] == "pruning"
	delete(said, mark)
	for id, status := range said {
		r, ok := stored[id]
		switch {
		case status == "pruned" && ok:
			t.Errorf("run %s was pruned and is there", id)
		case status == "pruned":
		case !ok && pruning && status == string(run.Canceled):
			said[id] = "pruned"
		case !ok:
			t.Errorf("run %s, which was %s, is lost", id, status)
		case later(r.Status) < later(run.Status(status)):
			t.Errorf("run %s is %s and was %s", id, r.Status, status)
		}
	}
}

// later is the order in which the child leads its runs.
func later(s run.Status) int {
	switch s {
	case run.Pending:
		return 0
	case run.Planning:
		return 1
	}
	return 2
}
