package settings

import (
	"context"
	"io/fs"
	"time"

	"github.com/tfops/tfops/internal/authorship"
	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/run"
)

// Remote is what is asked of a repository's remote, and brought from it. A commit that Has
// does not have, because it is new or the mirror is damaged, is there after a Fetch.
type Remote interface {
	Has(sha string) bool
	Fetch(ctx context.Context, wanted ...string) (gitrepo.Fetched, error)
	// Submodules brings those of a commit, and says which are missing.
	Submodules(ctx context.Context, sha string) ([]trees.MissingSubmodule, error)
	Note() string // what people should know of how it is fetched
	Maintain(ctx context.Context, keep []string) error

	// What the remote says it has, asked each time.
	Heads(context.Context) (map[string]string, error)
	Head(ctx context.Context, branch string) (string, error)
	Tags(context.Context) (map[string]string, error) // by name: the commits that they name
}

// Objects are read from what was fetched.
type Objects interface {
	Commit(ctx context.Context, sha string) (gitrepo.Commit, error)
	Resolve(ctx context.Context, ref string) (string, error)
	Contains(ctx context.Context, head, sha string) (bool, error)
	Changed(ctx context.Context, from, to string) ([]string, error)
	authorship.Git
	Tree(sha string) (fs.FS, error)
	checkout.Source
}

// Commit reads a commit as a run has it.
func Commit(ctx context.Context, o Objects, sha string) (run.Commit, error) {
	c, err := o.Commit(ctx, sha)
	if err != nil {
		return run.Commit{}, err
	}
	person := func(p gitrepo.Person) run.Person {
		return run.Person{Name: kept(p.Name, maxName), Email: kept(p.Email, maxName)}
	}
	if y := c.Time.Year(); y < 1 || y > 9999 {
		c.Time = time.Time{} // anybody can write any time into a commit; RFC 3339 ends there
	}
	out := run.Commit{SHA: c.SHA, Author: person(c.Author), Committer: person(c.Committer),
		Message: kept(c.Message, maxMessage), Time: c.Time}
	for _, p := range c.CoAuthors {
		out.CoAuthors = append(out.CoAuthors, person(p))
	}
	return out, nil
}
