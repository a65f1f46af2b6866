package natural

import (
	"slices"
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	want := []string{"", "a", "a[1]", "a[02]", "a[2]", "a[2].b", "a[10]", "a[10].x", "a[99999999999999999999]",
		"a[100000000000000000000]", "ab", "b-1", "b-9.z", "b-10", "b-x", "z\"3\"", "z\"12\""}
	got := slices.Clone(want)
	slices.SortFunc(got, strings.Compare)
	slices.SortStableFunc(got, Compare)
	if strings.Join(got, "\n") == "" || !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// FuzzCompare: it is an order, whatever the names.
func FuzzCompare(f *testing.F) {
	f.Add("a[2]", "a[10]", "a[02]")
	f.Add("1", "01", "a")
	f.Add("a1b", "a1", "a01b2")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if Compare(a, b) != -Compare(b, a) || (Compare(a, b) == 0) != (a == b) {
			t.Errorf("%q and %q: %d and %d", a, b, Compare(a, b), Compare(b, a))
		}
		if Compare(a, b) < 0 && Compare(b, c) < 0 && Compare(a, c) >= 0 {
			t.Errorf("%q < %q < %q, and yet %d", a, b, c, Compare(a, c))
		}
	})
}
