package classify

import (
	"slices"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/glob"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/values"
)

// resource is what the plans say of one resource instance; each may be nil.
type resource struct {
	address   string
	any       *plan.Change // one of those below, for what is the same in all
	drift     *plan.Change // S→W by P0
	change    *plan.Change // W→T
	head      *plan.Change // W→H by P1
	headDrift *plan.Change // S→W by P1, which may be older
	planned   bool         // there is a P1
	elsewhere *plan.Change // what another hand left otherwise in the state
	half      *plan.Change // what a run left there that ended halfway
	fleeting  bool         // it is gone without anybody's doing: at once, or since there is no world for it
	last      *plan.Change // what the newest apply did
}

// resource adds the differences of one instance.
func (c *classes) resource(r *resource) {
	switch {
	case r.drift != nil && r.drift.Action == plan.Delete:
		c.gone(r)
	case r.drift != nil && r.drift.Action != plan.Create:
		c.attributes(r)
	case r.change != nil:
		c.unmoved(r)
	case r.head != nil:
		c.pending(r)
	}
}

// gone is of an instance that the world has no more.
func (c *classes) gone(r *resource) {
	switch {
	case !r.remade():
		c.add(r, drift.StateOnly, "", drift.Attribute{})
		if r.head != nil && makes(r.head.Action) {
			c.add(r, drift.PendingCommit, r.head.Action, drift.Attribute{})
		}
	case r.headDrops():
		c.add(r, drift.PreApplied, plan.NoOp, drift.Attribute{})
	default:
		c.add(r, drift.Deleted, r.change.Action, drift.Attribute{})
		c.madeOtherwise(r)
		c.pendingBeside(r)
	}
}

// madeOtherwise adds what P0 gives an instance that is gone otherwise than it was: a data source, a
// variable or a provider made that difference. Constants of the configuration are left out, since
// providers write them in forms of their own.
func (c *classes) madeOtherwise(r *resource) {
	between := *r.change
	between.Action, between.Before, between.SensitiveChanged = plan.Update, r.drift.Before, nil
	d, v := differences(&between), views{elsewhere: differences(r.elsewhere), half: differences(r.half)}
	for _, p := range d.order {
		f, root := d.at[p], glob.Root(p)
		if f.unknown || c.known(r.change.Unknown, p) || !slices.Contains(r.change.Configured, root) {
			continue
		}
		if by, was := c.writer(r, v, f); by != "" {
			c.add(r, by, r.change.Action, f.writtenBy(was))
		} else if !slices.Contains(r.change.Causes.Constant, root) {
			c.add(r, drift.Input, r.change.Action, f.wanted(f.before))
		}
	}
}

// remade reports whether P0 makes the instance.
func (r *resource) remade() bool { return r.change != nil && makes(r.change.Action) }

func makes(a plan.Action) bool { return a == plan.Create || a == plan.Replace }

// headDrops reports whether HEAD does not want an instance that is gone: P1
// knew it gone and leaves it so, or knew it there and takes it away.
func (r *resource) headDrops() bool {
	if !r.planned {
		return false
	}
	if r.head != nil {
		return r.head.Action == plan.Delete || r.head.Action == plan.Forget
	}
	return r.headDrift != nil && r.headDrift.Action == plan.Delete
}

// pendingBeside adds what HEAD wants otherwise than P0 does, of an instance
// that P0 makes.
func (c *classes) pendingBeside(r *resource) {
	if r.head == nil || r.head.After == nil {
		return
	}
	between := *r.head
	between.Action, between.Before, between.SensitiveChanged = plan.Update, r.change.After, nil
	d := differences(&between)
	for _, p := range d.order {
		if f := d.at[p]; !f.unknown && !c.known(r.change.Unknown, p) {
			c.add(r, drift.PendingCommit, r.head.Action, f.wanted(f.before))
		}
	}
}

// known reports whether a mask of what is unknown covers the attribute at the
// top level that a path leads into.
func (c *classes) known(mask any, path string) bool {
	m, _ := mask.(map[string]any)
	return m[glob.Root(path)] != nil
}

// attributes is of an instance that differs outside and is still there.
func (c *classes) attributes(r *resource) {
	v := r.views()
	for _, p := range v.drift.order {
		f := v.drift.at[p]
		a := drift.Attribute{Path: p, Before: f.before, After: f.after, Sensitive: f.sensitive}
		class, wanted := v.outside(f)
		if class == drift.StateOnly && (nothing(f) || ignored(r.drift.Causes.Ignored, p)) {
			continue
		}
		a.Wanted = wanted
		action := plan.Action("")
		switch {
		case class == drift.Changed:
			action = r.change.Action
		case r.head != nil && (class == drift.Conflict || class == drift.PreApplied):
			action = r.head.Action
		}
		c.add(r, class, action, a)
	}
	if len(v.drift.order) == 0 {
		c.add(r, drift.StateOnly, "", drift.Attribute{}) // the engine says that it differs, and shows nowhere
	}
	c.inside(r, v)
}

// nothing reports whether a difference is but one of how nothing is written: null, or empty.
func nothing(f leaf) bool {
	empty := func(v any) bool {
		switch v := v.(type) {
		case nil:
			return true
		case string:
			return v == ""
		case []any:
			return len(v) == 0
		case map[string]any:
			return len(v) == 0
		}
		return false
	}
	return !f.sensitive && empty(f.before) && empty(f.after)
}

// ignored reports whether ignore_changes of the block has what is at a path, or something that it is a part of.
func ignored(paths []string, path string) bool {
	return slices.ContainsFunc(paths, func(p string) bool {
		return p == plan.IgnoreAll || p == path || beneath(p, path)
	})
}

