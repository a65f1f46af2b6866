// Package gitrepo keeps a bare mirror of a Git remote and reads from it:
// which branches there are, what a commit is, which paths differ between two
// commits, and the tree of a commit as files.
//
// Its parts are packages of their own: remote talks to remotes, fetch brings what
// is missing, packs has the objects, snapshot is the mirror at one moment, trees
// reads it as files, local reads repositories of this machine, lfs and submodules
// have what their names say.
//
// It never writes to a remote and needs no git program. Polling lists the
// remote's references in memory (Heads); objects are fetched only when a
// reference moved (Fetch); everything else is read from the mirror.
//
// # Damage
//
// A mirror can always be made again, so damage is never mended in place.
// Fetch checks the mirror first; a damaged one is cloned again next to it and
// then moved aside, with the superseded heads that could still be read carried
// over. A read that meets damage says so, Has is false from then on, and the
// next Fetch checks every byte.
package gitrepo

import "github.com/tfops/tfops/internal/gitrepo/commits"

// Person is an identity as Git records it.
type Person = commits.Person

// Commit is what tfops needs to know of a commit.
type Commit = commits.Commit
