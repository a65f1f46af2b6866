package findings

import (
	"slices"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
)

// What a look says nothing of is neither seen nor resolved by it, and counts as
// open all the same.
func TestALookSparesWhatItSaysNothingOf(t *testing.T) {
	at := time.Date(2027, 3, 1, 2, 0, 0, 0, time.UTC)
	difference := func(address string) drift.Difference {
		return drift.Difference{Address: address, Class: drift.Changed, Attributes: []drift.Attribute{{Path: "size"}}}
	}
	check := drift.Check{Workspace: "net", Outcome: drift.Drifted}
	var l Tx
	if err := l.Observe(drift.Rules{}, Look{Check: check, Found: []drift.Difference{difference("box.a"),
		difference("box.b")}}, at); err != nil {
		t.Fatal(err)
	}
	spared := drift.ID("net", "box.a", drift.Changed)
	check.Outcome = drift.Clean
	if err := l.Observe(drift.Rules{}, Look{Check: check, Spared: []string{spared}}, at.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	found, _ := l.Findings()
	if len(found) != 2 {
		t.Fatalf("%d findings", len(found))
	}
	for _, f := range found {
		kept := f.Life == drift.New && f.Times == 1 && f.LastSeen.Equal(at)
		if f.ID == spared && !kept || f.ID != spared && f.Life != drift.Resolved {
			t.Errorf("%+v", f)
		}
	}
	if slices.ContainsFunc(l.Moved[2:], func(e drift.Event) bool { return e.Finding == spared }) {
		t.Errorf("it moved: %+v", l.Moved)
	}
	if c := l.Checks[1]; c.Outcome != drift.Drifted || c.Open[found[0].Severity] != 1 {
		t.Errorf("the check: %+v", c)
	}
}
