package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
)

// Log reads the engine's messages of a run, one JSON text each. With follow
// it goes on until the run cannot add to it any more. When it ends without
// an error, it was whole.
func (c *Client) Log(ctx context.Context, id string, follow bool) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // a reader that has seen enough ends the stream
		path := runPath(id, "/log")
		if follow {
			path += "?follow=true"
		}
		resp, err := c.send(ctx, http.MethodGet, path, nil)
		if err != nil {
			yield(nil, err)
			return
		}
		defer resp.Body.Close()
		r := bufio.NewReader(resp.Body)
		for {
			line, err := r.ReadBytes('\n') // a line may be of any length
			if err == nil {
				if !yield(bytes.TrimSuffix(line, []byte("\n")), nil) {
					return
				}
				continue
			}
			if !errors.Is(err, io.EOF) || len(line) > 0 {
				yield(nil, c.broken(ctx, http.MethodGet, err))
			}
			return
		}
	}
}

// Wait returns the run once it has ended, awaits approval or was interrupted;
// see Settled.
func (c *Client) Wait(ctx context.Context, id string) (Run, error) {
	for {
		r, err := get[Run](ctx, c, runPath(id, "/wait"))
		if err != nil || Settled(r.Status) {
			return r, err
		}
	}
}

// DebugLog writes the engine's own debug log of a run to w.
func (c *Client) DebugLog(ctx context.Context, id string, w io.Writer) error {
	return c.download(ctx, runPath(id, "/debug"), "the debug log", w)
}

// Backup writes a copy of the daemon's store to w. On an error, what was
// written is not a whole copy.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	return c.download(ctx, prefix+"/backup", "the backup", w)
}

// download writes an answer to w as it is.
func (c *Client) download(ctx context.Context, route, what string, w io.Writer) error {
	resp, err := c.send(ctx, http.MethodGet, route, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var failed *writeError
	_, err = io.Copy(writer{w}, resp.Body)
	if errors.As(err, &failed) {
		return fmt.Errorf("%s cannot be written: %w", what, failed.error)
	}
	if err != nil {
		return c.broken(ctx, http.MethodGet, err)
	}
	return nil
}

// writer tells errors of writing from those of reading.
type writer struct{ w io.Writer }

type writeError struct{ error }

func (w writer) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	if err != nil {
		err = &writeError{err}
	}
	return n, err
}
