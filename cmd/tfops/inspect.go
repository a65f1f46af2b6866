package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/offline"
	"github.com/tfops/tfops/internal/store"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/usage"
)

func newInspectCommand(a *app) *cobra.Command {
	var limit int
	var id string
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Look into the store of a stopped daemon, or into a backup",
		Long: `Look into a tfops.db without a daemon and without changing it: runs, workspaces,
locks and decisions; with --run, all that is stored about one run. FILE may be
the data directory as well. A store that a daemon has open is refused: ask that
daemon. JSON and YAML show the records as they are stored, which may differ
from one release to the next.`,
		Example: `  tfops inspect /var/lib/tfops/tfops.db
  tfops inspect backup.db --run 0k1v8m3pq4rs -o json`,
		Args: usage.Takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return fault.New(fault.Invalid, "use 0 for all", "--limit %d is below zero", limit)
			}
			path := args[0]
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				path = filepath.Join(path, "tfops.db")
			}
			if err := offline.LooksLikeStore(path); err != nil {
				return err
			}
			s, err := store.Open(path, store.Options{ReadOnly: true, Now: a.now})
			if err != nil {
				return err
			}
			defer s.Close()
			if id != "" {
				r, err := offline.InspectRun(cmd.Context(), s, id)
				return printed(a, r, err, func(p *term.Printer, r offline.StoredRun) { r.Print(p) })
			}
			c, err := offline.Inspect(cmd.Context(), s, limit)
			return printed(a, c, err, func(p *term.Printer, c offline.Contents) { c.Print(p) })
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many runs and decisions to show, newest first; 0 for all")
	cmd.Flags().StringVar(&id, "run", "", "show all that is stored about this `RUN`")
	_ = cmd.RegisterFlagCompletionFunc("run", cobra.NoFileCompletions)
	return cmd
}
