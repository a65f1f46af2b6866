// Package lookup finds what a person named on a command line: by its whole id, by the
// beginning of it, or nearly.
package lookup

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/workspace"
)

const (
	// leastPrefix is how much of an id stands for it, as of a commit in Git.
	leastPrefix = 4
	// prefixReach is how many of the newest runs are looked at for it: as many
	// as the daemon lists at once.
	prefixReach = 1000
)

// Run does something with the run that was named, by its id or by a prefix that only it
// has among the newest runs.
func Run(ctx context.Context, c *api.Client, given string, do func(id string) error) error {
	return byID{"runs", "tfops runs", func() ([]string, error) {
		newest, err := c.Runs(ctx, api.RunsQuery{Limit: prefixReach})
		return idsOf(newest, func(r api.Run) string { return r.ID }), err
	}}.on(given, do)
}

// Report does something with the report that was named, by its id or by a prefix that
// only it has among those that are kept; "" is one made now.
func Report(ctx context.Context, c *api.Client, given string, do func(id string) error) error {
	return byID{"reports", "tfops drift reports", func() ([]string, error) {
		kept, err := c.DriftReports(ctx)
		return idsOf(kept, func(r api.Report) string { return r.ID }), err
	}}.on(given, do)
}

// Lives are where a finding may stand in its life.
var Lives = []string{"new", "ongoing", "recurring", "acknowledged", "ignored", "resolved"}

// Finding does something with the finding that was named, by its id or by a prefix that
// no other has.
func Finding(ctx context.Context, c *api.Client, given string, do func(id string) error) error {
	return byID{"findings", "tfops drift findings", func() ([]string, error) {
		found, err := c.Findings(ctx, "", Lives)
		return idsOf(found, func(f api.Finding) string { return f.ID }), err
	}}.on(given, do)
}

func idsOf[T any](all []T, id func(T) string) []string {
	ids := make([]string, len(all))
	for i, one := range all {
		ids[i] = id(one)
	}
	return ids
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
		return fault.New(fault.Invalid, "give more of it; "+b.list+" lists them", "%q matches %d %s: %s", given,
			len(fits), b.what, term.Some(fits))
	}
	return Suggest(err, workspace.Nearest(given, ids))
}

// Workspace adds to a fault about an unknown workspace which one was probably meant.
func Workspace(ctx context.Context, c *api.Client, given string, err error) error {
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	all, failed := c.Workspaces(ctx)
	names := idsOf(all, func(w api.Workspace) string { return w.Name })
	if failed != nil || slices.Contains(names, given) {
		return err
	}
	return Suggest(err, workspace.Nearest(given, names))
}

// Suggest is the fault with a name that was probably meant; unchanged for "".
func Suggest(err error, near string) error {
	var f *fault.Error
	if near == "" || !errors.As(err, &f) {
		return err
	}
	g := *f
	g.Near = near
	g.Next = strings.TrimSuffix("did you mean "+near+"? Otherwise: "+f.Next, " Otherwise: ")
	return &g
}
