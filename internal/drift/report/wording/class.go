package wording

import (
	"cmp"
	"strings"

	"github.com/tfops/tfops/internal/drift"
)

var classes = map[drift.Class]string{
	drift.Changed:       "changed outside",
	drift.Deleted:       "deleted outside",
	drift.Follows:       "follows another resource",
	drift.Conflict:      "conflict with a waiting commit",
	drift.PreApplied:    "already as a waiting commit wants it",
	drift.StateOnly:     "differs from the state only",
	drift.Input:         "inputs changed",
	drift.PendingCommit: "waiting commit",
	drift.Perpetual:     "back after each apply",
	drift.CheckFailed:   "check failed",

	drift.AppliedElsewhere: "applied elsewhere",
	drift.HalfApplied:      "left by a run that ended halfway",
}

// Class is a class in a few words, for people who do not know its name.
func Class(c drift.Class) string { return cmp.Or(classes[c], strings.ReplaceAll(string(c), "_", " ")) }
