package settings

import "strings"

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
	return strings.ToValidUTF8(text[:most], "") // a character that was cut goes whole
}
