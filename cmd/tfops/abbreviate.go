package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
)

const (
	// leastPrefix is how much of an id stands for it, as of a commit in Git.
	leastPrefix = 4
	// prefixReach is how many of the newest runs are looked at for it: as many
	// as the daemon lists at once.
	prefixReach = 1000
)

// onRun does something with the run that was named, by its id or by a prefix
// that only it has among the newest runs.
func (a *app) onRun(ctx context.Context, c *api.Client, given string, do func(id string) error) error {
	return byID{"runs", "tfops runs", func() (ids []string, err error) {
		newest, err := c.Runs(ctx, api.RunsQuery{Limit: prefixReach})
		for _, r := range newest {
			ids = append(ids, r.ID)
		}
		return ids, err
	}}.on(given, do)
}

// byID is things that are named by an id, or by the beginning of one.
type byID struct {
	what string // several of them, such as "runs"
	list string // the command that lists them
	ids  func() ([]string, error)
}

// on does something with the thing that was named. An id is tried as it is
// first, so that nothing is looked up for it.
func (b byID) on(given string, do func(id string) error) error {
	err := do(given)
	if given == "" || !fault.Is(err, fault.NotFound) {
		return err
	}
	ids, failed := b.ids()
	if failed != nil {
		return err
	}
	var fits []string
	for _, id := range ids {
		if len(given) >= leastPrefix && strings.HasPrefix(id, strings.ToLower(given)) {
			fits = append(fits, id)
		}
	}
	switch {
	case slices.Contains(ids, given): // what is missing is something else
		return err
	case len(fits) == 1:
		return do(fits[0])
	case len(fits) > 1:
		return fault.New(fault.Invalid, "give more of it; "+b.list+" lists them", "%q matches %d %s: %s", given, len(fits), b.what, someOf(fits))
	}
	return suggest(err, workspace.Nearest(given, ids))
}

// meant adds to a fault about an unknown workspace which one was probably meant.
func (a *app) meant(ctx context.Context, c *api.Client, given string, err error) error {
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	all, failed := c.Workspaces(ctx)
	if failed != nil {
		return err
	}
	var names []string
	for _, w := range all {
		names = append(names, w.Name)
	}
	if slices.Contains(names, given) {
		return err
	}
	return suggest(err, workspace.Nearest(given, names))
}

// suggest is the fault with a name that was probably meant; unchanged for "".
func suggest(err error, near string) error {
	var f *fault.Error
	if near == "" || !errors.As(err, &f) {
		return err
	}
	g := *f
	g.Next = strings.TrimSuffix("did you mean "+near+"? Otherwise: "+f.Next, " Otherwise: ")
	return &g
}
