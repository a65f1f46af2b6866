package jobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// Outputs reads a file of outputs; none when there is none.
func (j *Maker) Outputs(path string) (map[string]job.Output, error) {
	b, err := j.Vault.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all map[string]job.Output
	return all, json.Unmarshal(b, &all)
}

func (j *Maker) Digests(outputs map[string]job.Output) map[string]workspace.Output {
	all := map[string]workspace.Output{}
	for name, o := range outputs {
		all[name] = workspace.Output{Digest: j.Vault.Digest(o.Value), Sensitive: o.Sensitive}
	}
	return all
}

// TakeOutputs reads the outputs that a phase left. What it returns, called in the transaction that
// stores the phase's outcome, has the record remember them: their digests, and whose values count.
// of is that phase; "" where it left none.
func (j *Maker) TakeOutputs(r run.Run, p job.Phase) (of job.Phase, remember func(*run.Tx)) {
	outputs, err := j.Outputs(j.Files.Run(r.ID).PhaseFile(p, job.OutputsFile))
	if err != nil {
		j.Log.Warn("the outputs of a workspace cannot be read; workspaces that use them wait for its next plan",
			"workspace", r.Workspace, "run", r.ID, "error", err)
	}
	if outputs == nil {
		return "", func(d *run.Tx) {
			if p == job.ApplyPhase {
				d.Record.Outputs = nil // they may be others now
			}
		}
	}
	digests := j.Digests(outputs)
	return p, func(d *run.Tx) { d.Record.Outputs, d.Record.OutputsOf = digests, r.ID }
}

// made is what artifacts.Inputs holds.
type made struct {
	Variables map[string]ctyjson.SimpleJSONValue `json:"variables"`
	Secret    map[string]bool                    `json:"secret"` // of Variables
}

// values are the variables, marked where they are secret.
func (m made) values() map[string]cty.Value {
	out := map[string]cty.Value{}
	for name, v := range m.Variables {
		out[name] = v.Value
		if m.Secret[name] {
			out[name] = v.Value.WithMarks(workspace.Secret)
		}
	}
	return out
}

func (j *Maker) inputsOf(r artifacts.Run) (made, error) {
	var m made
	b, err := j.Vault.Open(r.Path(artifacts.Inputs))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	return m, err
}

// ResolveInputs makes a run's inputs of the outputs as they are now; those of a
// drift check and of a refresh are the ones that were applied. They are kept, encrypted, in the
// run's directory; what is returned names them.
func (j *Maker) ResolveInputs(r run.Run, def fleet.Definition) (map[string]run.InputUsed, error) {
	files := j.Files.Run(r.ID)
	if len(def.Inputs) == 0 {
		return nil, nil
	}
	if r.Kind == run.Drift || r.Kind == run.Refresh {
		rec, err := j.record(def.Name)
		if err != nil {
			return nil, err
		}
		b, err := j.Files.Workspace(def.Name).ReadKept(artifacts.Inputs, rec.AppliedOf)
		if err == nil {
			return nil, files.Write(artifacts.Inputs, b)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	g := &gathering{j: j, outputs: map[string]map[string]job.Output{}, used: map[string]run.InputUsed{}}
	m := made{Variables: map[string]ctyjson.SimpleJSONValue{}, Secret: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(def.Inputs)) {
		v, err := g.value(def.Inputs[name])
		if err != nil {
			return nil, fault.New(codeOf(err), fault.Next(err), "input %s of workspace %s: %w", name, def.Name, err)
		}
		plain, _ := v.UnmarkDeep()
		m.Variables[name], m.Secret[name] = ctyjson.SimpleJSONValue{Value: plain}, workspace.IsSecret(v)
	}
	b, err := json.Marshal(m)
	if err == nil {
		b, err = j.Vault.Seal(b)
	}
	if err == nil {
		err = files.Write(artifacts.Inputs, b)
	}
	return g.used, err
}

func codeOf(err error) fault.Code {
	for _, c := range []fault.Code{fault.NotFound, fault.Invalid, fault.Conflict} {
		if fault.Is(err, c) {
			return c
		}
	}
	return fault.Internal
}

// gathering reads outputs, each workspace's once.
type gathering struct {
	j       *Maker
	outputs map[string]map[string]job.Output
	used    map[string]run.InputUsed
}

func (g *gathering) value(in workspace.Input) (cty.Value, error) {
	values := map[workspace.OutputRef]cty.Value{}
	for _, ref := range in.Refs {
		v, err := g.output(ref)
		if err != nil {
			return cty.NilVal, err
		}
		values[ref] = v
	}
	return in.Value(func(ref workspace.OutputRef) cty.Value { return values[ref] })
}

func (g *gathering) output(ref workspace.OutputRef) (cty.Value, error) {
	all, known := g.outputs[ref.Workspace]
	if !known {
		rec, err := g.j.record(ref.Workspace)
		if err != nil {
			return cty.NilVal, err
		}
		if all, err = g.j.Outputs(g.j.Files.Workspace(ref.Workspace).Kept(artifacts.Outputs,
			rec.OutputsOf)); err != nil {
			return cty.NilVal, err
		}
		g.outputs[ref.Workspace] = all
	}
	o, ok := all[ref.Output]
	if !ok {
		return cty.NilVal, missingOutput(ref, all)
	}
	t, err := ctyjson.ImpliedType(o.Value)
	if err != nil {
		return cty.NilVal, err
	}
	v, err := ctyjson.Unmarshal(o.Value, t)
	if err != nil {
		return cty.NilVal, err
	}
	if o.Sensitive {
		v = v.WithMarks(workspace.Secret)
	}
	g.used[ref.String()] = run.InputUsed{Digest: g.j.Digests(map[string]job.Output{"": o})[""].Digest,
		Sensitive: o.Sensitive}
	return v, nil
}

// missingOutput says that there is no such output, and what there is.
func missingOutput(ref workspace.OutputRef, all map[string]job.Output) error {
	if all == nil {
		return fault.New(fault.Conflict, "apply it: tfops sync "+ref.Workspace+"; if it is applied: "+
			drift.CheckCommand(ref.Workspace),
			"nothing is known of the outputs of workspace %s", ref.Workspace)
	}
	names := slices.Sorted(maps.Keys(all))
	if len(names) == 0 {
		return fault.New(fault.NotFound, "declare it in the root module of "+ref.Workspace+" and apply that",
			"workspace %s has no output %s: it has none at all", ref.Workspace, ref.Output)
	}
	next := "declare it in the root module of " + ref.Workspace + " and apply that, or correct inputs in tfops.hcl"
	if near := workspace.Nearest(ref.Output, names); near != "" {
		next = fmt.Sprintf("is %q meant? otherwise %s", near, next)
	}
	return fault.New(fault.NotFound, next, "workspace %s has no output %s as it was last applied; it has %s",
		ref.Workspace, ref.Output, strings.Join(names, ", "))
}
