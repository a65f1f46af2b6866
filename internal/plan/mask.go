package plan

import (
	"slices"

	"github.com/tfops/tfops/internal/plan/values"
)

// maskChange hides secrets in what was read of one resource. A difference that is
// hidden by it is noted in SensitiveChanged.
func maskChange(s values.Secrets, c *Change) {
	original := values.Sides{Before: c.Before, After: c.After}
	c.Before, c.After, c.Unknown = s.Value(c.Before), s.Value(c.After), s.Value(c.Unknown)
	c.ImportID = s.Text(c.ImportID)
	c.Address, c.PreviousAddress, c.Module = s.Address(c.Address), s.Address(c.PreviousAddress), s.Address(c.Module)
	l := &c.Layout
	for _, paths := range []*[]string{&c.ReplacePaths, &c.SensitiveChanged, &l.Marked, &l.Unmarked, &l.Relevant} {
		*paths = s.All(*paths)
	}
	c.noteChanged(values.Lost("", original, values.Sides{Before: c.Before, After: c.After}))
}

func (c *Change) noteChanged(paths []string) {
	if len(paths) == 0 {
		return
	}
	c.SensitiveChanged = append(c.SensitiveChanged, paths...)
	slices.Sort(c.SensitiveChanged)
	c.SensitiveChanged = slices.Compact(c.SensitiveChanged)
}

// Mask replaces every occurrence of these secret strings in the plan, in keys
// of maps and in the instance keys of addresses too, by Sensitive, the longest
// first, and those in whole where nothing else stands. Names that the
// configuration's text gives (types, names of resources and outputs) and the
// digest are left alone: they are not values.
func (p *Plan) Mask(secrets []string, whole ...string) {
	s := values.NewSecrets(slices.Concat(secrets, whole), secrets)
	for _, list := range p.lists() {
		for i := range list {
			maskChange(s, &list[i])
		}
	}
	for _, list := range p.outputLists() {
		for i := range list {
			o := &list[i]
			o.Before, o.After, o.Unknown = s.Value(o.Before), s.Value(o.After), s.Value(o.Unknown)
		}
	}
	for i := range p.Checks {
		c := &p.Checks[i]
		c.Address, c.Problems = s.Address(c.Address), s.All(c.Problems)
	}
	for i := range p.Rewritten {
		p.Rewritten[i].Path = s.Text(p.Rewritten[i].Path)
	}
	for i := range p.Modules {
		p.Modules[i].Source = s.Text(p.Modules[i].Source)
	}
	for i := range p.Invocations {
		v := &p.Invocations[i]
		v.Address, v.Trigger = s.Address(v.Address), s.Address(v.Trigger)
	}
}
