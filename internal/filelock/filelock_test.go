package filelock

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
)

func TestOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	nobody := func() { t.Error("nobody has it") }
	release, err := Take(t.Context(), path, nobody)
	if err != nil {
		t.Fatal(err)
	}
	tired := errors.New("tired of waiting")
	ctx, cancel := context.WithCancelCause(t.Context())
	if _, err := Share(ctx, path, func() { cancel(tired) }); err != tired {
		t.Errorf("while another one has it: %v", err)
	}
	release()
	for range 2 { // two share it
		release, err := Share(t.Context(), path, nobody)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
	}
	ctx, cancel = context.WithCancelCause(t.Context())
	if _, err := Take(ctx, path, func() { cancel(tired) }); err != tired {
		t.Errorf("while others share it: %v", err)
	}
}
