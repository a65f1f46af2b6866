package artifacts

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// TestLogsAreStreamed: a log of any length passes through a few megabytes.
func TestLogsAreStreamed(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	path := filepath.Join(t.TempDir(), "events.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const lines = 60_000
	text := strings.Repeat("x", 2000)
	w := bufio.NewWriter(f)
	for i := range lines {
		fmt.Fprintf(w, `{"n":%d,"@message":"%s"}`+"\n", i, text)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	runtime.GC()
	before, most, n := heap(), uint64(0), 0
	tl := Log{path: path}
	if err := tl.Read(func(line []byte) error {
		if want := fmt.Sprintf(`{"n":%d,`, n); !strings.HasPrefix(string(line), want) || len(line) < 2000 {
			t.Fatalf("line %d is %.40s", n, line)
		}
		if n++; n%1000 == 0 {
			most = max(most, heap())
		}
		return nil
	}); err != nil || n != lines {
		t.Fatalf("%d lines, %v", n, err)
	}
	if most > before+20<<20 {
		t.Errorf("a log of %d MB took %d MB of memory", lines*2000>>20, (most-before)>>20)
	}

	// What is added later is read from there on, and half a line not at all.
	if _, err := f.WriteString(`{"late":1}` + "\n" + `{"half":`); err != nil {
		t.Fatal(err)
	}
	var got []string
	collect := func(line []byte) error { got = append(got, string(line)); return nil }
	if err := tl.Read(collect); err != nil || fmt.Sprint(got) != `[{"late":1}]` {
		t.Errorf("%v, %v", got, err)
	}
	// A line that is no message at all is told of.
	got = nil
	if _, err := f.WriteString(strings.Repeat("y", maxLogLine) + "}\n" + `{"after":1}` + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := tl.Read(collect); err != nil || len(got) != 2 || !strings.Contains(got[0], "left out") || got[1] != `{"after":1}` {
		t.Errorf("%d lines, %v", len(got), err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// A log that is begun anew, because the plan is, is read from its beginning.
func TestTailOfAPlanMadeAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	var got []string
	follow := Log{path: path}
	for _, content := range []string{"one\ntwo\n", "three\n", "four and more\n"} {
		next := path + ".next" // both exist at once, so that they are two files
		if err := os.WriteFile(next, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
		if err := follow.Read(func(line []byte) error { got = append(got, string(line)); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"one", "two", "three", "four and more"}; !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}
