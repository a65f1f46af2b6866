package classify

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/natural"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/values"
)

// Evidence is what a check has to tell causes apart with.
type Evidence struct {
	Applied *plan.Plan // P0, at the applied commit with the applied inputs
	Head    *plan.Plan // P1, at the commit that is wanted; nil when it is the applied one, or has no plan
	// what the newest apply of the workspace carried out; nil when that is not known, or a check found that it lasts
	LastApply *plan.Plan
	Wrote     drift.Written // the last run that ended well, and until when the state was as it left it
	Halfway   []Halfway     // the runs since that ended halfway, newest first
	Tree      string        // where the engine has the files of a commit, which go with the run
	Failed    string        // why there is no P0; empty when there is
}

// Halfway is a run whose apply ended halfway.
type Halfway struct {
	Run  string
	At   time.Time
	Plan *plan.Plan // nil: it is not known
	Left bool       // what it left is known, so that its plan need not tell
}

// Classify says what a check found, sorted by address and class: at most one
// difference for an address and class, each with at least one attribute. A
// check without a complete P0 finds only that nothing is known.
func Differences(e Evidence) []drift.Difference {
	if why := e.failure(); why != "" {
		return []drift.Difference{{Class: drift.Unchecked, Attributes: []drift.Attribute{{}}, Problems: []string{why}}}
	}
	c := &classes{evidence: e}
	all := resources(e)
	c.drifts = slices.ContainsFunc(all, (*resource).differsOutside) || e.Applied.Since.Wrote()
	for _, r := range all {
		c.resource(r)
	}
	c.follow(all)
	c.outputs(e)
	c.checks(e.Applied.Checks)
	return c.list()
}

// failure is why the evidence says nothing of the world.
func (e Evidence) failure() string {
	switch {
	case e.Failed != "":
		return e.Failed
	case e.Applied == nil:
		return "there is no plan of the applied commit"
	case e.Applied.Errored:
		return "the engine stopped before it had planned everything"
	case !e.Applied.Complete:
		return "the engine put a part of the plan off"
	}
	return ""
}

// classes gathers differences.
type classes struct {
	evidence Evidence
	found    map[key]*drift.Difference
	drifts   bool // P0 acts upon something that differs outside
}

type key struct {
	address string
	class   drift.Class
}

// add adds an attribute to the difference of an address and class.
func (c *classes) add(r *resource, class drift.Class, action plan.Action, a drift.Attribute) {
	if c.found == nil {
		c.found = map[key]*drift.Difference{}
	}
	k := key{r.address, class}
	d := c.found[k]
	if d == nil {
		d = &drift.Difference{Address: r.address, Type: r.any.Type, Module: r.any.Module, Provider: r.any.Provider,
			Class: class, Action: action}
		if class == drift.AppliedElsewhere || class == drift.HalfApplied {
			d.Written = c.written(r, class)
		}
		c.found[k] = d
	}
	d.Attributes = append(d.Attributes, a)
}

func (c *classes) list() []drift.Difference {
	out := make([]drift.Difference, 0, len(c.found))
	for _, d := range c.found {
		slices.SortStableFunc(d.Attributes, func(a, b drift.Attribute) int { return natural.Compare(a.Path, b.Path) })
		d.Attributes = slices.CompactFunc(d.Attributes, func(a, b drift.Attribute) bool { return a.Path == b.Path })
		out = append(out, *d)
	}
	slices.SortFunc(out, func(a, b drift.Difference) int {
		return cmp.Or(natural.Compare(a.Address, b.Address), drift.Rank(a.Class)-drift.Rank(b.Class))
	})
	return out
}

// differsOutside reports whether P0 changes something that differs outside.
func (r *resource) differsOutside() bool {
	return r.drift != nil && r.change != nil && r.change.Action != plan.ReadData
}

