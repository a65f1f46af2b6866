package upkeep

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/run"
)

// A clock that was ahead for a while hides nothing afterwards.
func TestReportAfterAWrongClock(t *testing.T) {
	kept := []run.Report{{ID: "1", Name: "daily", At: noon.Add(-24 * time.Hour)},
		{ID: "2", Name: "daily", At: noon.AddDate(8, 0, 0)}, {Name: "daily", At: noon.Add(-time.Hour)}}
	if r, ok := newestReport(kept, "daily", noon); !ok || r.ID != "1" {
		t.Errorf("%+v", r)
	}
	if _, ok := newestReport(kept, "weekly", noon); ok {
		t.Error("a report of another name was taken")
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// More trees than may wait are removed at once.
func TestNoMoreTreesThanMayWait(t *testing.T) {
	e := &Keeper{log: slog.New(slog.DiscardHandler), trees: make(chan string, 1)}
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	for _, tree := range []string{first, second} {
		if err := os.MkdirAll(filepath.Join(tree, "live"), 0o700); err != nil {
			t.Fatal(err)
		}
		e.discardTree(tree)
	}
	for tree, want := range map[string]bool{first: true, second: false} {
		if _, err := os.Stat(tree); (err == nil) != want {
			t.Errorf("%s is there: %t, want %t", tree, err == nil, want)
		}
	}
}
