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
		line := fmt.Sprintf("%s <%s>, %s, the newest %s", cmp.Or(p.Name, "-"), p.Email,
			Counted(p.Commits, "commit"), ShortCommit(p.Commit))
		switch {
		case p.Verified:
			line += ", verified"
		case p.Signer != "":
			line += ", as written; signed by " + p.Signer
		}
		lines = append(lines, line)
	}
	lines = append(lines, signedText(a)...)
	if a.Unknown != "" {
		lines = append(lines, "not known: "+a.Unknown, "to do: "+a.Next)
	}
	return strings.Join(lines, "\n")
}

// signedText tells how far signatures prove who made the commits.
func signedText(a *api.Authors) (lines []string) {
	switch {
	case a.Commits == 0:
		return nil
	case a.Exempt > 0 && a.Verified+a.Exempt == a.Commits:
		return []string{fmt.Sprintf("%d of %s verified, the others need not be", a.Verified,
			Counted(a.Commits, "commit"))}
	case a.Verified == 0 && len(a.Signers) == 0:
		lines = []string{"as written, not verified"}
	case a.Verified == a.Commits:
		return []string{"every commit is signed"}
	default:
		lines = []string{fmt.Sprintf("%d of %s verified, the others as written", a.Verified,
			Counted(a.Commits, "commit"))}
	}
	for i, u := range a.Unverified {
		if i == maxUnverified {
			break
		}
		lines = append(lines, "commit "+ShortCommit(u.Commit)+": "+u.Why)
	}
	return lines
}

// maxUnverified is how many commits are named that are not verified; the API has more.
const maxUnverified = 3
