package plan

import (
	"slices"

	"github.com/tfops/tfops/internal/plan/values"
)

// Since is what became of state and world since tfops wrote the state last, of what a plan acts upon or finds
// otherwise in the world. Of each change Before is what was left.
type Since struct {
	Serial uint64 `json:"serial"` // of the state then
	// State is what another hand left otherwise in the state, Half what a run left that ended halfway.
	State []Change `json:"state,omitempty"`
	Half  []Change `json:"half,omitempty"`
	// World are those of Drift that differed already when the run that left the state had ended: from the world
	// as it was then. One that does nothing is as it was.
	World []Change `json:"world,omitempty"`

	StateOutputs []Output `json:"state_outputs,omitempty"`
	HalfOutputs  []Output `json:"half_outputs,omitempty"`
	Settled      []string `json:"settled,omitempty"` // outputs that are what the world of then makes them
}

// since holds the plan against what was left; nil where that is not known.
func (r *reading) since(doc *document) (*Since, error) {
	if !r.known.Left.Usable() {
		return nil, nil
	}
	found := r.known.Left.Since(doc.ResourceChanges, doc.ResourceDrift, doc.OutputChanges)
	all := func(*Change) bool { return true }
	s := &Since{Serial: r.known.Left.Left.Serial, Settled: found.Settled}
	var err error
	if s.State, err = r.changes(found.Elsewhere, all); err != nil {
		return nil, err
	}
	if s.Half, err = r.changes(found.Half, all); err != nil {
		return nil, err
	}
	if s.World, err = r.changes(found.World, all); err != nil {
		return nil, err
	}
	if s.StateOutputs, err = r.outputs(found.ElsewhereOutputs); err != nil {
		return nil, err
	}
	s.HalfOutputs, err = r.outputs(found.HalfOutputs)
	return s, err
}

// lists are all changes, in the order in which they were read.
func (p *Plan) lists() [][]Change {
	lists := [][]Change{p.Changes, p.Drift, p.Deferred}
	if p.Since != nil {
		lists = append(lists, p.Since.State, p.Since.Half, p.Since.World)
	}
	return lists
}

func (p *Plan) outputLists() [][]Output {
	lists := [][]Output{p.Outputs}
	if p.Since != nil {
		lists = append(lists, p.Since.StateOutputs, p.Since.HalfOutputs)
	}
	return lists
}

// Ignore fills in what the blocks of instances that differ outside ignore, by address.
func (p *Plan) Ignore(of func(addresses []string) map[string][]string) {
	if len(p.Drift) == 0 {
		return
	}
	lists := [][]Change{p.Drift}
	if p.Since != nil {
		lists = append(lists, p.Since.World)
	}
	ignored := of(p.Accepted())
	for _, list := range lists {
		for i := range list {
			list[i].Causes.Ignored = ignored[list[i].Address]
		}
	}
}

// Wrote reports whether anybody but the last run that ended well wrote what the plan is about.
func (s *Since) Wrote() bool {
	return s != nil && slices.ContainsFunc([]int{len(s.State), len(s.Half), len(s.StateOutputs), len(s.HalfOutputs)},
		func(n int) bool { return n > 0 })
}

// TouchesWorld reports whether applying the plan changes anything of a provider that knows a world.
func (p *Plan) TouchesWorld() bool {
	return slices.ContainsFunc(p.Changes, func(c Change) bool {
		return c.Mode == "managed" && c.Action != NoOp && !values.Worldless(c.Provider)
	})
}
