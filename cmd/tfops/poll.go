package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/usage"
)

// polled is the result of poll.
type polled struct {
	Repository string `json:"repository"`
	Asked      bool   `json:"asked"`
}

func newPollCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "poll REPOSITORY",
		Short: "Look at a repository now",
		Long: `Ask for a look at a repository now, instead of at the next regular time, and do
not wait for it. A hook that runs after a push can do this to make changes
known at once.`,
		Example:           `  tfops poll infra`,
		Args:              usage.Takes("REPOSITORY"),
		ValidArgsFunction: a.completeOne(repositoryNames),
		RunE: a.talks(func(ctx context.Context, c *api.Client, args []string) error {
			err := c.Poll(ctx, args[0])
			return printed(a, polled{args[0], true}, err, func(p *term.Printer, _ polled) {
				p.Notef("Asked for a look at repository %s. What comes of it: tfops status", args[0])
			})
		}),
	}
}
