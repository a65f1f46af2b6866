package main

import (
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term/document"
)

// print prints a result to stdout: v as JSON or YAML where that is asked for,
// and otherwise whatever table prints.
func (a *app) print(v any, table func()) error {
	if a.output == document.Table {
		table()
		return nil
	}
	b, err := document.Encode(a.output, v)
	if err != nil {
		return err
	}
	return a.write(b)
}

// write writes to stdout.
func (a *app) write(b []byte) error {
	if _, err := a.stdout.Write(b); err != nil {
		return fault.New(fault.Unavailable, "", "the output cannot be written: %w", err)
	}
	return nil
}
