package audit

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestBounded keeps the beginning of a long text, of whole characters, and says that it was cut.
func TestBounded(t *testing.T) {
	for _, text := range []string{"", "why", strings.Repeat("x", MaxText)} {
		if got := (Record{Reason: text}).Bounded().Reason; got != text {
			t.Errorf("%d bytes became %d", len(text), len(got))
		}
	}
	for shift := range 4 {
		text := strings.Repeat("x", shift) + strings.Repeat("𝛑", MaxText)
		r := Record{Action: text, Reason: text, Refused: text}.Bounded()
		for _, got := range []string{r.Action, r.Reason, r.Refused} {
			whole := utf8.ValidString(got) && strings.HasSuffix(got, "𝛑 … (cut)")
			if len(got) > MaxText || len(got) < MaxText-4 || !whole {
				t.Errorf("shifted by %d: %d bytes, of which the last are %q", shift, len(got), got[len(got)-20:])
			}
		}
	}
}
