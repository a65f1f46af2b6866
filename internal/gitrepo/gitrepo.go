// Package gitrepo keeps a bare mirror of a Git remote and reads from it:
// which branches there are, what a commit is, which paths differ between two
// commits, and the tree of a commit as files.
//
// Its parts are packages of their own: remote talks to remotes, packs has the
// objects, trees reads them as files, local reads repositories of this machine,
// lfs and submodules have what their names say.
//
// It never writes to a remote and needs no git program. Polling lists the
// remote's references in memory (Heads); objects are fetched only when a
// reference moved (Fetch); everything else is read from the mirror.
//
// # The mirror on disk
//
// A mirror is a directory that the git program can read too. All references
// lie in one file, packed-refs, so that a fetch replaces them in one rename
// and a branch "a" can turn into a branch "a/b" without a moment between.
// All objects lie in packs, one more for each fetch that brought something.
// The file tfops.json lists those packs, so that a lost or short one is
// noticed, and the heads that were ever seen with the time of the last
// sighting.
//
// Objects of superseded heads stay: a run refers to its commit long after a
// force-push. Nothing is ever dropped but by Maintain, which keeps what any
// reference, any head seen within a day, and any commit named by its caller
// needs.
//
// # Damage
//
// A mirror can always be made again, so damage is never mended in place.
// Fetch checks the mirror first; a damaged one is cloned again next to it and
// then moved aside, with the superseded heads that could still be read carried
// over. A read that meets damage says so, Has is false from then on, and the
// next Fetch checks every byte.
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
