package diagnostics

import (
	"bytes"
	"strings"

	"github.com/tfops/tfops/internal/lazily"
)

var MemoryPath = lazily.Pattern(`(?:(?:\.\./)*\.\.)?/proc/[0-9]+/fd/[0-9]+(?:/git\b)?`) // engines make it relative

// WithoutPrefix makes paths below any of these directories relative to it.
func WithoutPrefix(line []byte, dirs ...string) []byte {
	for _, dir := range dirs {
		if len(dir) > 1 {
			line = bytes.ReplaceAll(line, []byte(dir+"/"), nil)
		}
	}
	return line
}

var Undeclared = lazily.Pattern(`^Values? for undeclared variables?$`)

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
