package classify

import (
	"slices"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/glob"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/values"
)

// views are the differences of one instance as each plan has them.
type views struct {
	r         *resource
	drift     leaves // S→W
	change    leaves // W→T
	head      leaves // W→H
	headDrift leaves // S→W as P1 knew it
	elsewhere leaves // what was left in the state, to S, by another hand
	half      leaves // and by a run that ended halfway
	// what differs outside and what the plans change, held against each other where lists moved
	outsideOfChange, outsideOfHead, inChange, inHead loose
	explained                                        bool // something outside explains what P0 does
}

func (r *resource) views() views {
	v := views{r: r, drift: differences(r.drift)}
	if v.headDrift = v.drift; !sameChange(r.drift, r.headDrift) {
		v.headDrift = differences(r.headDrift)
	}
	if r.change != nil && (r.change.Action == plan.Update || r.change.Action == plan.Replace) {
		v.change = differences(r.change)
	}
	if r.head != nil && (r.head.Action == plan.Update || r.head.Action == plan.Replace) {
		if v.head = v.change; !sameChange(r.change, r.head) {
			v.head = differences(r.head)
		}
	}
	v.elsewhere, v.half = differences(r.elsewhere), differences(r.half)
	v.outsideOfChange, v.inChange = v.drift.loosen(v.change), v.change.loosen(v.drift)
	v.outsideOfHead, v.inHead = v.drift.loosen(v.head), v.head.loosen(v.drift)
	for _, p := range v.drift.order {
		if _, back := v.back(v.drift.at[p]); back {
			v.explained = true
		}
	}
	return v
}

// sameChange reports whether two plans tell the same of an instance, so that it
// need not be taken apart twice.
func sameChange(a, b *plan.Change) bool {
	return a != nil && b != nil && a.Action == b.Action && slices.Equal(a.SensitiveChanged, b.SensitiveChanged) &&
		slices.Equal(a.Blocks, b.Blocks) &&
		values.Equal(a.Unknown, b.Unknown) && values.Equal(a.Before, b.Before) && values.Equal(a.After, b.After)
}

// back finds what P0 wants at an attribute that differs outside; false when it
// leaves the attribute as the world has it.
func (v views) back(f leaf) (leaf, bool) {
	if !v.change.roots[glob.Root(f.path)] {
		return leaf{}, false
	}
	if r, ok := v.change.has(f.path); ok {
		if r.unknown && !slices.Contains(v.r.change.Configured, glob.Root(f.path)) {
			return leaf{}, false // computed: it follows
		}
		return r, true
	}
	if v.restores(glob.Root(f.path)) || v.inChange.has(f.path) {
		return leaf{path: f.path, before: f.after, after: f.before, sensitive: f.sensitive}, true
	}
	return leaf{}, false
}

// restores reports whether P0 brings an attribute back to what the state has.
func (v views) restores(attribute string) bool {
	return v.drift.roots[attribute] && v.change.roots[attribute] && values.Equal(v.drift.before[attribute],
		v.change.after[attribute])
}

// puts reports whether a change of P0 puts back what differs outside.
func (v views) puts(f leaf) bool {
	if _, ok := v.drift.has(f.path); ok {
		return true
	}
	return v.restores(glob.Root(f.path)) || v.outsideOfChange.has(f.path)
}

// outside is the class of an attribute that differs outside, and what a plan
// would make of it where that is not what was applied.
func (v views) outside(f leaf) (drift.Class, any) {
	back, reverted := v.back(f)
	if reverted && v.r.headTakes() {
		return drift.Conflict, nil
	}
	h, asks := v.headWants(f.path)
	switch {
	case !reverted && !asks:
		return drift.StateOnly, nil
	case !reverted && v.sameAsWorld(f, h):
		return drift.PreApplied, h
	case !reverted:
		return drift.Conflict, h
	case asks && v.sameAsWorld(f, h), !asks && v.headAccepts(f.path):
		return drift.PreApplied, f.after
	case asks && v.third(f, back, h):
		return drift.Conflict, h
	case back.unknown:
		return drift.Changed, drift.Unknown
	case !values.Equal(back.after, f.before):
		return drift.Changed, back.after
	case v.inChange.leads(f.path) && !v.restores(glob.Root(f.path)):
		// Which element is which cannot be told, and the whole is not what was applied.
		return drift.Changed, v.change.after[glob.Root(f.path)]
	}
	return drift.Changed, nil
}

// headTakes reports whether HEAD takes the instance away.
func (r *resource) headTakes() bool {
	return r.head != nil && (r.head.Action == plan.Delete || r.head.Action == plan.Forget)
}

// headWants is what P1 changes an attribute to; false when it leaves it as it
// knew it.
func (v views) headWants(path string) (any, bool) {
	f, ok := v.head.has(path)
	switch {
	case !ok && v.inHead.has(path):
		return v.head.after[glob.Root(path)], true
	case !ok:
		return nil, false
	case f.unknown && !slices.Contains(v.r.head.Configured, glob.Root(path)):
		return nil, false
	case f.unknown:
		return drift.Unknown, true
	}
	return f.after, true
}

// headAccepts reports whether P1 knew the world's value and leaves it.
func (v views) headAccepts(path string) bool {
	if !v.r.planned {
		return false
	}
	then, knew := v.headDrift.at[path]
	now := v.drift.at[path]
	return knew && (then.sensitive || values.Equal(then.after, now.after))
}

// sameAsWorld reports whether HEAD asks for what the world has. What is hidden
// cannot be compared, so it is not taken for the same.
func (v views) sameAsWorld(f leaf, h any) bool {
	if f.sensitive {
		return false
	}
	at := glob.Root(f.path)
	whole := v.drift.after[at]
	return values.Equal(h, f.after) || whole != nil && v.head.after[at] != nil && values.Equal(v.head.after[at], whole)
}

// third reports whether HEAD asks for something that P0 does not ask for.
func (v views) third(f, back leaf, h any) bool {
	if f.sensitive {
		return v.headDrift.at[f.path].path == "" // P1 did not know of the change, and yet changes it
	}
	at := glob.Root(f.path)
	if values.Equal(h, back.after) || h == any(drift.Unknown) && back.unknown {
		return false
	}
	return !values.Equal(v.head.after[at], v.change.after[at])
}
