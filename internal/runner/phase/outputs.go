package phase

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/job"
)

// plannedOutputs keeps the outputs that a plan found in the state: those of the
// last apply. shown is the whole plan as JSON. Its prior_state has outputs, too,
// but as the new configuration makes them of the old state.
func (p *phase) plannedOutputs(shown []byte) error {
	if !p.job.Outputs {
		return nil
	}
	var doc struct {
		Changes map[string]struct {
			Actions   []string        `json:"actions"`
			Before    json.RawMessage `json:"before"`
			Sensitive json.RawMessage `json:"before_sensitive"` // false, or which part is
		} `json:"output_changes"`
	}
	if err := json.Unmarshal(shown, &doc); err != nil {
		return fmt.Errorf("the outputs in the plan cannot be read: %w", err)
	}
	outputs := map[string]job.Output{}
	for name, c := range doc.Changes {
		if !slices.Contains(c.Actions, "create") {
			outputs[name] = job.Output{Value: c.Before, Sensitive: string(c.Sensitive) != "false"}
		}
	}
	return p.keepOutputs(outputs)
}

// appliedOutputs asks the engine for the outputs after an apply. Its own
// messages leave out the values of sensitive ones.
func (p *phase) appliedOutputs(ctx context.Context) error {
	if !p.job.Outputs {
		return nil
	}
	if p.work.HidesBackend() { // which is known to this phase alone, and not from the plan
		if err := p.work.InitAgain(ctx); err != nil {
			return err
		}
	}
	shown, err := p.work.Document(ctx, "the outputs", "output", func(ctx context.Context, tf *tfexec.Terraform) error {
		_, err := tf.Output(ctx)
		return err
	})
	if err != nil {
		return err
	}
	var outputs map[string]job.Output
	if err := json.Unmarshal(shown, &outputs); err != nil {
		return fmt.Errorf("the outputs cannot be read: %w", err)
	}
	return p.keepOutputs(outputs)
}

func (p *phase) keepOutputs(outputs map[string]job.Output) error {
	if outputs == nil {
		outputs = map[string]job.Output{}
	}
	for name, o := range outputs {
		var v bytes.Buffer // the same value is the same text, whoever wrote it
		if err := json.Compact(&v, o.Value); err != nil {
			return err
		}
		outputs[name] = job.Output{Value: v.Bytes(), Sensitive: o.Sensitive}
	}
	b, err := json.Marshal(outputs)
	if err != nil {
		return err
	}
	return p.keepSealed(filepath.Join(p.dir, job.OutputsFile), b)
}
