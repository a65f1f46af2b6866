package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/formats"
)

var update = flag.Bool("update", false, "write the golden files anew")

func rendered(t testing.TB, r *report.Report, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := formats.Render(&b, r, format); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every format of each night is as testdata has it.
func TestGolden(t *testing.T) {
	for name, night := range nights {
		r := report.Build(night())
		for _, f := range formats.All() {
			file := filepath.Join("testdata", name+f.Extension)
			got := rendered(t, r, f.Name)
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v; write it with -update", err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is not as it was; look at it, and write it anew with -update:\n%s", file,
					firstDifference(want, got))
			}
		}
	}
}

// firstDifference is the first line that is not the same.
func firstDifference(want, got []byte) string {
	w, g := bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n"))
	for i := range min(len(w), len(g)) {
		if !bytes.Equal(w[i], g[i]) {
			return "- " + string(w[i]) + "\n+ " + string(g[i])
		}
	}
	return "one is longer"
}
