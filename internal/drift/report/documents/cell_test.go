package documents

import (
	"regexp"
	"testing"
)

// cellOf is how GitHub's parser takes a cell from a row: a backslash before
// punctuation goes with it, a bar ends the cell.
var cellOf = regexp.MustCompile("^(?:\\\\[!-/:-@\\[-`{-~]|[^|\\r\\n])+")

func TestInCellIsOneCell(t *testing.T) {
	for _, s := range []string{"a", "|", `\|`, `\\|`, "a|b|", "`|`", `\`, `|\|`, "``|", "<|>"} {
		row := inCell(s)
		if got := cellOf.FindString(row); got != row {
			t.Errorf("%q is %q in a cell, which ends after %q", s, row, got)
		}
	}
}
