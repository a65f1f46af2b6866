package codify

import (
	"strings"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/codify/changes"
	"github.com/tfops/tfops/internal/drift/codify/hclsource"
	"github.com/tfops/tfops/internal/plan"
)

// ForDifference proposes the edit after which the source says what the world
// has at a difference, which a check's plan found: Propose, or ProposeRemoval for what is gone. Attributes
// that a rule leaves out stay as they are, unless all are left out. A class
// that no edit of the source settles is refused as a whole.
func ForDifference(s hclsource.Source, d drift.Difference, check *plan.Plan) (Proposal, error) {
	r := against(d)
	if r == nil && (d.Class == drift.Deleted || wholly(d) && d.Action == plan.Create) {
		return ProposeRemoval(s, d.Address)
	}
	var list []Change
	if r == nil {
		list, r = asked(d, check)
	}
	if r != nil {
		return Proposal{Files: map[string]Edit{}, Refused: []hclsource.Refusal{*r}}, nil
	}
	return Propose(s, d.Address, list)
}

// asked are the changes of the source that a difference asks for, by the plan of the check that found it.
func asked(d drift.Difference, check *plan.Plan) ([]Change, *hclsource.Refusal) {
	if check != nil {
		differs := check.Drift
		if d.Class == drift.AppliedElsewhere && check.Since != nil { // of which the world is what the state says
			differs = check.Since.State
		}
		for _, c := range differs {
			if c.Address == d.Address && c.Deposed == "" {
				return changes.Wanted(c, changes.Meant(d)), nil
			}
		}
	}
	return nil, hclsource.Refuse("the check that found it is not kept any more, so it cannot be told what came, what "+
		"went and what changed", "check it again with `tfops drift WORKSPACE`")
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
