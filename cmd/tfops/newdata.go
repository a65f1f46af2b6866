package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/run/recovery"
	"github.com/tfops/tfops/internal/workspace"
)

// A data directory that nothing was ever recorded in knows of no state that tfops
// keeps. It is a newcomer's first start, or another data_dir than before. Nothing
// inside tells one from the other, so what lies around it is looked at.

// defaultDataDir is where the data directory is unless tfops.hcl says otherwise.
const defaultDataDir = "/var/lib/tfops"

// maxBeside bounds how many directories are looked into beside one.
const maxBeside = 1000

// otherDataDirs finds data directories that this configuration may have used
// before: beside data_dir, beside tfops.hcl, and at the default place.
func otherDataDirs(cfg *config.Config) []string {
	mine, err := os.Stat(cfg.DataDir)
	if err != nil {
		return nil
	}
	found, seen := []string{}, []os.FileInfo{mine}
	look := func(dir string) {
		info, err := os.Stat(dir)
		if err != nil || !info.IsDir() || slices.ContainsFunc(seen,
			func(o os.FileInfo) bool { return os.SameFile(o, info) }) {
			return
		}
		seen = append(seen, info)
		for _, name := range []string{"tfops.db", "key"} {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				found = append(found, dir)
				return
			}
		}
	}
	for _, parent := range []string{filepath.Dir(cfg.DataDir), filepath.Dir(cfg.Path)} {
		entries, _ := os.ReadDir(parent) // one that cannot be listed tells nothing
		for _, e := range entries[:min(len(entries), maxBeside)] {
			look(filepath.Join(parent, e.Name()))
		}
	}
	look(defaultDataDir)
	return found
}

// knownElsewhere names the workspaces of which another data directory keeps a
// state. Without generators it is known which can be this configuration's.
func knownElsewhere(cfg *config.Config, others []string) (map[string]string, error) {
	mine := map[string]bool{}
	for _, w := range cfg.Workspaces {
		mine[w.Name] = true
		if w.RenamedFrom != "" {
			mine[w.RenamedFrom] = true
		}
	}
	known := map[string]string{}
	for _, dir := range others {
		stands, err := artifacts.Open(dir).Standing()
		if errors.Is(err, fs.ErrPermission) {
			continue // another user's
		} else if err != nil {
			return nil, err
		}
		for name, is := range stands {
			if is && known[name] == "" && (mine[name] || len(cfg.Generators) > 0) {
				known[name] = dir
			}
		}
	}
	return known, nil
}

// holdAnew suspends, in a store that is new, each workspace of which another data
// directory keeps a state: with an empty one everything would be made anew.
func (d *daemon) holdAnew(ctx context.Context) error {
	fresh, err := d.store.Empty()
	if err != nil || !fresh {
		return err
	}
	known, err := knownElsewhere(d.cfg, otherDataDirs(d.cfg))
	if err != nil || len(known) == 0 {
		return err
	}
	now := time.Now().UTC()
	var held recovery.Contents
	for _, name := range slices.Sorted(maps.Keys(known)) {
		why := fmt.Sprintf("the data directory %s is new, and %s keeps a state of this workspace: on an empty one "+
			"everything would be made anew. To go on with it, stop tfops serve and use that directory: set data_dir "+
			"back, or move it here. Resume only to begin with nothing on purpose", d.cfg.DataDir, known[name])
		held.Records = append(held.Records, workspace.Record{Name: name, Suspension: &workspace.Suspension{By: "tfops",
			Reason: why, At: now}})
		held.Audits = append(held.Audits, run.Audit{At: now, Actor: "tfops", Via: "config", Action: "suspend",
			Workspace: name, Reason: why})
		d.Log.Warn("a workspace is held: the data directory is new, and another one keeps a state of it", "workspace",
			name, "data_dir", d.cfg.DataDir, "other", known[name],
			"next", "stop tfops serve, and set data_dir back or move the other directory here; to begin with "+
				"nothing: tfops resume "+name)
	}
	return d.store.Rebuild(ctx, held) // all of them or none: a second start would not look again
}
