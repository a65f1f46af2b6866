package view

import (
	"fmt"
	"strings"

	"github.com/tfops/tfops/internal/fault"
)

// What workspaces wait for that have no run on its way: facts, and the sentences made of them.

// orphaned is why there is nothing any more that the workspace is made of.
type orphaned struct{ why string }

func (f orphaned) String() string {
	return "somebody to destroy it, or to bring back what it was made of: " + f.why
}

// problem is why the workspace cannot be planned.
type problem struct{ error }

func (f problem) String() string { return advised(f.error) }

// unread is why a repository cannot be read.
type unread struct {
	repository string
	why        error
}

func (f unread) String() string {
	name := fmt.Sprintf("repository %q: ", f.repository) // most say which by themselves
	return "repository " + f.repository + ": " + strings.TrimPrefix(advised(f.why), name)
}

// advised is an error with what to do about it, as one text: a Wait's command
// must be one that can be typed.
func advised(err error) string {
	if next := fault.Next(err); next != "" {
		return err.Error() + " (" + next + ")"
	}
	return err.Error()
}

// firstLook is a repository that was not read yet.
type firstLook struct{ repository string }

func (f firstLook) String() string { return "the first look at repository " + f.repository }

// halfDone is a run that failed in the middle of its apply.
type halfDone struct{ run string }

func (f halfDone) String() string {
	return "somebody to sync it, or to destroy it: run " + f.run + " failed in the middle of its apply"
}

// failed is a run that errored.
type failed struct{ run string }

func (f failed) String() string { return "somebody to look at the errored run " + f.run }

// outOfSync is why nothing applies what is wanted.
type outOfSync struct{ destroyed, never bool }

func (f outOfSync) String() string {
	switch {
	case f.destroyed:
		return "somebody to sync it again: it was destroyed"
	case f.never:
		return `somebody to apply it elsewhere: the workspace has apply = "never"`
	}
	return "somebody to sync it: the last run did not apply"
}
