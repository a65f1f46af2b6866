package main

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/seal"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/usage"
)

func newDecryptCommand(a *app) *cobra.Command {
	var key string
	var force bool
	cmd := &cobra.Command{
		Use:   "decrypt FILE",
		Short: "Decrypt a saved plan, a snapshot of a state, or evidence",
		Long: `Decrypt a file that tfops encrypted (its name ends in .age) to stdout: a saved
plan, a snapshot of a managed state, or the state that an interrupted apply
could not save. It needs the key in the data directory, so it is for whoever
may read that; the daemon need not run. Decrypted files hold secrets in plain
text: to a terminal they are not written unless --force is given.`,
		Example: `  (umask 077; tfops decrypt /var/lib/tfops/runs/0k1v8m3pq4rs/apply/errored.tfstate.age > errored.tfstate)
  tfops decrypt plan.tfplan.age --key /mnt/backup/key > plan.tfplan`,
		Args: usage.Takes("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			if term.IsTerminal(a.stdout) && !force {
				return fault.New(fault.Invalid, "send it to a file: tfops decrypt "+args[0]+" > FILE; or add --force",
					"what %s holds is secret and is not written to a terminal", args[0])
			}
			if key == "" {
				dir, err := a.dataDir()
				if err != nil {
					return err
				}
				key = filepath.Join(dir, "key")
			}
			return a.decrypt(args[0], key)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "`FILE` with the key (default: key in the data directory)")
	cmd.Flags().BoolVar(&force, "force", false, "write to a terminal as well")
	return cmd
}

// decrypt writes what the file holds: the whole, or nothing.
func (a *app) decrypt(path, keyPath string) error {
	key, err := seal.Load(keyPath)
	if err != nil {
		return err
	}
	plain, err := key.Open(path)
	var f *fault.Error
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Forbidden, "run as the user that owns the data directory", "%s cannot be read: %w",
			path, err)
	case err != nil && !errors.As(err, &f):
		return fault.New(fault.NotFound, "check the path", "%s cannot be read: %w", path, err)
	case err != nil:
		return err
	}
	return a.write(plain)
}
