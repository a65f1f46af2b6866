package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/datadir"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/offline"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/usage"
)

func newRecoverCommand(a *app) *cobra.Command {
	var backup string
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Make a new store where tfops.db is lost or damaged",
		Long: `Make a new tfops.db in the data directory, of what lies there: the directories of
runs, managed states and their snapshots. With --backup, begin with a copy that
"tfops backup" made, and bring it up to what the directories tell. The daemon
must not run.

Nothing is applied afterwards until a person says so: applies of every workspace
are suspended, and "tfops resume WORKSPACE" lets one go. An apply of which nobody
knows how it ended is interrupted and keeps its lock; "tfops resolve RUN" closes
it. Plans that waited for an approval are made again. A damaged tfops.db is kept
in "lost" in the data directory, and nothing else is touched. Locks and
suspensions of people, findings, and the audit log are not in the directories:
without a backup they are gone.`,
		Example: `  tfops recover
  tfops recover --backup /mnt/backup/tfops.db`,
		Args: usage.Takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.recover(cmd.Context(), backup) },
	}
	cmd.Flags().StringVar(&backup, "backup", "", "begin with the records of this `FILE`, which tfops backup wrote")
	return cmd
}

func (a *app) recover(ctx context.Context, backup string) error {
	path, err := a.configPath()
	if err != nil {
		return err
	}
	dir, err := dataDirOf(path)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); err != nil {
		return fault.New(fault.NotFound, "check data_dir in "+path, "the data directory cannot be read: %w", err)
	}
	lock, err := datadir.Lock(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := offline.MayReplace(filepath.Join(dir, "tfops.db")); err != nil {
		return err
	}
	o := offline.Recovery{Dir: dir, Backup: backup, Now: a.now}
	cfg, err := config.Load(path)
	if err != nil {
		a.term().Warning("the configuration cannot be read, so only workspaces that left something are held: "+
			err.Error(), "")
	} else {
		for _, w := range cfg.Workspaces {
			o.Configured = append(o.Configured, w.Name)
		}
	}
	done, err := offline.Recover(ctx, o)
	return printed(a, done, err, func(p *term.Printer, r offline.Recovered) { r.Print(p) })
}
