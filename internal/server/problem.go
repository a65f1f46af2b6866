package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
)

// problem is an api.Error as huma sends it.
type problem api.Error

// GetStatus makes a problem an error that huma sends with its own status.
func (p *problem) GetStatus() int { return p.Status }

func (p *problem) Error() string { return p.Detail }

// ContentType is that of RFC 9457.
func (p *problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

func newProblem(status int, code fault.Code, detail, next string) *problem {
	return &problem{Status: status, Title: http.StatusText(status), Detail: detail, Code: string(code), Next: next}
}

// problemOf is what a person reads of an error. Only the message of a fault
// was written for people; anything else is our own detail, and goes to the
// log under the request's id.
func problemOf(err error, request string) *problem {
	var f *fault.Error
	if errors.As(err, &f) && f.Message != "" {
		code := fault.CodeOf(err)
		return newProblem(api.StatusOf(code), code, f.Message, fault.Next(fault.OfMachine(err)))
	}
	if l, ok := fault.LackOf(err); ok { // our own detail, and yet a person's to mend
		return newProblem(api.StatusOf(fault.Unavailable), fault.Unavailable,
			"tfops serve cannot answer: "+l.What+" (request id "+request+")", l.Next)
	}
	code := fault.CodeOf(err)
	return newProblem(api.StatusOf(code), code, "internal error, see the daemon's log, request id "+request,
		"look for "+request+" in the log of tfops serve")
}

func lacks(err error) bool {
	_, ok := fault.LackOf(err)
	return ok
}

// fail makes an error presentable, and logs what is not shown.
func fail(ctx context.Context, err error) *problem {
	rq := requestOf(ctx)
	p := problemOf(err, rq.id)
	if rq.act != nil {
		rq.act.Why = p.Detail
	}
	switch {
	case ctx.Err() != nil: // nobody is there to read the answer
		rq.log.Debug("a request was given up", "error", err)
	case p.Code == string(fault.Internal), lacks(err):
		rq.log.Error("a request failed", "error", err)
	default:
		rq.log.Debug("a request was refused", "code", p.Code, "error", err)
	}
	return p
}

// writeProblem sends a problem outside of huma.
func writeProblem(w http.ResponseWriter, p *problem) {
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(p) // an error here means that the client is gone
}

// restate turns what huma itself says of a request (a body that cannot be
// read, a value that the schema does not allow) into our own shape. It is a
// transformer of our API, so huma's global error function stays what it is.
func restate(_ huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	var parts []string
	for _, d := range e.Errors {
		if d == nil {
			continue
		}
		// The value is left out: it may be long, or a secret.
		part := d.Message
		if d.Location != "" {
			part = d.Location + ": " + part
		}
		parts = append(parts, part)
	}
	detail := e.Detail
	if len(parts) > 0 {
		detail += ": " + strings.Join(parts, "; ")
	}
	return newProblem(e.Status, api.CodeOf(e.Status), detail, "compare the request with /openapi.json"), nil
}
