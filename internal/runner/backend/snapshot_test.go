package backend

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/durable"
)

func TestTheNewestSnapshotsAreKept(t *testing.T) {
	dir := t.TempDir()
	for i := range 14 {
		// The state was made anew in between: its serial began again.
		path := filepath.Join(dir, fmt.Sprintf("%08d-run%02d.tfstate.age", (i+7)%14, i))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(int64(1_000_000+i), 0)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := PruneSnapshots(dir); err != nil {
		t.Fatal(err)
	}
	for i := range 14 {
		path := filepath.Join(dir, fmt.Sprintf("%08d-run%02d.tfstate.age", (i+7)%14, i))
		if kept := durable.Exists(path); kept != (i >= 4) {
			t.Errorf("run %d: kept %v", i, kept)
		}
	}
}
