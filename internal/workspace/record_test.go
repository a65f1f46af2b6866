package workspace

import (
	"testing"
	"time"
)

func TestSuspended(t *testing.T) {
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		s    *Suspension
		want bool
	}{
		{"not at all", nil, false},
		{"until resumed", &Suspension{By: "ana"}, true},
		{"until later", &Suspension{Until: now.Add(time.Second)}, true},
		{"until now", &Suspension{Until: now}, false},
		{"until earlier", &Suspension{Until: now.Add(-time.Second)}, false},
		{"until later in another zone", &Suspension{Until: now.Add(time.Second).In(time.FixedZone("x", -7200))}, true},
	} {
		if got := (Record{Suspension: c.s}).Suspended(now); got != c.want {
			t.Errorf("%s: suspended is %v", c.name, got)
		}
	}
}

func TestInSync(t *testing.T) {
	for _, c := range []struct {
		name   string
		record Record
		want   bool
	}{
		{"nothing known", Record{}, false},
		{"nothing known, with this fingerprint", Record{AppliedFingerprint: "f"}, false},
		{"never applied", Record{Desired: "a"}, false},
		{"applied", Record{Desired: "a", Applied: "a", AppliedFingerprint: "f"}, true},
		{"a newer commit", Record{Desired: "b", Applied: "a", AppliedFingerprint: "f"}, false},
		{"other inputs", Record{Desired: "a", Applied: "a", AppliedFingerprint: "g"}, false},
		{"destroyed", Record{Desired: "a", Destroyed: true}, false},
	} {
		if got := c.record.InSync("f"); got != c.want {
			t.Errorf("%s: in sync is %v", c.name, got)
		}
	}
}

// What was brought may stand in the world before tfops has applied anything: a workspace
// with it is not forgotten.
func TestMayStand(t *testing.T) {
	holding := func(n int, counted bool) *AppliedState {
		return &AppliedState{StateRef: StateRef{Identity: "s", Resources: n, Counted: counted}}
	}
	for name, c := range map[string]struct {
		rec  Record
		want bool
	}{
		"new":                {Record{}, false},
		"applied":            {Record{Applied: "c"}, true},
		"an apply was begun": {Record{ApplyStartedAt: time.Unix(1, 0)}, true},
		"destroyed": {Record{ApplyStartedAt: time.Unix(1, 0), Destroyed: true,
			AppliedState: holding(0, true)}, false},
		"an imported state":               {Record{AppliedState: holding(2, true)}, true},
		"an imported state with nothing":  {Record{AppliedState: holding(0, true)}, false},
		"imported, and destroyed by hand": {Record{AppliedState: holding(0, true), Destroyed: true}, false},
	} {
		if got := c.rec.MayStand(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
