package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/offline"
	"github.com/tfops/tfops/internal/store"
)

func TestInspectWhatIsNoStore(t *testing.T) {
	s := newShell(t)
	for name, content := range map[string]string{"tfops.hcl": liveConfig, "short": "x",
		"big": strings.Repeat("not a store ", 20000)} {
		write(t, name, content)
		r := s.ends(exit.Usage, "inspect", name)
		if !strings.Contains(r.err, name+" is not a tfops store") || strings.Contains(r.err, "damaged") ||
			strings.Contains(r.err, "move") {
			t.Errorf("%s: says %q", name, r.err)
		}
	}
	// A store stays one when it is damaged, be it in its very beginning.
	db, err := store.Open("real.db", store.Options{Now: s.now})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s.ok("inspect", "real.db")
	b, err := os.ReadFile("real.db")
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []int{0, 2 * os.Getpagesize()} {
		broken := bytes.Clone(b)
		clear(broken[from : from+os.Getpagesize()])
		write(t, "broken.db", string(broken))
		if err := offline.LooksLikeStore("broken.db"); err != nil {
			t.Errorf("zeros from %d: %v", from, err)
		}
	}
	if r := s.ends(exit.Failed, "inspect", "nowhere.db"); !strings.Contains(r.err, "there is no store at nowhere.db") {
		t.Errorf("says %q", r.err)
	}
}
