// Package exit has the exit statuses of tfops. They are part of its interface and never
// change: scripts tell by them how something ended that was waited for.
package exit

import (
	"errors"
	"fmt"

	"github.com/tfops/tfops/internal/fault"
)

// The exit statuses.
const (
	Done     = 0
	Failed   = 1
	Usage    = 2   // wrong usage or configuration
	Approval = 10  // of a wait: it waits for somebody
	Changes  = 11  // of a wait: changes or drift were found
	Ended    = 12  // of a wait: errored, canceled, discarded or interrupted
	Signal   = 130 // stopped by Ctrl-C at a question
)

// Status is an exit status as an error. All that is to be said about it has been said.
type Status int

func (s Status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// With makes an error of an exit status, nil of 0.
func With(status int) error {
	if status == Done {
		return nil
	}
	return Status(status)
}

// Of is the exit status for what a command returned.
func Of(err error) int {
	var s Status
	switch {
	case err == nil:
		return Done
	case errors.As(err, &s):
		return int(s)
	case fault.Is(err, fault.Invalid):
		return Usage
	}
	return Failed
}
