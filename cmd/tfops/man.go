package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/usage"
)

// newManCommand is for packagers.
func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages",
		Long:   `Write the manual pages, one for each command, to a directory that exists.`,
		Hidden: true,
		Example: `  mkdir -p /usr/local/share/man/man1
  tfops man /usr/local/share/man/man1`,
		Args: usage.Takes("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if info, err := os.Stat(args[0]); err != nil || !info.IsDir() {
				return fault.New(fault.Invalid, "make it: mkdir -p "+filepath.Clean(args[0]),
					"there is no directory %s", args[0])
			}
			// Each page is titled after its command.
			header := &doc.GenManHeader{Section: "1", Source: "tfops " + version(), Manual: "tfops"}
			if err := doc.GenManTree(cmd.Root(), header, args[0]); err != nil {
				return fault.New(fault.Unavailable, "check that the directory can be written",
					"the manual pages cannot be written: %w", err)
			}
			return nil
		},
	}
}
