package classify

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/glob"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/values"
)

// addSince adds what became of state and world since the state was left.
func addSince(all map[string]*resource, e Evidence) {
	since := e.Applied.Since
	if since == nil {
		since = &plan.Since{}
	}
	for i := range since.World {
		r := all[drift.Instance(&since.World[i])]
		if r == nil || r.drift == nil {
			continue
		}
		if r.fleeting = r.drift.Action == plan.Delete; since.World[i].Action == plan.NoOp {
			r.drift = nil // it was so when the last run had ended
		} else {
			r.drift = &since.World[i]
		}
	}
	for i := range since.State {
		if r := all[drift.Instance(&since.State[i])]; r != nil {
			r.elsewhere = &since.State[i]
		}
	}
	for i := range since.Half {
		if r := all[drift.Instance(&since.Half[i])]; r != nil {
			r.half = &since.Half[i]
		}
	}
}

// worldless reports whether there is nothing in the world that an instance stands for: its provider keeps it in
// the state alone, or it is a file among those of the commit, which go with the run.
func (e Evidence) worldless(c *plan.Change) bool {
	if !strings.HasSuffix(c.Provider, "/hashicorp/local") {
		return values.Worldless(c.Provider)
	}
	before, _ := c.Before.(map[string]any)
	file, _ := before["filename"].(string)
	return file != "" && (!path.IsAbs(file) || e.Tree != "" && strings.HasPrefix(path.Clean(file), e.Tree+"/"))
}

// writer says who wrote what the state has at an attribute of an instance, or as a whole (path is empty), and what
// it had as it was left. It is "" where that is what it has.
func (c *classes) writer(r *resource, v views, f leaf) (class drift.Class, was leaf) {
	if was, ok := v.half.wrote(f.path); ok {
		return drift.HalfApplied, was
	}
	was, ok := v.elsewhere.wrote(f.path)
	switch {
	case !ok:
		return "", was
	case c.plannedHalfway(r, func(p *plan.Change) bool { return asPlanned(p, f) }) != nil:
		return drift.HalfApplied, was
	}
	return drift.AppliedElsewhere, was
}

// wholeWriter is writer of an instance that came, went or was marked.
func (c *classes) wholeWriter(r *resource) drift.Class {
	switch {
	case r.half != nil:
		return drift.HalfApplied
	case r.elsewhere == nil:
		return ""
	case c.plannedHalfway(r, func(p *plan.Change) bool { return sameEnd(p, r.elsewhere) }) != nil:
		return drift.HalfApplied
	}
	return drift.AppliedElsewhere
}

// sameEnd reports whether a change that was planned leads to what became of an instance in the state.
func sameEnd(planned, became *plan.Change) bool {
	switch became.Action {
	case plan.Create:
		return makes(planned.Action)
	case plan.Delete:
		return planned.Action == plan.Delete || planned.Action == plan.Replace || planned.Action == plan.Forget
	}
	return planned.Action != plan.NoOp // it is tainted
}

// asPlanned reports whether a plan wanted what the state has at an attribute. A hidden value cannot be told from
// another one.
func asPlanned(p *plan.Change, f leaf) bool {
	l, ok := differences(p).has(f.path)
	if !ok || f.sensitive || l.sensitive {
		return ok
	}
	return l.unknown || l.path != f.path || values.Equal(l.after, f.before)
}

// plannedHalfway is the newest run that ended halfway and planned something for an instance; nil for none. Where it
// is known what the last one of them left, its plan is not asked.
func (c *classes) plannedHalfway(r *resource, led func(*plan.Change) bool) *Halfway {
	for i := range c.evidence.Halfway {
		h := &c.evidence.Halfway[i]
		if h.Left || h.Plan == nil {
			return nil
		}
		for j := range h.Plan.Changes {
			if p := &h.Plan.Changes[j]; drift.Instance(p) == r.address && led(p) {
				return h
			}
		}
	}
	return nil
}

// written is what is known of who wrote a class of an instance.
func (c *classes) written(r *resource, class drift.Class) *drift.Written {
	w := c.evidence.Wrote
	if since := c.evidence.Applied.Since; since != nil {
		w.Was = since.Serial
	}
	if s := c.evidence.Applied.State; s != nil {
		w.Serial = s.Serial
	}
	if class == drift.HalfApplied {
		w.Was, w.Serial = 0, 0
		w.Run, w.After = c.leftBy(r)
	}
	return &w
}

// leftBy is the run that left something halfway of an instance: the newest that planned something for it.
func (c *classes) leftBy(r *resource) (string, time.Time) {
	address := r.address
	if r.any.Deposed != "" {
		address = r.any.Address
	}
	for _, h := range c.evidence.Halfway {
		if h.Plan != nil && (slices.Contains(h.Plan.Addresses(), address) || c.outputOf(h.Plan, r.address)) {
			return h.Run, h.At
		}
	}
	if len(c.evidence.Halfway) > 0 {
		return c.evidence.Halfway[0].Run, c.evidence.Halfway[0].At
	}
	return "", time.Time{}
}

func (c *classes) outputOf(p *plan.Plan, address string) bool {
	return slices.ContainsFunc(p.Outputs, func(o plan.Output) bool { return "output."+o.Name == address })
}

// wrote is how an attribute of the state differs from what was left; false where it does not. Where elements of
// lists have moved, which is which cannot be told.
func (l leaves) wrote(path string) (leaf, bool) {
	if was, ok := l.has(path); ok {
		if was.path != path {
			was.before = nil // of a part, or of the whole around it
		}
		return was, true
	}
	if len(l.moved) > 0 && l.roots[glob.Root(path)] {
		return leaf{}, true
	}
	return leaf{}, false
}

// writtenOutput adds an output that differs since the state was written; false where it was not.
func (c *classes) writtenOutput(o plan.Output) bool {
	since := c.evidence.Applied.Since
	if since == nil {
		return false
	}
	for class, list := range map[drift.Class][]plan.Output{drift.AppliedElsewhere: since.StateOutputs,
		drift.HalfApplied: since.HalfOutputs} {
		for _, was := range list {
			if was.Name != o.Name {
				continue
			}
			a := drift.Attribute{Before: was.Before, After: o.Before, Sensitive: o.Sensitive || was.Sensitive}
			if o.Unknown != nil {
				a.Wanted = drift.Unknown
			} else if !values.Equal(o.After, was.Before) {
				a.Wanted = o.After
			}
			c.add(&resource{address: "output." + o.Name, any: &plan.Change{}}, class, o.Action, a)
			return true
		}
	}
	return false
}
