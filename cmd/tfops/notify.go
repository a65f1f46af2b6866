package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term"
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
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.NotifyTargets(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(all, func() { a.tellTargets(all) })
		},
	}
	cmd.AddCommand(newNotifyTestCommand(a), newDeadCommand(a), newRetryCommand(a), newDropCommand(a))
	return cmd
}

func (a *app) tellTargets(all []api.NotifyTarget) {
	if len(all) == 0 {
		a.term().Notef("Nobody is told anything: the configuration has no notify block.")
		return
	}
	var rows [][]term.Cell
	dead := false
	for _, t := range all {
		on := "everything"
		if len(t.On) > 0 {
			on = strings.Join(t.On, " ")
		}
		tone := term.Plain
		if t.Dead > 0 {
			tone, dead = term.Bad, true
		}
		rows = append(rows, []term.Cell{{Text: t.Name}, {Text: t.Place}, {Text: strconv.Itoa(t.Waiting)}, {Text: strconv.Itoa(t.Dead), Tone: tone}, {Text: on}, {Text: t.LastError}})
	}
	a.table([]string{"NAME", "PLACE", "WAITING", "DEAD", "ON", "LAST ERROR"}, rows)
	if dead {
		a.term().Notef("What was given up: tfops notify dead")
	}
}

func newNotifyTestCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "test NAME",
		Short:             "Send a test to a notify block",
		Long:              `Send a test message to a notify block. What became of it, tfops notify tells.`,
		Example:           `  tfops notify test ops`,
		Args:              usage.Takes("NAME"),
		ValidArgsFunction: a.completeOne(a.targetNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			t, err := c.TestTarget(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(t, func() {
				a.term().Printf("A test is on its way to %s (delivery %s).", args[0], t.Delivery)
				a.term().Notef("Whether it arrived: tfops notify")
			})
		},
	}
}

func (a *app) targetNames(ctx context.Context, c *api.Client) ([]cobra.Completion, error) {
	all, err := c.NotifyTargets(ctx)
	var list []cobra.Completion
	for _, t := range all {
		list = append(list, choice(t.Name, t.Place))
	}
	return list, err
}

func (a *app) deadIDs(ctx context.Context, c *api.Client) ([]cobra.Completion, error) {
	all, err := c.DeadLetters(ctx)
	var list []cobra.Completion
	for _, d := range all {
		list = append(list, choice(d.ID, d.Title))
	}
	return list, err
}

func newDeadCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "dead",
		Short: "List deliveries that were given up",
		Long: `List the deliveries that were given up after a day of attempts, oldest first, with
the error of the last one. They are kept for 30 days.`,
		Example: `  tfops notify dead`,
		Args:    usage.Takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			dead, err := c.DeadLetters(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(dead, func() {
				if len(dead) == 0 {
					a.term().Notef("Nothing was given up.")
					return
				}
				var rows [][]term.Cell
				for _, d := range dead {
					rows = append(rows, []term.Cell{{Text: d.ID}, {Text: d.Target}, {Text: d.Kind}, {Text: when(d.At)}, {Text: d.Title}, {Text: d.LastError}})
				}
				a.table([]string{"DELIVERY", "TARGET", "KIND", "OF", "WHAT", "ERROR"}, rows)
				a.term().Notef("Send one again: tfops notify retry %s", dead[0].ID)
			})
		},
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
func (a *app) ofDelivery(cmd *cobra.Command, done string, do func(*api.Client, context.Context, string) error) *cobra.Command {
	cmd.Args, cmd.ValidArgsFunction = usage.Takes("DELIVERY"), a.completeOne(a.deadIDs)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		if err := do(c, cmd.Context(), args[0]); err != nil {
			return err
		}
		return a.print(map[string]string{"delivery": args[0]}, func() { a.term().Printf(done, args[0]) })
	}
	return cmd
}
