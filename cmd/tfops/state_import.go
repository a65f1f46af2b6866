package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/usage"
)

func newStateImportCommand(a *app) *cobra.Command {
	var in api.ImportState
	var yes bool
	cmd := &cobra.Command{
		Use:   "import WORKSPACE FILE",
		Short: "Bring a state that was kept somewhere else",
		Long: `Put a state into the place where the configuration of a workspace wants it: into
what tfops keeps, or into the backend that the workspace or its code names. FILE
is what "terraform state pull" or "tofu state pull" writes; "-" reads it from the
input. This is how a state leaves HCP Terraform, another server or a disk.

It is for a workspace that has applied nothing, or whose state holds no resources.
With --replace it takes the place of any other, for a reason that is kept; what
was there is kept as an encrypted snapshot. It is refused while a run of the
workspace is planning or applying. The engine writes the state, under the lock of
the backend and of tfops, and it is read back. Then it is planned, and a sync
follows: where that would change anything it waits for a person, whatever apply
says.

On a terminal the workspace's name is asked back. Without one, or with "-", --yes
is needed.

` + planExitHelp,
		Example: `  terraform state pull > network.tfstate && tfops state import network-prod network.tfstate --wait
  terraform state pull | tfops state import network-prod - --yes
  tfops state import network-prod old.tfstate --replace -m "the one that was applied to is a copy"`,
		Args: usage.Takes("WORKSPACE", "FILE"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion,
			cobra.ShellCompDirective) {
			if len(args) == 1 {
				return nil, cobra.ShellCompDirectiveDefault // files
			}
			return a.completeOne(workspaceNames)(cmd, args, prefix)
		},
	}
	cmd.Flags().BoolVar(&in.Replace, "replace", false, "put it in the place of a state that holds something; needs -m")
	cmd.Flags().BoolVar(&yes, "yes", false, "import it without asking")
	w := waitFlags(cmd, "follow the run, print the plan, and exit by its outcome")
	usage.ReasonFlag(cmd, &in.Reason, "say `WHY`: kept with the decision")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.importState(cmd, args, in, yes, w) }
	return cmd
}

// readState reads a file within the bound of a state.
func (a *app) readState(file string) ([]byte, error) {
	in := a.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fault.New(fault.Invalid, "name the file that holds the state", "the state cannot be read: %w",
				err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, api.MaxState+1))
	if err != nil {
		return nil, fault.New(fault.Invalid, "name the file that holds the state", "the state cannot be read: %w", err)
	}
	if len(b) > api.MaxState {
		return nil, fault.New(fault.Invalid, "push it by hand, with the workspace's backend: terraform state push",
			"%s is larger than %d MiB, the largest state that can be imported", file, api.MaxState>>20)
	}
	if len(b) == 0 {
		return nil, fault.New(fault.Invalid, "pull it where it is: terraform state pull; one that is empty there "+
			"needs no import", "%s is empty: there is no state in it", file)
	}
	return b, nil
}

func (a *app) importState(cmd *cobra.Command, args []string, in api.ImportState, yes bool, w *waiting) (err error) {
	name, file := args[0], args[1]
	if in.Replace {
		if err := usage.NeedReason(cmd, args, in.Reason); err != nil {
			return err
		}
	}
	if !yes && file == "-" {
		return fault.New(fault.Invalid, "tfops state import "+name+" - --yes",
			"the state is read from the input, so nothing can be asked there")
	}
	if in.State, err = a.readState(file); err != nil {
		return err
	}
	instead := "tfops state import " + name + " " + file + " --yes"
	if err := a.askName(cmd.Context(), yes, "import "+file+" as the", name, instead); err != nil {
		return err
	}
	return a.talks(func(ctx context.Context, c *api.Client, _ []string) error {
		r, err := c.ImportState(ctx, name, in)
		return a.goOn(ctx, c, r, lookup.Workspace(ctx, c, name, err), w)
	})(cmd, args)
}
