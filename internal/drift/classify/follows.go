package classify

import (
	"slices"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/values"
)

// following finds what changes only because of resources that drifted. Such an instance waits for
// values that are known after an apply, and all that it depends on and that P0 changes has drifted or
// follows itself. Whatever else might make the difference, a data source that is read late or a
// resource that an input changes, leaves it input.
type following struct {
	*classes
	changed map[string][]*resource // what P0 changes, by address without instance keys
	waits   map[*resource]bool     // what may follow, as far as is known
}

// follow makes what follows of what seemed to be input.
func (c *classes) follow(all []*resource) {
	f := following{c, map[string][]*resource{}, map[*resource]bool{}}
	for _, r := range all {
		if r.change == nil {
			continue
		}
		at := values.WithoutKeys(r.change.Address)
		f.changed[at] = append(f.changed[at], r)
		if c.waitsOnly(r) {
			f.waits[r] = true
		}
	}
	for changed := len(f.waits) > 0; changed; {
		changed = false
		for r := range f.waits {
			if causes, ok := f.causes(r); !ok || len(causes) == 0 && !c.isCause(r) {
				delete(f.waits, r)
				changed = true
			}
		}
	}
	causes := map[*resource][]string{}
	for r := range f.waits {
		causes[r], _ = f.causes(r)
	}
	for r := range f.waits {
		c.turn(r, causes[r])
	}
}

// causes are the instances that drifted among what another one depends on; ok is false where anything
// else may make the difference.
func (f following) causes(r *resource) (causes []string, ok bool) {
	for _, at := range r.change.Causes.DependsOn {
		for _, o := range f.changed[at] {
			input := f.found[key{o.address, drift.Input}] != nil
			switch {
			case o == r:
			case f.isCause(o) && (!input || f.waits[o]):
				causes = append(causes, o.address)
			case !f.waits[o]:
				return nil, false
			}
		}
	}
	slices.Sort(causes)
	return slices.Compact(causes), true
}

// isCause reports whether P0 acts upon an instance since it differs outside, or in the state from what was left.
func (c *classes) isCause(r *resource) bool {
	of := func(list ...drift.Class) bool {
		return slices.ContainsFunc(list, func(class drift.Class) bool { return c.found[key{r.address, class}] != nil })
	}
	return of(drift.AppliedElsewhere, drift.HalfApplied) ||
		r.drift != nil && of(drift.Changed, drift.Deleted, drift.Conflict, drift.PreApplied)
}

// waitsOnly reports whether all that an input seems to change of an instance are values that are
// known after an apply.
func (c *classes) waitsOnly(r *resource) bool {
	d := c.found[key{r.address, drift.Input}]
	if d == nil || r.change.Mode != "managed" || r.change.PreviousAddress != "" || r.change.Deposed != "" ||
		r.change.Action != plan.Update && r.change.Action != plan.Replace {
		return false
	}
	whole := r.change.Action == plan.Update || r.change.Reason == plan.ReplaceByTriggers
	return !slices.ContainsFunc(d.Attributes, func(a drift.Attribute) bool {
		return a.Wanted != any(drift.Unknown) && !(a.Path == "" && whole)
	})
}

// turn makes what seemed an input follow; of an instance that drifted itself it is no difference of its
// own.
func (c *classes) turn(r *resource, causes []string) {
	k := key{r.address, drift.Input}
	d := c.found[k]
	delete(c.found, k)
	if c.isCause(r) {
		return
	}
	d.Class, d.Follows = drift.Follows, causes
	c.found[key{r.address, drift.Follows}] = d
}
