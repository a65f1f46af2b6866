package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
)

const (
	// leastPrefix is how much of a run's id stands for it, as of a commit in Git.
	leastPrefix = 4
	// prefixReach is how many of the newest runs are looked at for it: as many
	// as the daemon lists at once.
	prefixReach = 1000
)

// onRun does something with the run that was named, by its id or by a prefix
// that only it has among the newest runs. An id is tried as it is first, so
// that nothing is looked up for it.
func (a *app) onRun(ctx context.Context, c *api.Client, given string, do func(id string) error) error {
	err := do(given)
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	newest, failed := c.Runs(ctx, api.RunsQuery{Limit: prefixReach})
	if failed != nil {
		return err
	}
	var ids, fits []string
	for _, r := range newest {
		ids = append(ids, r.ID)
		if len(given) >= leastPrefix && strings.HasPrefix(r.ID, strings.ToLower(given)) {
			fits = append(fits, r.ID)
		}
	}
	switch {
	case slices.Contains(ids, given): // what is missing is something else
		return err
	case len(fits) == 1:
		return do(fits[0])
	case len(fits) > 1:
		shown := strings.Join(fits[:min(5, len(fits))], ", ")
		if len(fits) > 5 {
			shown += fmt.Sprintf(" and %d more", len(fits)-5)
		}
		return fault.New(fault.Invalid, "give more of it; tfops runs lists them", "%q may be each of %d runs: %s", given, len(fits), shown)
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
