package engines_test

import (
	"path/filepath"
	"testing"

	"github.com/tfops/tfops/internal/runner/engines"
	"github.com/tfops/tfops/internal/testrig"
)

// BenchmarkFind is what each phase of each run pays once the answer is known.
func BenchmarkFind(b *testing.B) {
	req := engines.Request{
		Name: "terraform", Constraints: []string{">= 1.0"}, CacheDir: filepath.Join(b.TempDir(), "cache"),
		SearchPath: filepath.Dir(testrig.Terraform(b)),
	}
	for b.Loop() {
		if _, err := engines.Find(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}
