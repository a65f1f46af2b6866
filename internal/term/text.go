package term

import (
	"fmt"
	"strings"

	"github.com/tfops/tfops/internal/term/page"
)

// Clean makes text from outside safe to print within a line: control
// characters (escape sequences begin with one), line ends, invalid UTF-8 and
// characters that reorder or hide text are written out, e.g. \x1b. Tabs
// become a space.
func Clean(s string) string { return page.CleanLine(s) }

// CleanText does the same and keeps line ends and tabs. A carriage return
// before a line end is dropped.
func CleanText(s string) string { return page.CleanText(s) }

// Some lists what can be many, as far as it is read.
func Some(list []string) string {
	const most = 5
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}
