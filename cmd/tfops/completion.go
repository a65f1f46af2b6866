package main

import (
	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/usage"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print the script that lets a shell complete",
		Long: `Print the script that lets a shell complete commands, flags, and what the daemon
knows: workspaces, runs, repositories. SHELL is bash (with bash-completion 2),
zsh, fish or powershell. Load it once in a session, or put it where the shell
looks for such scripts.`,
		Example: `  source <(tfops completion bash)
  tfops completion bash > /etc/bash_completion.d/tfops
  tfops completion zsh > "${fpath[1]}/_tfops"
  tfops completion fish > ~/.config/fish/completions/tfops.fish
  tfops completion powershell | Out-String | Invoke-Expression`,
		Args:              usage.Takes("SHELL"),
		ValidArgsFunction: usage.Words(shells),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.stdout)
			}
			return usage.Unknown(cmd, "shell", args[0], shells)
		},
	}
}

// newHelpCommand is cobra's, but for what it says of a command that there is not.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Explain a command",
		Long:    `Explain a command: what it does, with examples, its flags and exit statuses.`,
		Example: `  tfops help approve`,
		Args:    usage.TakesUpTo(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion,
			cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return usage.Words(usage.CommandNames(cmd.Root()))(cmd, args, prefix)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if len(args) == 0 {
				return root.Help()
			}
			for _, c := range root.Commands() {
				if c.Name() == args[0] {
					c.InitDefaultHelpFlag()
					return c.Help()
				}
			}
			return usage.Unknown(root, "command", args[0], usage.CommandNames(root))
		},
	}
}
