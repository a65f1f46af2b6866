// Package fault is the one error type of tfops: a code, a message for a
// person, what that person can do next, and the cause.
//
// A message and its next step are written where the fault is understood, and
// are shown as they are by the CLI and the API. The cause is for the log of
// the daemon only, unless the code that wraps it puts it into the message.
// The server maps codes to HTTP status in one table, and the client maps them
// back, so a fault is the same on both sides of the socket.
package fault

import (
	"errors"
	"fmt"
)

// Code says what kind of fault it is; a caller branches on it.
type Code string

const (
	// Invalid is wrong usage or configuration: the same call will fail again.
	Invalid Code = "invalid"
	// NotFound says that the thing that was named does not exist.
	NotFound Code = "not_found"
	// Conflict says that the thing exists but is not in a state that allows this.
	Conflict Code = "conflict"
	// Forbidden says that this person may not do this.
	Forbidden Code = "forbidden"
	// Unavailable says that something outside tfops failed; it may pass.
	Unavailable Code = "unavailable"
	// Internal is everything else: a defect, or a machine that fails.
	Internal Code = "internal"
)

// Error is a fault. The zero Code reads as Internal.
type Error struct {
	Code    Code
	Message string // what happened, to what
	Next    string // what to do next; empty when there is nothing
	Near    string // the name that was probably meant, which Next says, too; empty when none is near
	Err     error  // the cause; may be nil
}

func (e *Error) Error() string {
	if e.Message == "" && e.Err != nil {
		return e.Err.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// New returns a fault. next says what to do about it and may be empty; what
// the format wraps with %w is the cause.
func New(code Code, next, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	cause := errors.Unwrap(err)
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		cause = errors.Join(several.Unwrap()...)
	}
	return &Error{Code: code, Message: err.Error(), Next: next, Err: cause}
}

// CodeOf is the code of the outermost fault in err's chain; Internal without one.
func CodeOf(err error) Code {
	var f *Error
	if errors.As(err, &f) && f.Code != "" {
		return f.Code
	}
	return Internal
}

// Is reports whether err is a fault of this code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }

// Near is the name that was probably meant in the place of one that err does not know; empty for none.
func Near(err error) string {
	var f *Error
	if errors.As(err, &f) {
		return f.Near
	}
	return ""
}

// Next is what to do next about err; empty when nothing is known.
func Next(err error) string {
	var f *Error
	for errors.As(err, &f) {
		if f.Next != "" {
			return f.Next
		}
		err = f.Err
	}
	return ""
}
