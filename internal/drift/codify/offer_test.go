package codify

import (
	"slices"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
)

// What is offered to be codified is not refused for what it is, and the other
// way round.
func TestOfferedIsNotRefused(t *testing.T) {
	for _, class := range drift.Classes() {
		for name, d := range map[string]drift.Difference{
			"an attribute": {Address: "aws_eip.a", Class: class,
				Attributes: []drift.Attribute{{Path: "ttl", Before: 300, After: 60}}},
			"the whole": {Address: "aws_eip.a", Class: class, Attributes: []drift.Attribute{{}}},
		} {
			f := drift.Finding{ID: drift.ID("net", d.Address, class), Workspace: "net", Life: drift.New, Difference: d}
			offered := slices.ContainsFunc(f.WaysOut(time.Now()),
				func(w drift.WayOut) bool { return w.Way == drift.Codify })
			if class == drift.Changed && name == "the whole" {
				continue // which only a plan that creates can make
			}
			if refused := against(d) != nil; offered == refused {
				t.Errorf("%s, %s: offered %v, refused %v", class, name, offered, refused)
			}
		}
	}
}
