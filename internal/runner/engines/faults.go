package engines

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/tfops/tfops/internal/fault"
)

// notFound tells what was looked for, and where.
func (f *finder) notFound() error {
	return fault.New(fault.NotFound, f.remedy(), "%s", f.nothing())
}

// nothing is the message that no engine could be had, with all that was tried.
func (f *finder) nothing() string {
	return fmt.Sprintf("no %s that satisfies %s could be had: %s", f.req.Name, f.want, strings.Join(f.tried, "; "))
}

func (f *finder) remedy() string {
	return fmt.Sprintf("install a fitting %s on PATH, name one with path in the engine block, or change the version "+
		"constraint", f.req.Name)
}

// unreachable is a release server that did not list its releases.
func (f *finder) unreachable(err error, src *source, status int) error {
	f.note("at %s: %s", src.base, clip(err.Error(), 300))
	next := fmt.Sprintf("make %s reachable (HTTPS_PROXY is honoured), install a fitting %s on PATH, or name one with "+
		"path in the engine block", src.base, f.req.Name)
	return &fault.Error{Code: serverCode(err, status), Message: f.nothing(), Next: next, Err: err}
}

// refused is a release that was chosen but could not be installed.
func (f *finder) refused(err error, src *source, v *version.Version, status int) error {
	code, next := serverCode(err, status), "try again; or "+f.remedy()
	var known *fault.Error
	var onDisk *fs.PathError // the network fails with other types
	switch {
	case errors.As(err, &known):
		code, next = known.Code, known.Next
	case errors.As(err, &onDisk):
		return f.machine(err)
	}
	return &fault.Error{
		Code: code, Next: next, Err: err,
		Message: fmt.Sprintf("%s %s from %s was not installed: %s", f.req.Name, v, src.base, clip(reason(err), 300)),
	}
}

// reason is the text of the fault in err's chain, without what net/http puts before it.
func reason(err error) string {
	var known *fault.Error
	if errors.As(err, &known) {
		return known.Message
	}
	return err.Error()
}

// serverCode tells an answer that stays the same from a failure that may pass.
func serverCode(err error, status int) fault.Code {
	var known *fault.Error
	switch {
	case errors.As(err, &known):
		return known.Code
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
		return fault.NotFound
	}
	return fault.Unavailable
}

func (f *finder) stopped(ctx context.Context) error {
	return fault.New(fault.Unavailable, "", "the search for %s was stopped: %w", f.req.Name, context.Cause(ctx))
}

// machine is a failure of this machine: disk, permissions.
func (f *finder) machine(err error) error {
	return fault.New(fault.Internal, fmt.Sprintf("see that %s can be written and has space", f.dir()),
		"%s could not be installed: %w", f.req.Name, err)
}
