package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/daemon"
	"github.com/tfops/tfops/internal/demo"
	"github.com/tfops/tfops/internal/usage"
)

// newDemoCommand shows the whole loop for real: a repository, a daemon and an
// engine, in a directory that is thrown away.
func newDemoCommand(a *app) *cobra.Command {
	o := demo.Options{Out: a.stdout, Now: a.now}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole loop on a throw-away repository",
		Long: `Show the whole loop on a throw-away repository: a commit is planned, approved
and applied, somebody changes a file behind Terraform's back, a drift check
finds it, and a sync puts it right.

Everything happens for real in a temporary directory, with the engine on PATH
or one that tfops installs. Each step is printed with the command that a person
would type. At the end all of it is removed; with --keep the daemon stays up
for exploring until it is interrupted, and the directory is left.`,
		Example: `  tfops demo
  tfops demo --keep`,
		Args: usage.Takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Engine == "" {
				o.Engine = engineOnPath()
			}
			return demo.Run(cmd.Context(), demonstrated{a}, o)
		},
	}
	cmd.Flags().BoolVar(&o.Keep, "keep", false, "leave the daemon up at the end, for exploring")
	cmd.Flags().StringVar(&o.Engine, "engine", "", "terraform or tofu (default: what is on PATH, terraform first)")
	return cmd
}

// engineOnPath is the engine that is there without a download.
func engineOnPath() string {
	for _, name := range []string{"terraform", "tofu"} {
		if _, err := exec.LookPath(name); err == nil {
			return name
		}
	}
	return "terraform"
}

// demonstrated is this program as the demo uses it: within this process.
type demonstrated struct{ *app }

// Serve starts a daemon and returns what stops it.
func (d demonstrated) Serve(ctx context.Context, config string, log io.Writer) (stop func(), err error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	syscall.Umask(0o077)
	known := &daemon.Secrets{}
	logger, err := daemon.Log(log, known, "info", "text")
	if err != nil {
		return nil, err
	}
	served, err := daemon.New(daemon.Options{ConfigPath: config, Exe: exe, Environ: os.Environ(), Known: known,
		Log: logger, Version: ownVersion()})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := served.Run(ctx, nil); err != nil {
			fmt.Fprintln(log, err)
		}
	}()
	return func() { cancel(); <-done; served.Close() }, nil
}

// Command runs a command and returns its exit status.
func (d demonstrated) Command(ctx context.Context, config string, args ...string) int {
	each := &app{stdin: strings.NewReader(""), stdout: d.stdout, stderr: d.stderr, now: d.now, noColor: d.noColor}
	each.getenv = func(name string) string {
		switch name {
		case "TFOPS_CONFIG":
			return config
		case "TFOPS_SERVER", "TFOPS_TOKEN":
			return ""
		}
		return d.getenv(name)
	}
	return each.run(ctx, args)
}
