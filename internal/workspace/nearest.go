package workspace

import (
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest is the name that was probably meant by one that is not known: the
// known one with the fewest letters changed, "" when none is near. Of several
// one of the same length wins, since letters are swapped more often than left out, or else the first.
func Nearest(given string, known []string) string {
	best, fewest := "", 0
	low := strings.ToLower(given)
	for _, k := range known {
		d := levenshtein.Distance(low, strings.ToLower(k), nil)
		closer := best == "" || d < fewest || d == fewest && len(k) == len(given) && len(best) != len(given)
		if k != given && d <= tolerance(given, k) && closer {
			best, fewest = k, d
		}
	}
	return best
}

// tolerance is how many letters may differ: more in longer names, never all.
func tolerance(a, b string) int {
	n := min(len(a), len(b))
	return min(max(2, n/3), n-1)
}
