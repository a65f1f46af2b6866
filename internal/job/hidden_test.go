package job_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
)

// What a plan hid takes the place of no other plan's, but of those that are much older: and a
// speculative one, which anybody may make, takes the place of no plan that may be applied.
func TestHiddenCopies(t *testing.T) {
	dir := t.TempDir()
	write := func(path string) {
		t.Helper()
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := job.HiddenCopies(filepath.Join(dir, "gone"), false); got != nil {
		t.Errorf("of a directory that is not there: %q", got)
	}
	write(filepath.Join(dir, job.HiddenFile)) // of an earlier tfops
	write(job.HiddenCopy(dir, "0sync", false))
	for i := range 100 {
		write(job.HiddenCopy(dir, fmt.Sprintf("1spec%03d", i), true))
		job.PruneHidden(dir, true)
	}
	applied, speculative := job.HiddenCopies(dir, false), job.HiddenCopies(dir, true)
	if !slices.Equal(applied, []string{filepath.Join(dir, job.HiddenFile), job.HiddenCopy(dir, "0sync", false)}) {
		t.Errorf("of plans that may be applied: %q", applied)
	}
	if len(speculative) != 32 || !strings.Contains(speculative[31], "1spec099") {
		t.Errorf("of speculative plans: %q", speculative)
	}
	for i := range 20 {
		write(job.HiddenCopy(dir, fmt.Sprintf("2sync%03d", i), false))
		job.PruneHidden(dir, false)
	}
	if applied = job.HiddenCopies(dir, false); len(applied) != 8 || !strings.Contains(applied[7], "2sync019") {
		t.Errorf("of plans that may be applied, later: %q", applied)
	}
	if left := job.HiddenCopies(dir, true); len(left) != 32 {
		t.Errorf("of speculative plans, later: %q", left)
	}
}