// unmoved is of an instance that P0 acts upon without an outside change.
func (c *classes) unmoved(r *resource) {
	if r.change.Mode == "data" && (c.drifts || r.waits() || verifies(r.change)) {
		return
	}
	c.inside(r, r.views())
}

// waits reports whether a data source is read late only for what it is made of.
func (r *resource) waits() bool { return r.change.Reason == "read_because_dependency_pending" }

// verifies reports whether a data source stands in a check block: an apply
// reads it once more, and the plan has read it.
func verifies(c *plan.Change) bool { return c.Reason == "read_because_check_nested" }

// inside adds what P0 and P1 want of the attributes that do not differ outside.
func (c *classes) inside(r *resource, v views) {
	n := 0
	if r.change != nil && (r.change.Action == plan.Update || r.change.Action == plan.Replace) {
		n = c.wanted(r, v)
	}
	if r.change != nil && n == 0 && !v.explained && !r.follows() {
		c.whole(r)
	}
	c.pendingAttributes(r, v)
}

// follows reports whether an update is nothing but computed values.
func (r *resource) follows() bool { return r.change.Action == plan.Update && r.drift != nil }

// whole adds what P0 does to an instance as such: making, deleting, moving,
// importing it, or replacing it for a reason outside of its attributes.
func (c *classes) whole(r *resource) {
	a := drift.Attribute{}
	if r.change.PreviousAddress != "" {
		a.Before, a.After, a.Wanted = r.change.PreviousAddress, r.change.PreviousAddress, r.change.Address
	}
	class := c.wholeWriter(r)
	switch {
	case class != "" && r.change.PreviousAddress == "":
	case r.fleeting && r.remade() && r.last != nil && makes(r.last.Action):
		class = drift.Perpetual
	default:
		class = drift.Input
	}
	c.add(r, class, r.change.Action, a)
}

// wanted adds the attributes that P0 changes for a reason inside.
func (c *classes) wanted(r *resource, v views) (n int) {
	for _, p := range v.change.order {
		f := v.change.at[p]
		if v.puts(f) || f.unknown && !slices.Contains(r.change.Configured, glob.Root(p)) {
			continue
		}
		n++
		class, a := drift.Input, f.wanted(f.before)
		if by, was := c.writer(r, v, f); by != "" {
			class, a = by, f.writtenBy(was)
		} else if c.again(r, f) {
			class = drift.Perpetual
		}
		if h, ok := v.headWants(f.path); ok && !values.Equal(h, f.wanted(nil).Wanted) && !values.Equal(h, f.before) {
			c.add(r, drift.PendingCommit, r.head.Action,
				drift.Attribute{Path: p, Before: f.before, After: f.before, Wanted: h, Sensitive: f.sensitive})
		}
		c.add(r, class, r.change.Action, a)
	}
	return n
}

// wanted is a difference that no change outside made.
func (f leaf) wanted(now any) drift.Attribute {
	a := drift.Attribute{Path: f.path, Before: now, After: now, Wanted: f.after, Sensitive: f.sensitive}
	if f.unknown {
		a.Wanted = drift.Unknown
	}
	return a
}

// writtenBy is a difference that somebody made who wrote the state; was is what was left there.
func (f leaf) writtenBy(was leaf) drift.Attribute {
	a := f.wanted(f.before)
	if a.Before, a.Sensitive = was.before, f.sensitive || was.sensitive; values.Equal(a.Wanted, a.Before) {
		a.Wanted = nil
	}
	return a
}

// again reports whether the newest apply made the same change at the same
// attribute. A hidden value cannot be told from another one; an unknown one is
// the same only if an update made it and nothing else may have changed it.
func (c *classes) again(r *resource, f leaf) bool {
	if r.last == nil || f.sensitive {
		return false
	}
	l, ok := differences(r.last).at[f.path]
	if f.unknown {
		return ok && l.unknown && !c.drifts && r.last.Action != plan.Create
	}
	return ok && !l.unknown && values.Equal(l.after, f.after)
}

// pendingAttributes adds what only HEAD explains.
func (c *classes) pendingAttributes(r *resource, v views) {
	if r.head == nil {
		return
	}
	if r.head.Action != plan.Update && r.head.Action != plan.Replace {
		c.pendingWhole(r)
		return
	}
	n := 0
	for _, p := range v.head.order {
		f := v.head.at[p]
		if _, outside := v.drift.has(p); outside || v.outsideOfHead.has(p) {
			n++
			continue
		}
		if _, both := v.change.has(p); both {
			n++
			continue // told by wanted
		}
		if f.unknown && !slices.Contains(r.head.Configured, glob.Root(p)) {
			continue
		}
		n++
		c.add(r, drift.PendingCommit, r.head.Action, f.wanted(f.before))
	}
	if n == 0 && r.drift == nil {
		c.pendingWhole(r)
	}
}

// pending is of an instance that only P1 acts upon.
func (c *classes) pending(r *resource) {
	if r.head.Mode == "data" {
		return // read late; what comes of it shows elsewhere
	}
	c.pendingAttributes(r, r.views())
}

// pendingWhole adds what P1 does to an instance as such.
func (c *classes) pendingWhole(r *resource) {
	if r.change != nil && r.change.Action == r.head.Action && r.head.PreviousAddress == r.change.PreviousAddress {
		return // P0 does the same
	}
	if r.change != nil && (r.head.Action == plan.Create && r.change.Before != nil ||
		r.headTakes() && r.change.Action == plan.Create) {
		return // it was made, or taken away, since P1 was made
	}
	a := drift.Attribute{}
	if r.head.PreviousAddress != "" {
		a.Before, a.After, a.Wanted = r.head.PreviousAddress, r.head.PreviousAddress, r.head.Address
	}
	c.add(r, drift.PendingCommit, r.head.Action, a)
}
