package engine

import (
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

func ref(identity, backend string, resources int) workspace.StateRef {
	return workspace.StateRef{Identity: identity, Backend: backend, Place: "place of " + identity, Resources: resources,
		Counted: true}
}

func TestStandsOn(t *testing.T) {
	here := workspace.Place{Repository: "infra", Branch: "main", Dir: "app", TerraformWorkspace: "default"}
	elsewhere := here
	elsewhere.Dir = "other"
	applied := func(s workspace.StateRef, lineage string) workspace.Record {
		return workspace.Record{Name: "app", Applied: "c1", AppliedState: &workspace.AppliedState{StateRef: s, At: here,
			StateMark: workspace.StateMark{Lineage: lineage}}}
	}
	gone := applied(ref("managed:old", "managed", 3), "L")
	gone.Name = "old"
	unknown := ref("a", "s3", 0)
	unknown.Counted = false
	for _, c := range []struct {
		name     string
		rec      workspace.Record
		left     []workspace.Record
		met      workspace.StateRef
		lineage  string
		from, to string // empty: it is the same
		was      string
	}{
		{name: "never applied", rec: workspace.Record{Name: "app"}, met: ref("a", "s3", 0)},
		{name: "the same", rec: applied(ref("a", "s3", 3), ""), met: ref("a", "s3", 0)},
		{name: "another address", rec: applied(ref("a", "s3", 3), ""), met: ref("b", "s3", 0), from: "a", to: "b"},
		{name: "a backend is added", rec: applied(ref("m", "managed", 3), "L"), met: ref("b", "s3", 0), from: "m",
			to: "b"},
		{name: "a backend is removed", rec: applied(ref("a", "s3", 3), ""), met: ref("m", "managed", 0), from: "a",
			to: "m"},
		{name: "another one that holds something", rec: applied(ref("a", "s3", 3), ""), met: ref("b", "s3", 2),
			from: "a", to: "b"},
		{name: "nothing is left behind", rec: applied(ref("a", "s3", 0), ""), met: ref("b", "s3", 0)},
		{name: "nobody knows how much is left behind", rec: applied(unknown, ""), met: ref("b", "s3", 0), from: "a",
			to: "b"},
		{name: "the data directory was moved", rec: applied(ref("managed:1", "managed", 3), "L"),
			met: ref("managed:2", "managed", 3), lineage: "L"},
		{name: "the data directory was moved without the state", rec: applied(ref("managed:1", "managed", 3), "L"),
			met: ref("managed:2", "managed", 0), from: "managed:1", to: "managed:2"},
		{name: "the data directory has another state", rec: applied(ref("managed:1", "managed", 3), "L"),
			met: ref("managed:2", "managed", 1), lineage: "K", from: "managed:1", to: "managed:2"},
		{name: "a record of an older version", rec: workspace.Record{Name: "app", Applied: "c1", State: "a"},
			met: ref("b", "s3", 0), from: "a", to: "b"},
		{name: "an older record of what never applied", rec: workspace.Record{Name: "app", State: "a"},
			met: ref("b", "s3", 0)},
		{name: "the workspace has another name", rec: workspace.Record{Name: "app"}, left: []workspace.Record{gone},
			met: ref("managed:app", "managed", 0), from: "managed:old", to: "managed:app", was: "old"},
		{name: "another name and the same backend", rec: workspace.Record{Name: "app"}, left: []workspace.Record{gone},
			met: ref("managed:old", "managed", 3)},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := outcome.StandsOn(c.rec, here, c.left,
				outcome.StateFound{StateRef: c.met, StateMark: workspace.StateMark{Lineage: c.lineage}, Held: -1})
			if n == nil {
				n = &run.NewState{}
			}
			if n.From.Identity != c.from || n.To.Identity != c.to || n.Was != c.was {
				t.Errorf("%+v, want from %q to %q, was %q", n, c.from, c.to, c.was)
			}
			if c.was != "" && outcome.StandsOn(c.rec, elsewhere, c.left, outcome.StateFound{StateRef: c.met}) != nil {
				t.Error("a workspace of other code counts as the old one")
			}
		})
	}
}

