package main

import (
	"bytes"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term/document"
)

func newLogsCommand(a *app) *cobra.Command {
	var follow, debug bool
	cmd := &cobra.Command{
		Use:   "logs RUN",
		Short: "Print what the engine said in a run",
		Long: `Print what the engine said in a run, first planning and then applying, as it
prints it to a person. With --follow, go on until nothing can be added to it
any more; while the run waits for an approval, that includes waiting.

With --debug, print the engine's own debug log instead, of a run that was asked
for one (tfops plan W --debug): the beginning and the end of a long one, as soon
as the phase has ended. Known secrets are masked in it; it may hold others that
nobody knows to be secret, so mind to whom you show it.

With -o json, print the engine's JSON messages, one a line; with -o yaml, one
document each.`,
		Example: `  tfops logs 0k1v8m3pq4rs
  tfops logs 0k1v8m3pq4rs -f
  tfops logs 0k1v8m3pq4rs --debug
  tfops logs 0k1v8m3pq4rs -o json | jq -r 'select(.type == "diagnostic")'`,
		PreRunE: func(*cobra.Command, []string) error {
			if debug && (follow || a.output != document.Table) {
				return fault.New(fault.Invalid, "leave out --follow and -o",
					"the debug log is plain text, and is there once a phase has ended")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&debug, "debug", false, "the engine's own debug log")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is added")
	return a.ofRun(cmd, func(ctx context.Context, c *api.Client, id string) error {
		if debug {
			return a.debugLog(ctx, c, id)
		}
		return a.logs(ctx, c, id, follow)
	})
}

func (a *app) debugLog(ctx context.Context, c *api.Client, id string) error {
	var text bytes.Buffer
	if err := c.DebugLog(ctx, id, &text); err != nil {
		return err
	}
	a.term().Printf("%s", strings.TrimSuffix(text.String(), "\n"))
	return nil
}

func (a *app) logs(ctx context.Context, c *api.Client, id string, follow bool) error {
	said := false
	for line, err := range c.Log(ctx, id, follow) {
		if err != nil {
			return err
		}
		said = true
		if err := a.logLine(line); err != nil {
			return err
		}
	}
	if !said {
		a.term().Notef("Run %s has no log.", id)
	}
	return nil
}

func (a *app) logLine(line []byte) error {
	if a.output == document.Table {
		a.term().Event(line)
		return nil
	}
	doc, err := document.Next(a.output, line)
	if err != nil {
		return err
	}
	return a.write(doc)
}
