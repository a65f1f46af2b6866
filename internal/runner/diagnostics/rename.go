package diagnostics

import (
	"strings"

	"github.com/tfops/tfops/internal/lazyregexp"
)

var Undeclared = lazyregexp.New(`^Values? for undeclared variables?$`)

// maxWarnings is how many warnings a result keeps, and longestWarning how long
// the text of one may be, in bytes: people read them, and the run's record has
// them. The log has all.
const (
	MaxWarnings    = 40
	LongestWarning = 1500
)

func Shortened(text string) string {
	if len(text) <= LongestWarning {
		return text
	}
	return strings.ToValidUTF8(text[:LongestWarning], "") + "…"
}