// A state that is where it was applied and is not what became of it is none to plan on unasked:
// removed there, put back from an old version, or another one.
func TestChangedInPlace(t *testing.T) {
	here := workspace.Place{Repository: "infra", Branch: "main", Dir: "app", TerraformWorkspace: "default"}
	one := func(serial uint64, lineage string, held int) outcome.StateFound {
		return outcome.StateFound{StateRef: ref("a", "s3", held), StateMark: workspace.StateMark{Serial: serial,
			Lineage: lineage}, Held: held}
	}
	for name, c := range map[string]struct {
		resources int // -1: not counted
		lineage   string
		met       outcome.StateFound
		why       string
	}{
		"as it was":                              {3, "L", one(7, "L", 3), ""},
		"applied elsewhere":                      {3, "L", one(9, "L", 4), ""},
		"an apply that left the state as it was": {3, "L", one(6, "L", 3), ""},
		"the version before the last":            {3, "L", one(6, "L", 2), "older than what was applied"},
		"an old version":                         {3, "L", one(5, "L", 3), "older than what was applied"},
		"removed":                                {3, "L", one(0, "", 0), "it holds nothing"},
		"emptied":                                {3, "L", one(8, "L", 0), "it holds nothing"},
		"another one, empty":                     {3, "L", one(1, "K", 0), "it holds nothing"},
		"another one":                            {3, "L", one(7, "K", 3), "another state"},
		"the first plan after the first apply":   {3, "", one(1, "L", 3), ""},
		"removed after the first apply":          {3, "", one(0, "", 0), "it holds nothing"},
		"nothing was applied":                    {0, "L", one(0, "", 0), ""},
		"destroyed, and begun anew elsewhere":    {0, "L", one(1, "K", 2), ""},
		"a first apply that failed":              {-1, "", one(0, "", 0), ""},
		"a later apply that failed, removed":     {-1, "L", one(0, "", 0), "it holds nothing"},
		"a later apply that failed":              {-1, "L", one(8, "L", 2), ""},
		"a plan that does not tell": {3, "L", outcome.StateFound{StateRef: ref("a", "s3", 0), Held: -1},
			""},
	} {
		t.Run(name, func(t *testing.T) {
			applied := &workspace.AppliedState{StateRef: ref("a", "s3", max(c.resources, 0)), At: here,
				StateMark: workspace.StateMark{Serial: 7, Lineage: c.lineage}}
			applied.Counted = c.resources >= 0
			n := outcome.StandsOn(workspace.Record{Name: "app", Applied: "c1", AppliedState: applied}, here, nil, c.met)
			switch {
			case n == nil && c.why != "" || n != nil && (c.why == "" || !strings.Contains(n.Why, c.why)):
				t.Errorf("got %+v, want %q", n, c.why)
			case n != nil:
				if !strings.Contains(n.String(), n.Why) ||
					n.Ways(run.Run{ID: "r1", Workspace: "app"})[0].Command != "tfops sync app" {
					t.Errorf("it says %s", n)
				}
			}
		})
	}
}

// What is applied is remembered with its state, and a part of it, too.
func TestWroteState(t *testing.T) {
	def := define("app")
	managed := func(n string) job.BackendConfig {
		return job.BackendConfig{Type: "managed", Config: map[string]any{"path": "/data/" + n}}
	}
	for _, c := range []struct {
		name    string
		had     string
		res     job.Result
		state   string
		counted bool
	}{
		{name: "applied", had: "x", res: job.Result{Outcome: job.Succeeded, Backend: managed("y"), Lineage: "L"},
			state: "managed:path=/data/y#default", counted: true},
		{name: "a part of it", had: "x", res: job.Result{Outcome: job.Failed, Cause: job.CauseEngine,
			Backend: managed("y")}, state: "managed:path=/data/y#default"},
		{name: "not begun", had: "x", res: job.Result{Outcome: job.Failed, Cause: job.CauseStale,
			Backend: managed("y")}, state: "x", counted: true},
		{name: "locked", had: "x", res: job.Result{Outcome: job.Failed, Cause: job.CauseLocked, Backend: managed("y")},
			state: "x", counted: true},
		{name: "no engine", had: "x", res: job.Result{Outcome: job.Failed, Cause: job.CauseNoEngine}, state: "x",
			counted: true},
		{name: "killed", had: "x", res: job.Result{Outcome: job.KilledOutcome, Backend: managed("y")},
			state: "managed:path=/data/y#default"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &run.Tx{Record: workspace.Record{Name: "app",
				AppliedState: &workspace.AppliedState{StateRef: ref(c.had, "s3", 2)}}}
			outcome.WroteState(d, def, c.res, &plan.Plan{Counts: plan.Counts{Add: 1}})
			if s := d.Record.AppliedState; s.Identity != c.state || s.Counted != c.counted {
				t.Errorf("%+v, want %s", s, c.state)
			}
		})
	}
}

// Which state of a backend was applied to is known by what the plan stood on, and where the
// apply began it, by the next plan.
func TestWhichStateOfABackendWasApplied(t *testing.T) {
	def, d := define("app"), &run.Tx{}
	res := job.Result{Outcome: job.Succeeded,
		Backend: job.BackendConfig{Type: "s3", Config: map[string]any{"bucket": "b", "key": "k"}}}
	mark := func(serial uint64, lineage string) {
		t.Helper()
		if got := d.Record.AppliedState.StateMark; got.Serial != serial || got.Lineage != lineage {
			t.Errorf("it is known as %+v, want %d %s", got, serial, lineage)
		}
	}
	outcome.WroteState(d, def, res, &plan.Plan{State: &plan.State{}})
	mark(1, "")
	met := outcome.StateFound{StateRef: d.Record.AppliedState.StateRef,
		StateMark: workspace.StateMark{Serial: 2, Lineage: "L"}}
	outcome.Learned(d, met)
	mark(2, "L")
	met.Lineage = "K"
	outcome.Learned(d, met)
	mark(2, "L")
	outcome.WroteState(d, def, res, &plan.Plan{State: &plan.State{Serial: 4, Lineage: "L"}})
	mark(5, "L")
	outcome.WroteState(d, def, res, nil)
	mark(5, "L")
	outcome.WroteState(d, def, res, &plan.Plan{State: &plan.State{}}) // begun anew, as somebody meant it
	mark(1, "")
}
