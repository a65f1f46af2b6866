package phases

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/sources"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// gaps are what a commit has and its checkout has not, as far as they
// concern one run.
type gaps struct {
	notes    []string // of all that is missing, for the run's history
	warnings []string // of what the workspace reads: the plan is without it
}

// noteMissing says what the checkout of a run lacks: all of it in the run's
// history, and what the workspace reads above the plan. A plan that was made
// without something that it reads waits for a person. A path that was left out
// of the checkout and is surely read ends the run.
func (ph *Worker) noteMissing(ctx context.Context, r run.Run, def fleet.Definition, repo settings.Repository,
	x trees.Exported) error {
	left := x.LeftOut()
	if len(x.Submodules)+len(x.LFSPointers)+len(left)+len(x.Missing) == 0 {
		return nil
	}
	graph, err := ph.Jobs.Sources.GraphOf(r, def, repo)
	if err != nil {
		return err
	}
	m := gaps{}
	if err := m.leftOut(graph, def, left); err != nil {
		return err
	}
	if err := m.submodules(graph, def, x.Missing); err != nil {
		return err
	}
	m.absent(graph, def, x.Submodules, "submodules are not fetched, their directories are empty: ",
		fmt.Sprintf("Git submodules that are "+
			"empty directories here; to have them fetched, set submodules = true in repository %q", def.Repository))
	inside, own := inSubmodules(x)
	m.absent(graph, def, own, "Git LFS files are not fetched, only their pointers are there: ",
		fmt.Sprintf("files of which only the "+
			"Git LFS pointer is there, not the content; to have them fetched, set lfs = true in repository %q",
			def.Repository))
	m.absent(graph, def, inside, "Git LFS files of submodules are not fetched, only their pointers are there: ",
		"files of submodules of which only the Git LFS pointer is there, not the content: tfops does not fetch those")
	_, err = ph.Txn.Change(ctx, r.ID, func(d *run.Tx) error {
		for _, n := range m.notes {
			d.Note("", n)
		}
		for _, w := range m.warnings {
			d.Run.Warn(w)
		}
		if len(m.warnings) > 0 {
			d.Run.HoldBack("the plan was made without files that the workspace reads or may read")
		}
		return nil
	})
	return err
}

// leftOut refuses what cannot be read and must be, and warns of what may be.
func (m *gaps) leftOut(g *reach.Graph, def fleet.Definition, left []trees.LeftOut) error {
	if len(left) == 0 {
		return nil
	}
	why := map[string]string{}
	var paths, texts []string
	for _, l := range left {
		if l.Path != "." && path.Clean(l.Path) == l.Path { // or else no code can mean it: it would mean its directory
			paths, why[l.Path] = append(paths, l.Path), l.Why
		}
		texts = append(texts, fmt.Sprintf("%q is %s", l.Path, l.Why))
	}
	m.notes = append(m.notes, "left out of the checkout: "+sources.Some(texts, "; "))
	var maybe []string
	for _, read := range g.Reads(def.Name, paths) {
		if read.Sure {
			return fault.New(fault.Invalid, "take it out of the repository, or put what it stands for there",
				"workspace %s reads %q (%s), which is %s and so is left out of the checkout", def.Name, read.Path,
				steps(read.Chain), why[read.Path])
		}
		maybe = append(maybe, fmt.Sprintf("%q is %s (%s)", read.Path, why[read.Path], steps(read.Chain)))
	}
	if len(maybe) > 0 {
		m.warnings = append(m.warnings, "The code does not tell all of the files that it reads. It may read paths "+
			"that were left out of the checkout: "+sources.Some(maybe, "; ")+".")
	}
	return nil
}

// submodules refuses what lies in a submodule that is followed and not there,
// and warns of what may.
func (m *gaps) submodules(g *reach.Graph, def fleet.Definition, missing []trees.MissingSubmodule) error {
	if len(missing) == 0 {
		return nil
	}
	byPath := map[string]trees.MissingSubmodule{}
	var paths, texts []string
	for _, sub := range missing {
		paths, byPath[sub.Path] = append(paths, sub.Path), sub
		texts = append(texts, fmt.Sprintf("%s %s", sub.Path, sub.Why))
	}
	m.notes = append(m.notes, "submodules that are not there: "+sources.Some(texts, "; "))
	var maybe []string
	for _, read := range g.Reads(def.Name, paths) {
		sub := byPath[read.Path]
		if read.Sure {
			code := fault.Invalid
			if sub.Passing {
				code = fault.Unavailable
			}
			return fault.New(code, cmp.Or(sub.Next, "mend it")+"; then tfops sync "+def.Name,
				"workspace %s reads the submodule %s (%s), which %s", def.Name, sub.Path, steps(read.Chain), sub.Why)
		}
		maybe = append(maybe, fmt.Sprintf("%s %s (%s)", sub.Path, sub.Why, steps(read.Chain)))
	}
	if len(maybe) > 0 {
		m.warnings = append(m.warnings, "The code does not tell all of the files that it reads. It may read "+
			"submodules that are not there: "+sources.Some(maybe, "; ")+".")
	}
	return nil
}

// inSubmodules tells the LFS pointers of submodules from the repository's own.
func inSubmodules(x trees.Exported) (inside, own []string) {
	for _, p := range x.LFSPointers {
		if slices.ContainsFunc(x.Followed, func(sub string) bool { return workspace.Within(sub, p) }) {
			inside = append(inside, p)
		} else {
			own = append(own, p)
		}
	}
	return inside, own
}

// absent warns of paths that are there without their content.
func (m *gaps) absent(g *reach.Graph, def fleet.Definition, paths []string, note, what string) {
	if len(paths) == 0 {
		return
	}
	m.notes = append(m.notes, note+sources.Some(paths, ", "))
	var read []string
	for _, r := range g.Reads(def.Name, paths) {
		may := ""
		if !r.Sure {
			may = "may be read: "
		}
		read = append(read, fmt.Sprintf("%s (%s%s)", r.Path, may, steps(r.Chain)))
	}
	if len(read) > 0 {
		m.warnings = append(m.warnings, fmt.Sprintf("The workspace reads %s: %s.", what, sources.Some(read, ", ")))
	}
}

func steps(chain []reach.Link) string {
	var parts []string
	for _, l := range chain {
		parts = append(parts, l.String())
	}
	return strings.Join(parts, ", ")
}
