// Package gitrepo keeps a bare mirror of a Git remote and reads from it:
// which branches there are, what a commit is, which paths differ between two
// commits, and the tree of a commit as files.
//
// It never writes to a remote and needs no git program, but for remotes that
// are local paths of the file:// form. Polling lists the remote's references
// in memory; objects are fetched only when a reference moved.
package gitrepo

import "time"

// Person is an identity as Git records it.
type Person struct{ Name, Email string }

// Commit is what tfops needs to know of a commit.
type Commit struct {
	SHA       string
	Author    Person
	Committer Person
	CoAuthors []Person // from Co-authored-by trailers
	Message   string
	Time      time.Time // the committer's
}

// Change is a branch that moved. From is empty for a new branch, To for one
// that vanished.
type Change struct {
	Repository string
	Branch     string
	From, To   string
	Paths      []string // what differs, old and new names, slash-separated, sorted; nil when From is empty or not known any more: everything may differ
}
