package workdir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/plan/values"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// Schemas tells what these providers call sensitive. The engine starts each provider to tell
// it, so it is asked once for each lock file, and only where a plan needs it. Where it cannot
// be told nil is the answer, and more is hidden.
func (d *Dir) Schemas(ctx context.Context, providers []string) values.Schemas {
	path := d.schemasPath()
	known := readSchemas(path)
	if known != nil && !slices.ContainsFunc(providers, func(name string) bool { return known[name] == nil }) {
		return known
	}
	shown, err := d.Document(ctx, "what the providers say of themselves", "providers schema",
		func(ctx context.Context, tf *tfexec.Terraform) error {
			_, err := tf.ProvidersSchema(ctx)
			return err
		})
	if err != nil {
		d.Log.Say("warn", "what the providers call sensitive is not known, so the plan hides more than it has to: %v",
			err)
		return nil
	}
	known, err = values.ReadSchemas(shown)
	if err != nil {
		d.Log.Say("warn", "what the providers call sensitive cannot be read, so the plan hides more than it has to")
		return nil
	}
	if b, err := json.Marshal(known); err == nil && path != "" {
		_ = os.MkdirAll(filepath.Dir(path), 0o700)
		_ = durable.Write(path, b) // a cache
	}
	return known
}

// schemasPath is where the cache has them, by the lock file and the engine; "" without a lock
// file, which tells the providers' versions.
func (d *Dir) schemasPath() string {
	lock, err := datafile.Read(filepath.Join(d.Root, diagnostics.DependencyLock), datafile.Record)
	if err != nil || d.Job.CacheDir == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(d.Name + " " + d.Version + "\x00" + string(lock)))
	return filepath.Join(d.Job.CacheDir, "schemas", hex.EncodeToString(sum[:16])+".json")
}

func readSchemas(path string) (known values.Schemas) {
	if path == "" {
		return nil
	}
	b, err := datafile.Read(path, datafile.Large)
	if err != nil || json.Unmarshal(b, &known) != nil {
		return nil
	}
	return known
}
