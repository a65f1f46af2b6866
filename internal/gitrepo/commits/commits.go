// Package commits reads what a commit says of people: its author, its committer, and
// whom its message names as co-authors.
//
// All of that is what was typed. A .mailmap is not asked: whoever may push could write
// one, and be somebody else.
package commits

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing/object"
)

// Person is an identity as Git records it.
type Person struct{ Name, Email string }

// Commit is what tfops needs to know of a commit.
type Commit struct {
	SHA       string
	Author    Person
	Committer Person
	CoAuthors []Person // from Co-authored-by trailers; at most MaxCoAuthors
	Message   string
	Time      time.Time // the committer's

	// MoreCoAuthors says that the message names more co-authors than are kept.
	MoreCoAuthors bool
}

// Of reads a decoded commit.
func Of(c *object.Commit) Commit {
	message := decodeText(c.Message, string(c.Encoding))
	co, more := CoAuthors(message)
	return Commit{
		SHA:           c.Hash.String(),
		Author:        person(c.Author, string(c.Encoding)),
		Committer:     person(c.Committer, string(c.Encoding)),
		CoAuthors:     co,
		MoreCoAuthors: more,
		Message:       message,
		Time:          c.Committer.When,
	}
}

func person(s object.Signature, encoding string) Person {
	return Person{Name: decodeText(s.Name, encoding), Email: decodeText(s.Email, encoding)}
}

// decodeText makes UTF-8 of what a commit holds. Latin-1 is the one other
// encoding that is still met.
func decodeText(s, encoding string) string {
	if utf8.ValidString(s) {
		return s
	}
	switch strings.ToLower(encoding) {
	case "iso-8859-1", "iso8859-1", "latin1", "latin-1":
		var b strings.Builder
		for _, c := range []byte(s) {
			b.WriteRune(rune(c))
		}
		return b.String()
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
