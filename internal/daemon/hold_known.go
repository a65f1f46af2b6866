package daemon

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/datadir"
	"github.com/tfops/tfops/internal/run/recovery"
	"github.com/tfops/tfops/internal/workspace"
)

// holdKnown suspends, in a store that is new, each workspace of which another data
// directory keeps a state: with an empty one everything would be made anew.
func (d *Daemon) holdKnown(ctx context.Context) error {
	fresh, err := d.store.Empty()
	if err != nil || !fresh {
		return err
	}
	known, err := datadir.Known(namesIn(d.cfg), datadir.Others(d.cfg.DataDir, d.cfg.Path))
	if err != nil || len(known) == 0 {
		return err
	}
	now := time.Now().UTC()
	var held recovery.Contents
	for _, name := range slices.Sorted(maps.Keys(known)) {
		why := fmt.Sprintf("the data directory %s is new, and %s keeps a state of this workspace: on an empty one "+
			"everything would be made anew. "+
			"To go on with it, stop tfops serve and use that directory: set data_dir back, or move it here. Resume "+
			"only to begin with nothing on purpose", d.cfg.DataDir, known[name])
		held.Records = append(held.Records,
			workspace.Record{Name: name, Suspension: &workspace.Suspension{By: "tfops", Reason: why, At: now}})
		held.Audits = append(held.Audits, audit.Record{At: now, Actor: "tfops", Via: "config", Action: "suspend",
			Workspace: name, Reason: why})
		d.Log.Warn("a workspace is held: the data directory is new, and another one keeps a state of it", "workspace",
			name, "data_dir", d.cfg.DataDir, "other", known[name],
			"next", "stop tfops serve, and set data_dir back or move the other directory here; to begin with nothing: "+
				"tfops resume "+name)
	}
	return d.store.Rebuild(ctx, held) // all of them or none: a second start would not look again
}

// namesIn are the names that workspaces of a configuration have or had; nil where
// generators make others.
func namesIn(cfg *config.Config) map[string]bool {
	if len(cfg.Generators) > 0 {
		return nil
	}
	names := map[string]bool{}
	for _, w := range cfg.Workspaces {
		names[w.Name] = true
		if w.RenamedFrom != "" {
			names[w.RenamedFrom] = true
		}
	}
	return names
}
