package workdir

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/plan/values"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
)

// keptSchemas is what providers said, for one lock file and engine.
type keptSchemas struct {
	Key     string         `json:"key"`
	Schemas values.Schemas `json:"schemas"`
}

// Schemas tells what these providers call sensitive, and how they type their arguments. The engine starts each
// provider to tell it, so it is asked once for each lock file, and only where a plan needs it. Where it cannot
// be told nil is the answer: more is hidden, and the plan is laid out by guesses.
//
// Code of the module has run by then, and may speak in the engine's stead: so what it says counts for its own
// workspace, and is kept where it may be applied there.
func (d *Dir) Schemas(ctx context.Context, providers []string) values.Schemas {
	key, path := d.schemasKey(), filepath.Join(d.Job.WorkspaceDir, "engine", "schemas.json")
	var kept keptSchemas
	b, err := datafile.Read(path, datafile.Large)
	if err == nil && json.Unmarshal(b, &kept) == nil && kept.Key == key && key != "" &&
		!slices.ContainsFunc(providers, func(name string) bool { return kept.Schemas[name] == nil }) {
		return kept.Schemas
	}
	shown, err := d.Document(ctx, "what the providers say of themselves", "providers schema",
		func(ctx context.Context, tf *tfexec.Terraform) error {
			_, err := tf.ProvidersSchema(ctx)
			return err
		})
	if err != nil {
		d.Log.Say("warn", "the providers' schemas are not known, so the plan hides more than it has to: %v", err)
		return nil
	}
	known, err := values.ReadSchemas(shown)
	if err != nil {
		d.Log.Say("warn", "the providers' schemas cannot be read, so the plan hides more than it has to")
		return nil
	}
	if b, err := json.Marshal(keptSchemas{key, known}); err == nil && key != "" && d.Job.LockState {
		_ = durable.Write(path, b) // a cache
	}
	return known
}

// schemasKey names the lock file, which tells the providers' versions, and the engine; "" without a lock file.
// The number is another one when what is kept has another form.
func (d *Dir) schemasKey() string {
	lock, err := datafile.Read(filepath.Join(d.Root, diagnostics.DependencyLock), datafile.Record)
	if err != nil {
		return ""
	}
	return ground.KeyOf("2", d.Name, d.Version, string(lock))
}
