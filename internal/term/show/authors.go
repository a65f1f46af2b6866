package show

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/tfops/tfops/internal/api"
)

// maxAuthors is how many authors are named; the API has all.
const maxAuthors = 12

// authorsText tells who wrote what a plan applies.
func authorsText(a *api.Authors) string {
	if a == nil {
		return ""
	}
	var lines []string
	for i, p := range a.People {
		if i == maxAuthors {
			lines = append(lines, fmt.Sprintf("and %d more: tfops show -o json", len(a.People)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("%s <%s>, %s, the newest %s", cmp.Or(p.Name, "-"), p.Email,
			Counted(p.Commits, "commit"), ShortCommit(p.Commit)))
	}
	if len(lines) > 0 {
		lines = append(lines, "as written, not verified")
	}
	if a.Unknown != "" {
		lines = append(lines, "not known: "+a.Unknown, "to do: "+a.Next)
	}
	return strings.Join(lines, "\n")
}
