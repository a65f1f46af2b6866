package workspace

import (
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest is the name that was probably meant by one that is not known: the
// known one with the fewest letters changed, "" when none is near. Of several
// the first wins.
func Nearest(given string, known []string) string {
	best, fewest := "", 0
	low := strings.ToLower(given)
	for _, k := range known {
		d := levenshtein.Distance(low, strings.ToLower(k), nil)
		if k != given && d <= tolerance(given, k) && (best == "" || d < fewest) {
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
