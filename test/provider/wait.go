package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// hold is how an operation is held up and failed.
//
//	delay     takes at least this long, e.g. "2s"
//	gate      creates <gate>.began, holding "<operation> <pid of the provider> <time>", and goes on once the file
//	          <gate> exists
//	stubborn  does not hear the engine's request to stop while it waits
//	fail      then fails with this message, with nothing done
type hold struct {
	Delay    types.String `tfsdk:"delay"`
	Gate     types.String `tfsdk:"gate"`
	Stubborn types.Bool   `tfsdk:"stubborn"`
	Fail     types.String `tfsdk:"fail"`
}

// wait holds the operation up; its error is that the engine asked to stop, or
// what fail says.
func (h hold) wait(ctx context.Context, operation string) error {
	if h.Stubborn.ValueBool() {
		ctx = context.WithoutCancel(ctx)
	}
	if h.Gate.ValueString() != "" {
		if err := pass(ctx, h.Gate.ValueString(), operation); err != nil {
			return err
		}
	}
	if h.Delay.ValueString() != "" {
		d, err := time.ParseDuration(h.Delay.ValueString())
		if err != nil {
			return err
		}
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return stopped(ctx, operation)
		}
	}
	if h.Fail.ValueString() != "" {
		return errors.New(h.Fail.ValueString())
	}
	return nil
}

func pass(ctx context.Context, gate, operation string) error {
	watch, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer watch.Close()
	if err := watch.Add(filepath.Dir(gate)); err != nil { // before the look below, so that no opening is missed
		return err
	}
	if err := replace(gate+".began", fmt.Appendf(nil, "%s %d %d\n", operation, os.Getpid(),
		time.Now().UnixNano())); err != nil {
		return err
	}
	for {
		if _, err := os.Stat(gate); err == nil {
			return nil
		}
		select {
		case <-watch.Events:
			if _, err := os.Stat(filepath.Dir(gate)); err != nil {
				return fmt.Errorf("%s: nobody is left to open the gate: %w", operation, err)
			}
		case err := <-watch.Errors:
			return err
		case <-ctx.Done():
			return stopped(ctx, operation)
		}
	}
}

func stopped(ctx context.Context, operation string) error {
	return fmt.Errorf("%s was stopped by the engine: %w", operation, ctx.Err())
}
