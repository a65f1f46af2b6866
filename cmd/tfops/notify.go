package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

func newNotifyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "notify",
		Short: "Show whom tfops tells what, and how that goes",
		Long: `List the notify blocks of the configuration: where each leads (without what is
secret about it), what it is told of, and how many deliveries are on their way
or were given up.`,
		Example: `  tfops notify
  tfops notify test ops
  tfops notify dead`,
		Args: usage.Takes(),
		RunE: asks(a, (*api.Client).NotifyTargets, show.Targets),
	}
	cmd.AddCommand(newNotifyTestCommand(a), newDeadCommand(a), newRetryCommand(a), newDropCommand(a))
	return cmd
}

func newNotifyTestCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "test NAME",
		Short:             "Send a test to a notify block",
		Long:              `Send a test message to a notify block. What became of it, tfops notify tells.`,
		Example:           `  tfops notify test ops`,
		Args:              usage.Takes("NAME"),
		ValidArgsFunction: a.completeOne(targetNames),
		RunE: a.talks(func(ctx context.Context, c *api.Client, args []string) error {
			t, err := c.TestTarget(ctx, args[0])
			return printed(a, t, err, func(p *term.Printer, t api.Tested) {
				p.Printf("A test is on its way to %s (delivery %s).", args[0], t.Delivery)
				p.Notef("Whether it arrived: tfops notify")
			})
		}),
	}
}

func newDeadCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "dead",
		Short: "List deliveries that were given up",
		Long: `List the deliveries that were given up after a day of attempts, oldest first, with
the error of the last one. They are kept for 30 days.`,
		Example: `  tfops notify dead`,
		Args:    usage.Takes(),
		RunE:    asks(a, (*api.Client).DeadLetters, show.Dead),
	}
}

func newRetryCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retry DELIVERY",
		Short: "Send a delivery again",
		Long: `Send a delivery that was given up again, at once. If that fails, it is tried as
often as a new one; what happened more than a day ago, three times.`,
		Example: `  tfops notify retry 00c2k8m3pq4r-ops`,
	}
	return a.ofDelivery(cmd, "Delivery %s is sent again.", (*api.Client).RetryDelivery)
}

func newDropCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "drop DELIVERY",
		Short:   "Forget a delivery",
		Long:    `Forget a delivery that was given up.`,
		Example: `  tfops notify drop 00c2k8m3pq4r-ops`,
	}
	return a.ofDelivery(cmd, "Delivery %s is forgotten.", (*api.Client).DropDelivery)
}

// ofDelivery has a command do something with the delivery that it is given.
func (a *app) ofDelivery(cmd *cobra.Command, done string, do func(*api.Client, context.Context,
	string) error) *cobra.Command {
	cmd.Args, cmd.ValidArgsFunction = usage.Takes("DELIVERY"), a.completeOne(deadIDs)
	cmd.RunE = a.talks(func(ctx context.Context, c *api.Client, args []string) error {
		err := do(c, ctx, args[0])
		return printed(a, map[string]string{"delivery": args[0]}, err,
			func(p *term.Printer, _ map[string]string) { p.Printf(done, args[0]) })
	})
	return cmd
}
