package runner

import (
	"archive/zip"
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/baseline"
	"github.com/tfops/tfops/internal/runner/backend"
)

// A saved plan says which state it stands on, whatever the engine and wherever the state is.
func TestPlannedOn(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine job.EngineSpec) {
		for name, backend := range map[string]func(r *rig) string{
			"managed": func(*rig) string { return "" },
			"local": func(r *rig) string {
				return fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = %q\n  }\n}\n",
					filepath.Join(r.given(), "states", "x.tfstate"))
			},
			"http": func(*rig) string { return newHTTPBackend(t).block() },
		} {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, nil)
				r.engine = engine
				r.write("main.tf", backend(r)+simple)
				first := r.planned()
				if s := mustLoad(t, first.dir).Plan.State; s == nil || s.Lineage != "" && name == "http" ||
					s.Resources != 0 {
					t.Errorf("there is no state yet: %+v", s)
				}
				must(t, first.startApply().wait(), job.Succeeded, "", "")
				s := mustLoad(t, r.planned().dir).Plan.State
				if s == nil || s.Lineage == "" || s.Serial == 0 || s.Resources != 1 {
					t.Errorf("of the one that was applied the plan says %+v", s)
				}
			})
		}
	})
}

func plannedOn(saved []byte) *plan.State {
	found, _ := baseline.InPlan(saved)
	return backend.PlannedOn(found)
}

// What is no such archive tells nothing.
func TestPlannedOnNothing(t *testing.T) {
	archive := func(files map[string]string) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for name, text := range files {
			f, err := w.Create(name)
			if err == nil {
				_, err = f.Write([]byte(text))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	const state, before = `{"version": 4, "serial": 3, "lineage": "L", "resources": []}`, `{"version": 4, "serial": 0, "lineage": "", "resources": [{"mode": "managed", "instances": [{}, {}]}, {"mode": "data", "instances": [{}]}]}`
	if got := plannedOn(archive(map[string]string{"tfstate": state, "tfstate-prev": before})); got == nil ||
		*got != (plan.State{Serial: 3, Lineage: "L", Resources: 2}) {
		t.Errorf("%+v", got)
	}
	for name, saved := range map[string][]byte{
		"nothing": nil, "encrypted": []byte(`{"encrypted_data": "AA"}`),
		"no state": archive(map[string]string{"tfplan": ""}), "half": archive(map[string]string{"tfstate": state}),
		"cut":            archive(map[string]string{"tfstate": state[:20], "tfstate-prev": before}),
		"another format": archive(map[string]string{"tfstate": `{}`, "tfstate-prev": before}),
		"a cut archive":  archive(map[string]string{"tfstate": state, "tfstate-prev": before})[:100],
	} {
		if got := plannedOn(saved); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
