package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// processes counts how often the engine is started: a script takes its place,
// notes each command and goes on as the engine.
func processes(ctx context.Context, b *bench) (err error) {
	b.say("processes of the engine")
	dir, err := os.MkdirTemp(b.dir, "count-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	script, notes := filepath.Join(dir, "terraform"), filepath.Join(dir, "notes")
	text := fmt.Sprintf("#!/bin/sh\necho \"$1\" >> '%s'\nexec '%s' \"$@\"\n", notes, b.machine.engine)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		return err
	}
	f, err := b.newFleet(ctx, 1, setting{poll: time.Hour, apply: "manual", engine: script})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.discard(f)) }()
	count := func(what, hand string) error {
		text, err := os.ReadFile(notes)
		if err != nil {
			return err
		}
		// Which version a binary is, is asked once in its life and not once a run.
		commands := slices.DeleteFunc(strings.Fields(string(text)), func(c string) bool { return c == "version" })
		b.add(row{what: "processes of the engine: " + what, value: fmt.Sprintf("%d (%s)", len(commands),
			strings.Join(commands, ", ")),
			hand: hand, target: none})
		return os.Truncate(notes, 0)
	}
	for _, pass := range []string{"first", "later"} {
		sha, err := f.commit(pass)
		if err != nil {
			return err
		}
		p, err := f.plan(ctx, sha)
		if err != nil {
			return err
		}
		if err := count(pass+" plan", "3"); err != nil {
			return err
		}
		if _, err := f.apply(ctx, p.runs); err != nil {
			return err
		}
		if err := count(pass+" apply", "1"); err != nil {
			return err
		}
	}
	return nil
}
