package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/runner/phase"
)

// newRunnerCommand is what the daemon starts, never a person.
func newRunnerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "runner DIR",
		Short:  "Carry out one phase of one run (started by tfops serve)",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			os.Exit(phase.Main(args[0]))
			return nil
		},
	}
}

// newAccessCommand is what the Git of an init starts, never a person.
func newAccessCommand() *cobra.Command {
	return &cobra.Command{
		Use:                inputs.AccessCommand + " credential|ssh FILE ...",
		Short:              "Tell the Git of an init what module_credentials give (started by tfops runner)",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			os.Exit(inputs.Access(args))
			return nil
		},
	}
}
