package ids

import (
	"regexp"
	"slices"
	"testing"
	"time"
)

var t0 = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

var idForm = regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{12}$`)

func TestIDsSortAsTheyWereMade(t *testing.T) {
	for _, c := range []struct {
		name string
		step func(i int) time.Duration
	}{
		{"a clock that stands still", func(int) time.Duration { return 0 }},
		{"a clock that goes", func(i int) time.Duration { return time.Duration(i) * time.Second }},
		{"a clock that goes backwards", func(i int) time.Duration { return -time.Duration(i) * time.Hour }},
		{"a clock that jumps", func(i int) time.Duration { return time.Duration(i%7-3) * 24 * time.Hour }},
		{"a clock before the epoch", func(i int) time.Duration { return -100 * 365 * 24 * time.Hour }},
		{"a clock far in the future", func(i int) time.Duration { return 200 * 365 * 24 * time.Hour }},
	} {
		t.Run(c.name, func(t *testing.T) {
			last, all := "", []string{}
			for i := range 5000 {
				id := New(t0.Add(c.step(i)), last)
				if !idForm.MatchString(id) {
					t.Fatalf("%q is not an id", id)
				}
				if id <= last {
					t.Fatalf("%q was made after %q", id, last)
				}
				all, last = append(all, id), id
			}
			if !slices.IsSorted(all) || len(slices.Compact(all)) != 5000 {
				t.Error("5,000 ids are not 5,000 in order")
			}
		})
	}
}

// Two stores, or a store that lost its last run, may ask with the same time.
func TestIDsOfOneMomentDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		seen[New(t0, "")] = true
	}
	if len(seen) < 95 { // 32,768 to choose from
		t.Errorf("a hundred ids of one moment are %d", len(seen))
	}
}

func TestIDHoldsTheTime(t *testing.T) {
	a, b := New(t0, ""), New(t0.Add(time.Millisecond), "")
	if decode(b[:timeDigits])-decode(a[:timeDigits]) != 1 {
		t.Errorf("%s and %s are not a millisecond apart", a, b)
	}
	if got := epoch.Add(time.Duration(decode(a[:timeDigits])) * time.Millisecond); !got.Equal(t0) {
		t.Errorf("%s says %s, want %s", a, got, t0)
	}
}

func FuzzNew(f *testing.F) {
	f.Add(int64(0), "")
	f.Add(int64(1_800_000_000_000), "0123456789ab")
	f.Add(int64(-1), "not an id at all")
	f.Fuzz(func(t *testing.T, ms int64, last string) {
		id := New(time.UnixMilli(ms%(1<<44)), last)
		if !idForm.MatchString(id) {
			t.Fatalf("%q is not an id", id)
		}
		if idForm.MatchString(last) && last < "z" && id <= last {
			t.Fatalf("%q was made after %q", id, last)
		}
	})
}
