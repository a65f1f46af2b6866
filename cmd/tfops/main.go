// Command tfops is GitOps for Terraform: the daemon, and the command line that
// talks to it.
//
// Every command has a file of its own: its options, their validation, what it
// does. They share an app (app.go), print through it (output.go and package
// term), and end with one of the statuses of exit.go.
package main

//go:generate go test -run TestReference -update .

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tfops/tfops/internal/runner/phase"
)

func main() {
	// A runner is started for every phase of every run. It has a form of its
	// own, and does not wait until all the other commands are laid out.
	if len(os.Args) == 3 && os.Args[1] == "runner" {
		os.Exit(phase.Main(os.Args[2]))
	}
	// The first signal asks to stop, and what waits for the daemon then lets
	// go of it; the second one ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	boundMemory()
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, now: time.Now}
	os.Exit(a.run(ctx, os.Args[1:]))
}
