package settings

import "unicode/utf8"

// Bounds of what a run keeps of its commit, in bytes: the whole record is read, written and copied
// with each change of the run.
const (
	maxMessage = 64 << 10
	maxName    = 1 << 10
)

// kept is the beginning of a text, of whole characters.
func kept(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
