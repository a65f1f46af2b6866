package main

import (
	"errors"
	"fmt"

	"github.com/tfops/tfops/internal/fault"
)

// The exit statuses; they are part of the interface and never change.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2   // wrong usage or configuration
	exitApproval = 10  // of a wait: it waits for somebody
	exitChanges  = 11  // of a wait: changes or drift were found
	exitEnded    = 12  // of a wait: errored, canceled, discarded or interrupted
	exitSignal   = 130 // stopped by Ctrl-C at a question
)

// planExitHelp, applyExitHelp and waitExitHelp explain the statuses of the
// commands that wait; 11 is of those that may end without an apply.
const (
	planExitHelp = `Exit status with --wait: 0 no changes; 1 the command itself failed, or --timeout
is over; 2 wrong usage; 11 the plan has changes; 12 errored, refused by a
policy, canceled or discarded.`
	applyExitHelp = `Exit status with --wait: 0 nothing to do, or applied; 1 the command itself
failed, or --timeout is over; 2 wrong usage; 10 waits for somebody: an approval,
"tfops unlock", "tfops resume", or what the run says is in its way; 12 errored,
refused by a policy, canceled, discarded or interrupted, or waits behind an
interrupted run for "tfops resolve".`
	syncExitHelp = `Exit status with --wait: 0 nothing to do, or applied; 1 the command itself
failed, or --timeout is over; 2 wrong usage; 10 waits for somebody: an approval,
"tfops unlock", "tfops resume", or what the run says is in its way; 11 there are
changes, and the workspace never applies; 12 errored, refused by a policy,
canceled, discarded or interrupted, or waits behind an interrupted run for
"tfops resolve".`
	waitExitHelp = `Exit status: 0 nothing to do, or applied; 1 the command itself failed, or
--timeout is over; 2 wrong usage; 10 waits for somebody: an approval,
"tfops unlock", "tfops resume", or what the run says is in its way; 11 changes
or drift found, and nothing is applied; 12 errored, refused by a policy,
canceled, discarded or interrupted, or waits behind an interrupted run for
"tfops resolve".`
)

// ended is how something ended that was waited for, where that is not 0. All
// that is to be said about it has been said.
type ended int

func (e ended) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// asEnded makes an error of an exit status, nil of 0.
func asEnded(status int) error {
	if status == exitDone {
		return nil
	}
	return ended(status)
}

// statusOf is the exit status for what a command returned.
func statusOf(err error) int {
	var end ended
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &end):
		return int(end)
	case fault.Is(err, fault.Invalid):
		return exitUsage
	}
	return exitFailed
}
