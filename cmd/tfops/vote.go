package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/follow"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

func newApproveCommand(a *app) *cobra.Command {
	var message, digest, name string
	var newState bool
	cmd := &cobra.Command{
		Use:   "approve RUN",
		Short: "Approve the plan of a run",
		Long: `Approve the plan of a run. On a terminal the plan is shown and the beginning of
its digest asked back. Without a terminal, or with --digest, nothing is asked:
the vote is for the plan that --digest names, or else for the one that the run
has now. A vote is bound to that plan; a new plan means new votes. Until the
apply begins it can be taken back with "tfops withdraw".

A run whose plan stands on another state than the one that was applied would
make everything anew, and leave the old state behind. It is approved only with
--accept-new-state and a reason, which is kept in the audit log; "tfops state
move" takes the old state along instead.

A destroy that nobody asked for (its trigger is "removed": what a workspaces
block made the workspace of is gone) is approved only by the name of the
workspace: it is asked back on a terminal, and --workspace gives it elsewhere.

Exit status: 0 the vote was given; 1 it was not; 2 wrong usage; 130 stopped by
Ctrl-C at the question.`,
		Example: `  tfops approve 0k1v8m3pq4rs
  tfops approve 0k1v8m3pq4rs -m "checked with the network team"
  tfops approve 0k1v8m3pq4rs --digest 3f2a9c4be071
  tfops approve 0k1v8m3pq4rs --workspace network-old
  tfops approve 0k1v8m3pq4rs --accept-new-state -m "the old account is closed"`,
		PreRunE: func(_ *cobra.Command, args []string) error {
			if err := checkDigest(digest); err != nil {
				return err
			}
			if newState && strings.TrimSpace(message) == "" {
				return fault.New(fault.Invalid, "tfops approve "+args[0]+" --accept-new-state -m WHY",
					"--accept-new-state needs a reason: it is kept with the vote")
			}
			return nil
		},
	}
	usage.ReasonFlag(cmd, &message, "say `WHY`, if you like: kept with the vote")
	digestFlag(cmd, &digest)
	cmd.Flags().StringVar(&name, "workspace", "",
		"`NAME` of the workspace that is meant; needed for a destroy that nobody asked for")
	_ = cmd.RegisterFlagCompletionFunc("workspace", cobra.NoFileCompletions) // it is to be written by whoever means it
	cmd.Flags().BoolVar(&newState, "accept-new-state", false,
		"leave the state that was applied behind, on purpose; needs -m")
	return a.ofRun(cmd, func(ctx context.Context, c *api.Client, id string) error {
		b := api.Ballot{Yes: true, Digest: digest, Comment: message, Workspace: name, AcceptNewState: newState}
		if digest == "" {
			if err := a.confirm(ctx, c, id, &b); err != nil {
				return err
			}
		}
		return a.vote(ctx, c, id, b)
	}, "awaiting_approval")
}

func newRejectCommand(a *app) *cobra.Command {
	var message, digest string
	cmd := &cobra.Command{
		Use:   "reject RUN",
		Short: "Reject the plan of a run, which ends it",
		Long: `Reject the plan of a run. That ends the run: it is discarded, and a fresh plan
takes a new commit or "tfops sync". A reason is needed and kept with the vote.
The vote is for the plan that --digest names, or else for the one that the run
has now.`,
		Example: `  tfops reject 0k1v8m3pq4rs -m "replaces the database, see the review"`,
		PreRunE: func(cmd *cobra.Command, args []string) error {
			if err := usage.NeedReason(cmd, args, message); err != nil {
				return err
			}
			return checkDigest(digest)
		},
	}
	usage.ReasonFlag(cmd, &message, "say `WHY`: needed, and kept with the vote")
	digestFlag(cmd, &digest)
	return a.ofRun(cmd, func(ctx context.Context, c *api.Client, id string) error {
		b := api.Ballot{Digest: digest, Comment: message}
		if digest == "" {
			r, err := votable(ctx, c, id)
			if err != nil {
				return err
			}
			b.Digest = r.Plan.Digest
		}
		return a.vote(ctx, c, id, b)
	}, "awaiting_approval", "apply_queued")
}

func newWithdrawCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "withdraw RUN",
		Short: "Take an approval back",
		Long: `Take your approval of a run's plan back. That can be done until the apply begins.
If the approvals are then not enough any more, the run waits for them again.`,
		Example: `  tfops withdraw 0k1v8m3pq4rs`,
	}
	return a.ofRun(cmd, func(ctx context.Context, c *api.Client, id string) error {
		r, err := c.Withdraw(ctx, id)
		return printed(a, r, err, func(p *term.Printer, r api.Run) { decided(p, "Took the approval back", r) })
	}, "awaiting_approval", "apply_queued")
}

func digestFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "digest", "", "`DIGEST` of the plan that is meant, whole or at least its first twelve "+
		"hex digits")
	_ = cmd.RegisterFlagCompletionFunc("digest", cobra.NoFileCompletions)
}

func checkDigest(d string) error {
	hex := strings.TrimPrefix(d, "sha256:")
	if d == "" || len(hex) >= show.DigestDigits && strings.Trim(hex, "0123456789abcdef") == "" {
		return nil
	}
	return fault.New(fault.Invalid, "copy it from: tfops show RUN",
		"--digest %q is not a digest: it has at least %d hex digits", d, show.DigestDigits)
}

