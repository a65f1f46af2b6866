package fault

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"
)

func TestNew(t *testing.T) {
	for _, c := range []struct {
		name    string
		err     *Error
		message string
		wraps   []error
	}{
		{"plain", New(Invalid, "do this", "the %s is wrong", "name"), "the name is wrong", nil},
		{"with a cause", New(Unavailable, "", "cannot read %s: %w", "x", io.ErrUnexpectedEOF),
			"cannot read x: unexpected EOF", []error{io.ErrUnexpectedEOF}},
		{"with two causes", New(Internal, "", "%w, then %w", io.EOF, fs.ErrExist), "EOF, then file already exists",
			[]error{io.EOF, fs.ErrExist}},
		{"a cause in the text only", New(Internal, "", "cannot: %v", io.EOF), "cannot: EOF", nil},
		{"without a message", &Error{Code: Conflict, Err: io.EOF}, "EOF", []error{io.EOF}},
		{"empty", &Error{}, "", nil},
	} {
		if c.err.Error() != c.message {
			t.Errorf("%s: %q, want %q", c.name, c.err, c.message)
		}
		for _, w := range c.wraps {
			if !errors.Is(c.err, w) {
				t.Errorf("%s: the cause %v is lost", c.name, w)
			}
		}
		if len(c.wraps) == 0 && c.err.Unwrap() != nil {
			t.Errorf("%s: has a cause: %v", c.name, c.err.Unwrap())
		}
	}
}

func TestCodeOfAndNext(t *testing.T) {
	inner := New(NotFound, "look there", "no such run")
	for _, c := range []struct {
		name string
		err  error
		code Code
		next string
	}{
		{"nothing", nil, Internal, ""},
		{"not a fault", io.EOF, Internal, ""},
		{"a fault", inner, NotFound, "look there"},
		{"a fault in plain errors", fmt.Errorf("a: %w", fmt.Errorf("b: %w", inner)), NotFound, "look there"},
		{"the outermost code counts", New(Conflict, "", "a: %w", inner), Conflict, "look there"},
		{"the outermost next counts", New(Conflict, "do that", "a: %w", inner), Conflict, "do that"},
		{"a next far below", New(Conflict, "", "a: %w", fmt.Errorf("b: %w", New(Invalid, "", "c: %w", inner))),
			Conflict, "look there"},
		{"a next among two causes", New(Conflict, "", "%w and %w", io.EOF, inner), Conflict, "look there"},
		{"joined", errors.Join(io.EOF, inner), NotFound, "look there"},
		{"a zero code reads as internal", &Error{Message: "x", Next: "n", Err: inner}, Internal, "n"},
		{"no next anywhere", New(Conflict, "", "x"), Conflict, ""},
	} {
		if got := CodeOf(c.err); got != c.code {
			t.Errorf("%s: code %s, want %s", c.name, got, c.code)
		}
		if got := Next(c.err); got != c.next {
			t.Errorf("%s: next %q, want %q", c.name, got, c.next)
		}
		for _, code := range []Code{Invalid, NotFound, Conflict, Forbidden, Unavailable, Internal} {
			if got := Is(c.err, code); got != (c.err != nil && code == c.code) {
				t.Errorf("%s: Is(%s) is %v", c.name, code, got)
			}
		}
	}
}
