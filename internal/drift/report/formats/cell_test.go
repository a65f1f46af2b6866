package formats

import (
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/term"
)

// FuzzCell holds for any text that no spreadsheet runs its cell, and that the
// text can be had back.
func FuzzCell(f *testing.F) {
	for _, s := range []string{"", "a", "=1", " =1", "'=1", "''", ";", "a;=1", ";'", "\t+1", "＝1", "\x00=1", "-",
		"a;;@x", "\n=1", "\u00a0=1", "\u3000@"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := cell(s)
		parts := strings.Split(got, ";")
		for i, p := range parts {
			if first := strings.TrimSpace(p); first != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(first)[0]) {
				t.Errorf("%q makes %q, which runs", s, got)
			}
			parts[i] = strings.TrimPrefix(p, "'")
		}
		if back := strings.Join(parts, ";"); back != term.Clean(s) {
			t.Errorf("%q makes %q, and back %q", s, got, back)
		}
	})
}
