package remote

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/tfops/tfops/internal/fault"
)

func TestNetFault(t *testing.T) {
	r := Remote{Name: "infra", URL: "https://u:in-url-4711@git.example.com/x.git",
		Auth: Auth{SSHKeyPassphrase: "phrase 4711/"}}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		code fault.Code
		word string
	}{
		"name": {t.Context(), &net.DNSError{Err: "no such host", Name: "git.example.com", IsNotFound: true},
			fault.Unavailable, "name server"},
		"wrapped by go-git": {t.Context(),
			plumbing.NewUnexpectedError(fmt.Errorf("%w: x", transport.ErrAuthorizationFailed)), fault.Forbidden,
			"read access"},
		"permanent": {t.Context(), plumbing.NewPermanentError(transport.ErrRepositoryNotFound), fault.Invalid,
			"check the URL"},
		"own fault": {t.Context(), fmt.Errorf("x: %w", fault.New(fault.Forbidden, "do this", "that")), fault.Forbidden,
			"do this"},
		"unknown": {t.Context(), errors.New("connection reset"), fault.Unavailable, "next poll"},
		"in the URL": {t.Context(), errors.New("GET https://u:in-url-4711@git.example.com: no"), fault.Unavailable,
			"***"},
		"escaped": {t.Context(), errors.New("bad phrase+4711%2F and phrase%204711%2F and phrase 4711/"),
			fault.Unavailable, "***"},
		"sent back": {t.Context(),
			errors.New("got Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("u:in-url-4711")) +
				", and in%2Durl-%34711, and 696e2d75726c2d34373131"), fault.Unavailable, "***"},
		"terminal codes": {t.Context(), errors.New("\x1b[2Jhello\x00\u202eworld"), fault.Unavailable,
			" [2Jhello  world"},
		"long answer": {t.Context(), errors.New(strings.Repeat("é", 400) + "\nmore lines"), fault.Unavailable, "…"},
		"canceled":    {canceled, errors.New("use of closed connection"), fault.Unavailable, "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			err := r.Fault(c.ctx, c.err)
			said := err.Error() + " | " + fault.Next(err)
			if fault.CodeOf(err) != c.code || !strings.Contains(said, c.word) {
				t.Errorf("%s: %s", fault.CodeOf(err), said)
			}
			if text := fmt.Sprintf("%+v %#v", errors.Unwrap(err), said); strings.Contains(text, "4711") ||
				strings.Contains(text, "dTpp") || strings.Contains(text, "3437") {
				t.Errorf("a secret shows: %s", said)
			}
			if strings.Contains(said, "more lines") {
				t.Errorf("too long: %s", said)
			}
		})
	}
	if err := r.Fault(canceled, errors.New("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("not a cancellation: %v", err)
	}
	if err := r.Fault(t.Context(), &fs.PathError{Op: "read", Path: "x", Err: fs.ErrPermission}); !errors.Is(err,
		fs.ErrPermission) {
		t.Errorf("the cause is lost: %v", err)
	}
}
