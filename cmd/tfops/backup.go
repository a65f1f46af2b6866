package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/offline"
	"github.com/tfops/tfops/internal/usage"
)

func newBackupCommand(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the store of the running daemon",
		Long: `Copy the store of the running daemon to FILE, as it is at one moment, and check
the copy before it takes the name. It holds the records: runs, votes, locks,
decisions. Not in it are the key, saved plans, logs and managed states: back up
"key" and "workspaces" in the data directory as files.

To restore, stop the daemon, put the copy in the place of tfops.db in the data
directory, and start it again. Where tfops.db is lost or damaged, use
"tfops recover --backup FILE", which brings the copy up to what the directories
of the runs tell, and holds everything until a person has looked.`,
		Example: `  tfops backup /mnt/backup/tfops.db --force
  tfops backup before-upgrade.db && tfops inspect before-upgrade.db`,
		Args: usage.Takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.backup(cmd.Context(), args[0], force) },
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace FILE if it exists")
	return cmd
}

// saved is the result of backup.
type saved struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

func (a *app) backup(ctx context.Context, path string, force bool) error {
	if _, err := os.Lstat(path); err == nil && !force {
		return fault.New(fault.Conflict, "name another file, or replace it with --force",
			"%s exists already and was left as it is", path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cannotSave(path, err)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return cannotSave(path, err)
	}
	defer os.Remove(f.Name()) // of no effect once it was renamed
	err = c.Backup(ctx, f)
	if synced := errors.Join(f.Sync(), f.Close()); err == nil && synced != nil {
		err = cannotSave(path, synced)
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(f.Name())
	if err != nil {
		return cannotSave(path, err)
	}
	if err := offline.CheckStore(f.Name()); err != nil {
		return fault.New(fault.Internal, "try again", "the copy is not whole and was removed: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return cannotSave(path, err)
	}
	return a.print(saved{Path: path, Bytes: info.Size()}, func() {
		a.term().Notef("Copied the store to %s (%d KiB) and checked the copy.", path, (info.Size()+1023)/1024)
	})
}

func cannotSave(path string, err error) error {
	return fault.New(fault.Unavailable, "check the path, its permissions and the space on its disk",
		"the backup cannot be written to %s: %w", path, err)
}
