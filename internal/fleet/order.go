package fleet

import (
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// Code is what the code of a workspace says of others.
type Code struct {
	States reach.States
	Wrong  error // a local module that it calls is not there
}

// ReadCode reads what the code of workspaces says in one graph, by workspace.
func ReadCode(g *reach.Graph, ws []workspace.Workspace) map[string]Code {
	all := map[string]Code{}
	for _, w := range ws {
		c := Code{States: g.States(w, locks.Identity)}
		if problems := g.Problems(w.Dir); len(problems) > 0 {
			p := problems[0]
			c.Wrong = fault.New(fault.Invalid, p.Next, "%s: %s", p.Where, p.Message)
		}
		all[w.Name] = c
	}
	return all
}

// Arrange is the fleet in the order that its configuration and its code ask for:
// depends_on, inputs, and who reads the state of which others. The state that the
// newest plan of a workspace resolved counts more than the text of its backend.
func (f *Fleet) Arrange(code map[string]Code, records map[string]workspace.Record) *Fleet {
	states := map[string]reach.States{}
	for _, d := range f.Workspaces {
		st := code[d.Name].States
		if own := records[d.Name].State; own != "" {
			st.Own = own
		}
		states[d.Name] = st
	}
	arranged := *f
	arranged.Order, arranged.Problems = reach.NewOrder(Values(f.Workspaces), reach.Infer(states))
	return &arranged
}

// Downstream are the workspaces that come right after another.
func (f *Fleet) Downstream(name string) []string {
	var names []string
	for _, d := range f.Order.Downstream(name) {
		names = append(names, d.Downstream)
	}
	return names
}
