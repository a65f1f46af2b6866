package api

import (
	"net/http"

	"github.com/tfops/tfops/internal/fault"
)

// statuses is the one table from fault codes to HTTP status. The server
// writes by it and the client reads by it, so that a fault is the same on both
// sides.
var statuses = map[fault.Code]int{
	fault.Invalid:     http.StatusUnprocessableEntity,
	fault.NotFound:    http.StatusNotFound,
	fault.Conflict:    http.StatusConflict,
	fault.Forbidden:   http.StatusForbidden,
	fault.Unavailable: http.StatusServiceUnavailable,
	fault.Internal:    http.StatusInternalServerError,
}

// StatusOf is the HTTP status of a fault code.
func StatusOf(code fault.Code) int {
	if s, ok := statuses[code]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// CodeOf is the fault code of an HTTP status. What the table does not have
// (a body that is too large, a gateway in between) is read by its class.
func CodeOf(status int) fault.Code {
	for code, s := range statuses {
		if s == status {
			return code
		}
	}
	switch {
	case status == http.StatusUnauthorized:
		return fault.Forbidden
	case status >= 400 && status < 500:
		return fault.Invalid
	case status > 500 && status < 600:
		return fault.Unavailable
	}
	return fault.Internal
}
