package changes

import "testing"

// What was changed is remembered within bounds, however long a daemon runs.
func TestChangesAreForgotten(t *testing.T) {
	var newest *Change
	var past []uint64
	for range 5 * remembered {
		newest = Change{}.After(newest)
		past = append(past, newest.Version())
	}
	n := 0
	for c := newest; c != nil; c = c.older {
		n++
	}
	if n < remembered || n > 2*remembered+2 {
		t.Errorf("%d changes are kept, of %d that should be", n, remembered)
	}
	if later, ok := newest.Since(past[len(past)-remembered]); !ok || len(later) != remembered-1 {
		t.Errorf("%d changes, %v", len(later), ok)
	}
	if _, ok := newest.Since(past[0]); ok {
		t.Error("what was forgotten is known")
	}
}