// outputs adds the outputs that change without waiting for a resource.
func (c *classes) outputs(e Evidence) {
	applied := map[string]bool{}
	last := map[string]plan.Output{}
	if e.LastApply != nil {
		for _, o := range e.LastApply.Outputs {
			last[o.Name] = o
		}
	}
	for _, o := range e.Applied.Outputs {
		applied[o.Name] = true
		if o.Unknown != nil && len(e.Applied.Changes) > 0 {
			continue
		}
		class := drift.Input
		if s := e.Applied.Since; s != nil && slices.Contains(s.Settled, o.Name) || c.writtenOutput(o) {
			continue
		}
		if was, ok := last[o.Name]; ok && o.Unknown == nil && was.Unknown == nil && !o.Sensitive &&
			values.Equal(was.After, o.After) {
			class = drift.Perpetual
		}
		c.output(o, class)
	}
	if e.Head == nil {
		return
	}
	for _, o := range e.Head.Outputs {
		if !applied[o.Name] && (o.Unknown == nil || len(e.Head.Changes) == 0) {
			c.output(o, drift.PendingCommit)
		}
	}
}

func (c *classes) output(o plan.Output, class drift.Class) {
	a := drift.Attribute{Before: o.Before, After: o.Before, Wanted: o.After, Sensitive: o.Sensitive}
	if o.Unknown != nil {
		a.Wanted = drift.Unknown
	}
	c.add(&resource{address: "output." + o.Name, any: &plan.Change{}}, class, o.Action, a)
}

// checks adds what does not hold.
func (c *classes) checks(list []plan.Check) {
	for _, k := range list {
		if k.Status != "fail" && k.Status != "error" {
			continue
		}
		r := &resource{address: k.Address, any: &plan.Change{}}
		c.add(r, drift.CheckFailed, "", drift.Attribute{})
		d := c.found[key{k.Address, drift.CheckFailed}]
		if d.Problems = append(d.Problems, k.Problems...); len(d.Problems) == 0 {
			d.Problems = []string{"a condition could not be evaluated"}
		}
	}
}

// resources brings together what the plans say of each resource instance.
func resources(e Evidence) []*resource {
	all := map[string]*resource{}
	at := func(c *plan.Change) *resource {
		k := drift.Instance(c)
		if all[k] == nil {
			all[k] = &resource{address: k, any: c}
		}
		return all[k]
	}
	for i := range e.Applied.Drift {
		if d := &e.Applied.Drift[i]; !e.worldless(d) {
			at(d).drift = d
		} else if d.Action == plan.Delete {
			at(d).fleeting = true
		}
	}
	for i := range e.Applied.Changes {
		r := at(&e.Applied.Changes[i])
		r.change, r.any = &e.Applied.Changes[i], &e.Applied.Changes[i]
	}
	addSince(all, e)
	if e.Head != nil {
		addHead(all, e.Head)
	}
	if e.LastApply != nil {
		for i := range e.LastApply.Changes {
			if r := all[drift.Instance(&e.LastApply.Changes[i])]; r != nil {
				r.last = &e.LastApply.Changes[i]
			}
		}
	}
	return slices.Collect(maps.Values(all))
}

// addHead adds what P1 says, by the addresses that P0 knows.
func addHead(all map[string]*resource, p *plan.Plan) {
	moved := map[string]string{} // where HEAD moves a resource to, from where
	for i := range p.Changes {
		h := &p.Changes[i]
		from := *h
		if h.PreviousAddress != "" && h.Deposed == "" {
			from.Address, moved[h.Address] = h.PreviousAddress, h.PreviousAddress
		}
		k := drift.Instance(&from)
		if all[k] == nil {
			all[k] = &resource{address: k, any: h}
		}
		all[k].head = h
	}
	for i := range p.Drift {
		h := &p.Drift[i]
		k := drift.Instance(h)
		if from, ok := moved[h.Address]; ok && h.Deposed == "" {
			k = from
		}
		if all[k] != nil {
			all[k].headDrift = h
		}
	}
	for _, r := range all {
		r.planned = true
	}
}
