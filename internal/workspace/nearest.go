package workspace

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest is the name that was probably meant by one that is not known: the
// known one with the fewest letters changed, "" when none is near. Of several
// one that begins with what was given, or has its letters in another order, wins, or else the first.
func Nearest(given string, known []string) string {
	best, fewest := "", 0
	low := strings.ToLower(given)
	for _, k := range known {
		d := levenshtein.Distance(low, strings.ToLower(k), nil)
		closer := best == "" || d < fewest ||
			d == fewest && alike(low, strings.ToLower(k)) && !alike(low, strings.ToLower(best))
		if k != given && d <= tolerance(given, k) && closer {
			best, fewest = k, d
		}
	}
	return best
}

// alike reports whether b begins with a, or has the same letters.
func alike(a, b string) bool {
	if strings.HasPrefix(b, a) {
		return true
	}
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return string(x) == string(y)
}

// tolerance is how many letters may differ: more in longer names, never all.
func tolerance(a, b string) int {
	n := min(len(a), len(b))
	return min(max(2, n/3), n-1)
}
