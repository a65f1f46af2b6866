package plan

import (
	"fmt"
	"slices"
	"strings"
)

// String says the counts in one line for a person, e.g. "3 to add, 1 to
// change, 1 to replace, 2 to destroy"; "no changes" when there are none.
func (c Counts) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		text string
	}{
		{c.Import, "to import"}, {c.Add, "to add"}, {c.Change, "to change"}, {c.Replace, "to replace"},
		{c.Delete, "to destroy"}, {c.Move, "to move"}, {c.Forget, "to forget"}, {c.Read, "to read"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.text))
		}
	}
	switch {
	case c.Outputs == 1:
		parts = append(parts, "1 output to change")
	case c.Outputs > 1:
		parts = append(parts, fmt.Sprintf("%d outputs to change", c.Outputs))
	}
	if len(parts) == 0 {
		return "no changes"
	}
	return strings.Join(parts, ", ")
}

// count tallies the changes of a plan and its outputs.
func count(changes []Change, outputs []Output) Counts {
	var c Counts
	for _, ch := range changes {
		switch ch.Action {
		case Create:
			c.Add++
		case Update:
			c.Change++
		case Delete:
			c.Delete++
		case Replace:
			c.Replace++
		case Forget:
			c.Forget++
		case ReadData:
			c.Read++
		}
		if ch.ImportID != "" {
			c.Import++
		}
		if ch.PreviousAddress != "" {
			c.Move++
		}
	}
	c.Outputs = len(outputs)
	return c
}

// Types lists the resource types that change, sorted, each once. Data sources
// that are only read are not among them.
func (p *Plan) Types() []string {
	types := []string{}
	for _, c := range p.Changes {
		if c.Action != ReadData {
			types = append(types, c.Type)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// Addresses lists the addresses that change in the engine's order, each once.
// Data sources that are only read are not among them.
func (p *Plan) Addresses() []string {
	addresses, seen := []string{}, map[string]bool{}
	for _, c := range p.Changes {
		if c.Action != ReadData && !seen[c.Address] {
			seen[c.Address] = true
			addresses = append(addresses, c.Address)
		}
	}
	return addresses
}

// Left is how many managed resource instances there are once the plan is
// applied: those that it held against the world, without what is gone, deleted
// or forgotten, and what it makes.
func (p *Plan) Left() int {
	n := p.Compared + p.Counts.Add - p.Counts.Delete - p.Counts.Forget
	for _, c := range p.Drift {
		if c.Action == Delete {
			n--
		}
	}
	return max(n, 0) // a plan of an older version has no Compared
}
