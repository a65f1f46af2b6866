package main

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
