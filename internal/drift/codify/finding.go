package codify

import (
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/drift/codify/hclsource"
	"github.com/tfops/tfops/internal/plan"
)

// ForDifference proposes the edit after which the source says what the world
// has at a difference: Propose, or ProposeRemoval for what is gone. Attributes
// that a rule leaves out stay as they are, unless all are left out. A class
// that no edit of the source settles is refused as a whole.
func ForDifference(s hclsource.Source, d drift.Difference) (Proposal, error) {
	if r := against(d); r != nil {
		return Proposal{Files: map[string]Edit{}, Refused: []hclsource.Refusal{*r}}, nil
	}
	if d.Class == drift.Deleted || wholly(d) && d.Action == plan.Create {
		return ProposeRemoval(s, d.Address)
	}
	var changes []Change
	for _, a := range meant(d) {
		changes = append(changes, Change{Path: a.Path, Was: a.Before, Want: a.After, Sensitive: a.Sensitive})
	}
	return Propose(s, d.Address, changes)
}

// meant are the attributes that a difference is about: those that no rule
// leaves out, or all of them where rules leave out all.
func meant(d drift.Difference) []drift.Attribute {
	left := slices.DeleteFunc(slices.Clone(d.Attributes), func(a drift.Attribute) bool { return a.IgnoredBy != "" })
	if len(left) == 0 {
		return d.Attributes
	}
	return left
}

// wholly reports whether the difference is of the resource, not of attributes.
func wholly(d drift.Difference) bool { return len(d.Attributes) == 1 && d.Attributes[0].Path == "" }

// against says why no edit of the source settles a difference.
func against(d drift.Difference) *hclsource.Refusal {
	switch d.Class {
	case drift.AppliedElsewhere:
		if wholly(d) {
			return hclsource.Refuse("another hand made it, or took it away, and the state does not say what code did "+
				"that", "push the code that was applied there, then: tfops sync WORKSPACE")
		}
		return nil
	case drift.HalfApplied:
		return hclsource.Refuse("a run left it halfway, and its commit says it already",
			"apply that commit with `tfops sync WORKSPACE`, or push a revert of it")
	case drift.Changed, drift.Deleted, drift.Conflict:
		if wholly(d) && d.Class == drift.Conflict {
			return hclsource.Refuse("a commit that is not applied wants something else of the whole resource",
				"decide which of both is meant, and edit the code by hand")
		}
		return nil
	case drift.StateOnly:
		return hclsource.Refuse("the configuration does not set what differs, so there is nothing to write",
			"accept it into the state with `tfops sync WORKSPACE --refresh-only`")
	case drift.PreApplied:
		return hclsource.Refuse("the commit that waits says it already", "apply that commit")
	case drift.PendingCommit:
		return hclsource.Refuse("only a commit that is not applied makes the difference: the world is as it was "+
			"applied", "apply that commit, or revert it")
	case drift.Perpetual:
		return hclsource.Refuse("the same change comes back right after an apply, so the provider reads something "+
			"else than it was given", "write what the provider reads back, or leave it alone with lifecycle { "+
			"ignore_changes = […] }")
	case drift.Follows:
		return hclsource.Refuse("nothing of it changed in the world: it changes because of "+
			strings.Join(d.Follows, ", "), "settle what it follows: tfops drift findings WORKSPACE")
	case drift.Input:
		return hclsource.Refuse("nothing changed in the world: a data source, a variable, a default, a module or "+
			"the provider made the difference", "look at what changed with `tfops drift findings WORKSPACE`, and "+
			"apply it with `tfops sync WORKSPACE`")
	case drift.CheckFailed:
		return hclsource.Refuse("a condition does not hold, which is no value that could be written",
			"mend what the condition is about, or the condition")
	case drift.Unchecked:
		return hclsource.Refuse("the workspace could not be checked, so nothing is known of the world",
			"make the check work: tfops drift")
	}
	return hclsource.Refuse("nothing that is written into the code settles it",
		"look at it: tfops drift findings WORKSPACE")
}

// Gone reports whether a plan that was made with the edit applied shows a
// difference no more, be it in what was codified or in what could not be.
// Otherwise it says why not.
func Gone(d drift.Difference, p *plan.Plan) (why string, gone bool) {
	switch {
	case p == nil:
		return "there is no plan with the patch", false
	case p.Errored || !p.Complete:
		return "the plan with the patch is not complete", false
	}
	var left []string
	about := meant(d)
	for _, now := range classify.Differences(classify.Evidence{Applied: p}) {
		if now.Address != d.Address || now.Class == drift.StateOnly || now.Class == drift.CheckFailed {
			continue
		}
		for _, a := range now.Attributes {
			if slices.ContainsFunc(about, func(was drift.Attribute) bool { return meet(was.Path, a.Path) }) {
				left = append(left, strings.TrimPrefix(d.Address+"."+a.Path, ".")+" ("+string(now.Class)+")")
			}
		}
	}
	if len(left) == 0 {
		return "", true
	}
	return "with the patch a plan still changes " + strings.Join(left, ", "), false
}

// meet reports whether two paths are of the same value, or one within the
// other. Indexes do not count: the elements of lists and sets move.
func meet(a, b string) bool {
	a, b = flat(a), flat(b)
	return a == b || a == "" || b == "" || strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+".")
}

// flat is a path up to its first index.
func flat(path string) string {
	path, _, _ = strings.Cut(path, "[")
	return path
}
