package main

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/follow"
	"github.com/tfops/tfops/internal/term/document"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

func newCodifyCommand(a *app) *cobra.Command {
	var o codifyOptions
	cmd := &cobra.Command{
		Use:   "codify FINDING",
		Short: "Print a patch that makes the code say what the world has",
		Long: `Print a patch (a unified diff, as git apply takes it) of the newest commit of the
workspace's branch, after which the code says what the world has. Values are
exchanged where they are written as plain text, elements of lists and nested
blocks come and go as wholes; comments and layout stay. What cannot be codified
is told with the reason. The patch is checked by a speculative plan on a copy of
the code, and is printed only where that plan shows the finding no more; another
one is printed with --unproved. Nothing is pushed: Git is only read.

Exit status: 0 a plan with the patch shows the finding no more; 1 it still does,
nothing can be codified, or the command itself failed; 2 wrong usage.`,
		Example: `  tfops drift codify 3f2a9c41d07b
  tfops drift codify 3f2a9c41d07b --file drift.patch && git apply drift.patch`,
		PreRunE: func(cmd *cobra.Command, _ []string) error { return usage.CheckTimeout(cmd, o.timeout, true) },
	}
	cmd.Flags().StringVarP(&o.file, "file", "f", "", "write the patch to `FILE` instead of stdout")
	cmd.Flags().BoolVar(&o.unproved, "unproved", false, "print the patch even where no plan has proved it")
	usage.TimeoutFlag(cmd, &o.timeout)
	return a.ofFinding(cmd, func(ctx context.Context, c *api.Client, id string) error {
		return a.codify(ctx, c, id, o)
	})
}

// codifyOptions are where a patch goes, "" for stdout, and how long its check is
// waited for; 0 is as long as it takes.
type codifyOptions struct {
	file     string
	unproved bool
	timeout  time.Duration
}

func (a *app) codify(ctx context.Context, c *api.Client, finding string, o codifyOptions) error {
	p, err := c.Codify(ctx, finding)
	if err != nil {
		return err
	}
	if p.Run != "" {
		a.term().Notef("%s  plans %s with the patch", p.Run, p.Workspace)
		if _, err := follow.Told(ctx, a.term(), c, p.Run, o.timeout); err != nil {
			return err
		}
		if p, err = c.Patch(ctx, p.Run); err != nil {
			return err
		}
	}
	unproved := show.Unproved(p)
	if unproved != nil && !o.unproved && p.Diff != "" {
		p.Diff = ""
		a.term().Notef("The patch is not printed, since no plan has proved it; --unproved prints it all the same.")
	}
	if err := a.putPatch(p, o.file); err != nil {
		return err
	}
	for _, r := range p.Refused {
		a.term().Warning(show.Refusal(r), r.Next)
	}
	if unproved == nil {
		a.term().Notef("%s", show.Proved(p))
	}
	return unproved
}

// putPatch prints the patch, or writes it to a file.
func (a *app) putPatch(p api.Patch, file string) error {
	if file != "" && p.Diff != "" {
		if err := os.WriteFile(file, []byte(p.Diff), 0o644); err != nil {
			return fault.New(fault.Unavailable, "name a file that can be written", "the patch cannot be written: %w",
				err)
		}
		a.term().Notef("The patch is in %s; apply it with: git apply %s", file, file)
	}
	if a.output != document.Table {
		return a.print(p, nil)
	}
	if file != "" {
		return nil
	}
	return a.write([]byte(p.Diff))
}
