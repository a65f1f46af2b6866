package term

import (
	"fmt"
	"strings"

	"github.com/tfops/tfops/internal/term/page"
)

// Clean makes text from outside safe to print within a line: see page.CleanLine.
func Clean(s string) string { return page.CleanLine(s) }

// CleanText keeps line ends and tabs: see page.CleanText.
func CleanText(s string) string { return page.CleanText(s) }

// Some lists what can be many, as far as it is read.
func Some(list []string) string {
	const most = 5
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}
