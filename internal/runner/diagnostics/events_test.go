package diagnostics

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
)

// A run that prints without end does not fill the disk that all share: its
// log stops at a bound and says so, and what tfops itself says is still kept.
func TestLogIsBounded(t *testing.T) {
	dir := t.TempDir()
	l := OpenEvents(dir, NewMasker(nil))
	l.most = 10 << 10
	for range 1000 {
		l.line([]byte(`{"@message":"` + strings.Repeat("x", 100) + `","type":"provision_progress"}`))
	}
	l.line([]byte(`{"@message":"Error: it broke","type":"diagnostic"}`))
	l.Say("error", "the end")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, job.EventsFile))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if len(b) > 12<<10 || !strings.Contains(text, "the end") || !strings.Contains(text, "it broke") ||
		strings.Count(text, "left out") != 1 {
		t.Errorf("%d bytes, ends with %q", len(b), text[max(0, len(text)-600):])
	}
	for line := range strings.Lines(text) {
		if !json.Valid([]byte(line)) {
			t.Errorf("%q is no JSON", line)
		}
	}
}
