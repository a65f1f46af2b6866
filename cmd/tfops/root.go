package main

import (
	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/term/document"
	"github.com/tfops/tfops/internal/usage"
)

// The groups of commands, as help lists them.
const (
	groupStart  = "start"
	groupLook   = "look"
	groupAct    = "act"
	groupDecide = "decide"
	groupHold   = "hold"
	groupKeep   = "keep"
)

// newRootCommand is the whole command line.
func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "tfops",
		Short: "GitOps for Terraform, without Kubernetes",
		Long: `tfops keeps real infrastructure equal to what Git says. It watches branches,
plans what a commit changes, waits for the approvals that the rules ask for,
applies exactly the plan that was approved, and watches for drift.

"tfops serve" is the daemon; the other commands talk to it over the socket in
its data directory, which they find through the same configuration. Start with
"tfops demo", or with "tfops init" in a checkout.

Exit status: 0 done; 1 failed; 2 wrong usage or configuration. Commands that
wait have more; their help names them.

Where a command takes a RUN, the beginning of its id is enough (4 letters at
least) if no other run begins so. "tfops man DIR" writes the manual pages.`,
		Example: `  tfops init && tfops validate && tfops serve
  tfops status
  tfops sync network-prod --wait
  tfops approve 0k1v8m3pq4rs`,
		Args:              usage.NoCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceUsage:      true,
		SilenceErrors:     true,
		Version:           version(),
		DisableAutoGenTag: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRun:  func(*cobra.Command, []string) { a.begun = true },
	}
	a.output = document.Table
	flags := root.PersistentFlags()
	flags.VarP(&a.output, "output", "o", "how to print results: table, json or yaml")
	flags.StringVar(&a.config, "config", "",
		"configuration `FILE` (TFOPS_CONFIG; default ./tfops.hcl, then /etc/tfops/tfops.hcl)")
	flags.StringVar(&a.server, "server", "", "`ADDRESS` of the daemon: a socket's path or a URL "+
		"(TFOPS_SERVER; default the socket in data_dir)")
	flags.StringVar(&a.token, "token", "", "`TOKEN` for a daemon behind TCP (TFOPS_TOKEN); not needed on the socket")
	flags.BoolVar(&a.noColor, "no-color", false, "print without colours (as with NO_COLOR in the environment)")
	root.SetFlagErrorFunc(usage.FlagError)
	_ = root.RegisterFlagCompletionFunc("output", usage.Words(document.Formats))
	_ = root.RegisterFlagCompletionFunc("config", cobra.FixedCompletions([]string{"hcl"},
		cobra.ShellCompDirectiveFilterFileExt))
	_ = root.RegisterFlagCompletionFunc("token", cobra.NoFileCompletions)
	addCommands(root, a)
	return root
}

func addCommands(root *cobra.Command, a *app) {
	add := func(id, title string, commands ...*cobra.Command) {
		root.AddGroup(&cobra.Group{ID: id, Title: title})
		for _, c := range commands {
			c.GroupID = id
			root.AddCommand(c)
		}
	}
	add(groupStart, "Start:", newDemoCommand(a), newInitCommand(a), newValidateCommand(a), newAffectedCommand(a),
		newGraphCommand(a), newServeCommand(a))
	add(groupLook, "Look:", newStatusCommand(a), newRunsCommand(a), newShowCommand(a), newLogsCommand(a),
		newHistoryCommand(a),
		newLocksCommand(a), newNotifyCommand(a), newAuditCommand(a), newDoctorCommand(a), newVersionCommand(a))
	add(groupAct, "Plan and apply:", newPlanCommand(a), newSyncCommand(a), newDriftCommand(a), newDestroyCommand(a),
		newWaitCommand(a), newCancelCommand(a), newResolveCommand(a), newPollCommand(a))
	add(groupDecide, "Decide:", newApprovalsCommand(a), newApproveCommand(a), newRejectCommand(a),
		newWithdrawCommand(a))
	add(groupHold, "Hold back:", newStateCommand(a), newLockCommand(a), newUnlockCommand(a), newSuspendCommand(a),
		newResumeCommand(a))
	add(groupKeep, "Keep and rescue:", newBackupCommand(a), newRecoverCommand(a), newInspectCommand(a),
		newDecryptCommand(a), newCompletionCommand(a))
	root.AddCommand(newRunnerCommand(), newAccessCommand(), newManCommand())
	root.SetHelpCommand(newHelpCommand())
}
