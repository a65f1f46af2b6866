package settings

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tfops/tfops/internal/gitrepo"
)

type oneCommit struct {
	Objects
	commit gitrepo.Commit
}

func (o oneCommit) Commit(context.Context, string) (gitrepo.Commit, error) { return o.commit, nil }

// A run keeps the beginning of what a commit says, of whole characters, however long it is.
func TestCommitIsBounded(t *testing.T) {
	for _, text := range []string{"", "short", strings.Repeat("x", maxMessage), strings.Repeat("x", maxMessage+1),
		strings.Repeat("ä", maxMessage), "x" + strings.Repeat("ä", maxMessage), strings.Repeat("日本", 10<<20)} {
		who := gitrepo.Person{Name: text, Email: text}
		c, err := Commit(t.Context(), oneCommit{commit: gitrepo.Commit{Author: who, Committer: who,
			CoAuthors: []gitrepo.Person{who}, Message: text}}, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []struct {
			kept string
			most int
		}{{c.Message, maxMessage}, {c.Author.Name, maxName}, {c.Committer.Email, maxName},
			{c.CoAuthors[0].Name, maxName}} {
			if len(k.kept) > k.most || !utf8.ValidString(k.kept) || !strings.HasPrefix(text, k.kept) ||
				len(k.kept) < min(len(text), k.most-utf8.UTFMax) {
				t.Errorf("%d bytes are kept of %d", len(k.kept), len(text))
			}
		}
	}
}
