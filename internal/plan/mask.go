package plan

import "slices"

// maskChange hides secrets in what was read of one resource. A difference that is
// hidden by it is noted in SensitiveChanged.
func maskChange(s secrets, c *Change) {
	original := sides{before: c.Before, after: c.After}
	c.Before, c.After, c.Unknown = s.value(c.Before), s.value(c.After), s.value(c.Unknown)
	c.ImportID = s.text(c.ImportID)
	c.Address, c.PreviousAddress, c.Module = s.address(c.Address), s.address(c.PreviousAddress), s.address(c.Module)
	c.ReplacePaths, c.SensitiveChanged = s.all(c.ReplacePaths), s.all(c.SensitiveChanged)
	c.noteChanged(lost("", original, sides{before: c.Before, after: c.After}))
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
// first. Names that the configuration's text gives (types, names of resources
// and outputs) and the digest are left alone: they are not values.
func (p *Plan) Mask(values []string) {
	s := newSecrets(values, values)
	if s.none() {
		return
	}
	for _, list := range [][]Change{p.Changes, p.Drift, p.Deferred} {
		for i := range list {
			maskChange(s, &list[i])
		}
	}
	for i := range p.Outputs {
		o := &p.Outputs[i]
		o.Before, o.After, o.Unknown = s.value(o.Before), s.value(o.After), s.value(o.Unknown)
	}
	for i := range p.Checks {
		maskCheck(s, &p.Checks[i])
	}
	for i := range p.Modules {
		p.Modules[i].Source = s.text(p.Modules[i].Source)
	}
	for i := range p.Invocations {
		v := &p.Invocations[i]
		v.Address, v.Trigger = s.address(v.Address), s.address(v.Trigger)
	}
}

func maskCheck(s secrets, c *Check) {
	c.Address = s.address(c.Address)
	c.Problems = s.all(c.Problems)
}
