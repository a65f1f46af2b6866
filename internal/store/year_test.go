package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/journal"
	"github.com/tfops/tfops/internal/store/records"
)

// Nights of a fleet, pruned as the daemon does it: what is remembered of drift
// stops growing once the longest trend is full. It is linear: a year of 200
// workspaces came to 48 MB.
func TestNightsDoNotPileUp(t *testing.T) {
	const fleet, open, kept = 8, 5, 91
	configured := map[string]bool{}
	for i := range fleet {
		configured[fmt.Sprintf("workspace-%03d", i)] = true
	}
	path := filepath.Join(t.TempDir(), "tfops.db")
	at := t0
	s := openAt(t, path, &at)
	var full int64
	for night := 0; night < 250; {
		if night == 10 {
			delete(configured, "workspace-007") // taken out of the configuration
		}
		err := s.db.Update(t.Context(), func(tx *records.Tx) error {
			for range 5 { // at a time
				at = t0.AddDate(0, 0, night)
				if err := nightOf(tx, configured, night, at); err != nil {
					return err
				}
				night++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.PruneDrift(t.Context(), at.AddDate(0, 0, -kept), configured); err != nil {
			t.Fatal(err)
		}
		if night == 2*kept+3 {
			full = sizeOf(t, path)
		}
	}
	count := func(bucket []byte) (n int) {
		_ = s.db.View(t.Context(), func(tx *records.Tx) error { n = tx.Bucket(bucket).Stats().KeyN; return nil })
		return n
	}
	checks, findings, reports := count(records.Checks), count(records.Findings), count(records.Reports)
	if n := (fleet - 1) * (kept + 1); checks != n {
		t.Errorf("%d checks are kept, want %d", checks, n)
	}
	if n := (fleet - 1) * (open + kept + 1); findings > n || findings < n-2*fleet {
		t.Errorf("%d findings are kept, want about %d", findings, n)
	}
	if reports != kept+1 {
		t.Errorf("%d reports are kept, want %d", reports, kept+1)
	}
	size := sizeOf(t, path)
	t.Logf("in the end: %d checks, %d findings, %d reports in %d MB (%d MB after half a year)", checks, findings,
		reports, size>>20, full>>20)
	if size > full+full/4 || size > 4<<20 {
		t.Errorf("the file has %d bytes, and had %d after half a year", size, full)
	}
}

func openAt(t *testing.T, path string, at *time.Time) *Store {
	t.Helper()
	return open(t, path, Options{Now: func() time.Time { return *at }})
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// nightOf is what the checks of all workspaces store, and the report of them.
func nightOf(tx *records.Tx, configured map[string]bool, night int, at time.Time) error {
	for name := range configured {
		if err := aNight(tx, name, night, at); err != nil {
			return err
		}
	}
	return journal.AddReports(tx, []run.Report{{ID: fmt.Sprintf("%012d", night), Name: "nightly", At: at,
		Since: at.AddDate(0, 0, -1), DueAt: at, Text: "All is well: all 8 workspaces were checked and none has " +
			"drifted."}})
}

// aNight is what a check of a workspace stores: findings that stand, and one
// that came and went.
func aNight(tx *records.Tx, name string, night int, at time.Time) error {
	var all []drift.Finding
	one := func(address string) drift.Finding {
		return drift.Finding{ID: drift.ID(name, address, drift.Changed), Workspace: name, Life: drift.Ongoing,
			Severity: drift.Medium, FirstSeen: t0, LastSeen: at, Times: night + 1,
			File: "live/prod/main.tf", Line: 41, Owners: []string{"@acme/platform"}, LastRun: "01zgwseg0v3j",
			Difference: drift.Difference{Address: address, Type: "aws_instance", Class: drift.Changed,
				Provider: "registry.terraform.io/hashicorp/aws", Action: "update",
				Attributes: []drift.Attribute{{Path: "tags.Name", Before: "web", After: "web-by-hand", FirstSeen: t0}}}}
	}
	for i := range 5 {
		all = append(all, one(fmt.Sprintf("module.web.aws_instance.node[%d]", i)))
	}
	gone := one(fmt.Sprintf("aws_instance.night_%d", night))
	gone.Life, gone.ResolvedAt = drift.Resolved, at
	l := run.FindingsTx{Checks: []drift.Check{{Workspace: name, Run: fmt.Sprintf("%012d", night), At: at,
		Took:   9 * time.Second,
		Commit: "4be1f0c9d2a74be1f0c9d2a74be1f0c9d2a74be1", Outcome: drift.Drifted, Resources: 120,
		Blind:  classify.Blinds(nil),
		Counts: map[drift.Class]int{drift.Changed: 5}, Open: map[drift.Severity]int{drift.Medium: 5}}}}
	l.SetFindings(append(all, gone))
	return journal.Save(tx, name, l)
}