// votable reads a run and refuses it when it has nothing to vote on.
func votable(ctx context.Context, c *api.Client, id string) (api.Run, error) {
	r, err := c.Run(ctx, id)
	switch {
	case err != nil:
		return r, err
	case show.HasEnded(r.Status):
		return r, fault.New(fault.Conflict, "see it: tfops show "+r.ID,
			"run %s has ended, it is %s: there is nothing to vote on", r.ID, show.Status(r))
	case r.Plan == nil:
		return r, fault.New(fault.Conflict, "wait for it: tfops wait "+r.ID,
			"run %s is %s: it has no plan to vote on yet", r.ID, r.Status)
	}
	return r, nil
}

// confirm puts into a ballot the digest of the plan that is approved: on a
// terminal of the one that was shown and confirmed, otherwise of the one that
// there is. A name that is needed and was not given is asked there, too.
func (a *app) confirm(ctx context.Context, c *api.Client, id string, b *api.Ballot) error {
	r, err := votable(ctx, c, id)
	if err != nil || !a.term().Interactive() {
		b.Digest = digestOf(r)
		return err
	}
	if b.Digest, err = a.confirmDigest(ctx, c, r); err != nil || r.Trigger.Cause != "removed" || b.Workspace != "" {
		return err
	}
	a.term().Notef("\nNobody asked for this: run %s waits for %s.", id, r.WaitingFor)
	b.Workspace, err = a.answer(ctx, "To destroy all of it, type the name of the workspace:", id, "--workspace NAME")
	if err == nil && b.Workspace != r.Workspace {
		return fault.New(fault.Conflict, "to try again: tfops approve "+id,
			"that is not the name of the workspace: nothing was approved")
	}
	return err
}

func (a *app) confirmDigest(ctx context.Context, c *api.Client, r api.Run) (string, error) {
	id := r.ID
	s, err := a.withPlan(ctx, c, r)
	if err != nil {
		return "", err
	}
	pl, err := s.plan()
	if err != nil {
		return "", err
	}
	if pl == nil {
		return "", fault.New(fault.Conflict, "make a fresh one: tfops sync "+r.Workspace,
			"the plan of run %s cannot be shown, so it is not approved", id)
	}
	p := a.term()
	for _, line := range show.Warnings(r) {
		p.Notef("%s: %s", line.Key, line.Value)
	}
	p.Plan(a.stderr, pl)
	p.Notef("\nRun %s of workspace %s, commit %s %s (%s)\nPlan %s: %s\n", r.ID, r.Workspace,
		show.ShortCommit(r.Commit.SHA), show.Subject(r.Commit.Message), r.Commit.Author,
		show.ShortDigest(pl.Digest), show.Changes(r.Plan))
	if r.NewState != nil {
		p.Notef("State: %s", r.NewState.Text)
	}
	if needs := show.Needs(r.Needs); needs != "" {
		p.Notef("Approvals: %s\n", strings.ReplaceAll(needs, "\n", "\n           "))
	}
	given, err := a.answer(ctx, fmt.Sprintf("To approve it, type the first %d digits of the plan's digest:",
		show.DigestDigits), id, "--digest DIGEST")
	if err != nil {
		return "", err
	}
	hex := strings.TrimPrefix(strings.ToLower(given), "sha256:")
	if len(hex) < show.DigestDigits || !strings.HasPrefix(strings.TrimPrefix(pl.Digest, "sha256:"), hex) {
		return "", fault.New(fault.Conflict, "to try again: tfops approve "+id,
			"that is not the digest of the plan: nothing was approved")
	}
	return pl.Digest, nil
}

// answer asks a question before an approval.
func (a *app) answer(ctx context.Context, question, id, instead string) (string, error) {
	p := a.term()
	given, err := p.Ask(ctx, question, "tfops approve "+id+" "+instead)
	if ctx.Err() != nil || errors.Is(err, term.ErrNoAnswer) {
		p.Notef("\nNothing was approved. To try again: tfops approve %s", id)
		if ctx.Err() != nil {
			return "", exit.With(exit.Signal)
		}
		return "", exit.With(exit.Failed)
	}
	return given, err
}

func digestOf(r api.Run) string {
	if r.Plan == nil {
		return ""
	}
	return r.Plan.Digest
}

func (a *app) vote(ctx context.Context, c *api.Client, id string, b api.Ballot) error {
	r, err := c.Vote(ctx, id, b)
	did := "Rejected"
	if b.Yes {
		did = "Approved"
	}
	return printed(a, r, err, func(p *term.Printer, r api.Run) {
		did += " plan " + show.ShortDigest(digestOf(r))
		if b.Yes && r.Status == "awaiting_approval" { // nobody votes twice
			standing(p, did, r)
			p.Notef("Next, by somebody else: tfops approve %s", r.ID)
		} else {
			decided(p, did, r)
		}
	})
}

// decided says what was done with a run, where it stands now, and what to do next.
func decided(p *term.Printer, did string, r api.Run) {
	standing(p, did, r)
	if !show.HasEnded(r.Status) && r.NextCommand != "" {
		p.Notef("Next: %s", r.NextCommand)
	}
}

func standing(p *term.Printer, did string, r api.Run) {
	p.Printf("%s of run %s (workspace %s). %s", did, r.ID, r.Workspace, follow.Standing(r))
}
