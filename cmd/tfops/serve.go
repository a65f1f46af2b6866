package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/daemon"
	"github.com/tfops/tfops/internal/usage"
)

// newServeCommand runs the daemon.
func newServeCommand(a *app) *cobra.Command {
	var newKey bool
	var level, format string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the daemon",
		Long: `Run the daemon: watch the repositories, plan what commits change, wait for
approvals, apply, and check for drift.

It writes its log to standard error and stops on SIGTERM or SIGINT: plans are
stopped and made again at the next start, running applies go on by themselves
and are picked up again. SIGHUP, or a change of the file, reads the
configuration again; an invalid one is reported and the last good one stays.

Under systemd set KillMode=process, so that stopping the service leaves
running applies alone.`,
		Example: `  tfops serve
  tfops serve --config /etc/tfops/tfops.hcl --log-format json`,
		Args: usage.Takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			known := &daemon.Secrets{}
			log, err := daemon.Log(a.stderr, known, level, format)
			if err != nil {
				return err
			}
			path, err := a.configPath()
			if err != nil {
				return err
			}
			return serve(cmd.Context(), daemon.Options{ConfigPath: path, NewKey: newKey, Environ: os.Environ(),
				Log: log, Known: known, Version: ownVersion()})
		},
	}
	cmd.Flags().BoolVar(&newKey, "new-key", false, "make a new key when the data directory's key is gone")
	cmd.Flags().StringVar(&level, "log-level", "info", "debug, info, warn or error")
	cmd.Flags().StringVar(&format, "log-format", "text", "text or json")
	return cmd
}

// gcPercent is how much the heap may grow between two collections of garbage.
// What the daemon keeps is small, and with Go's 100 a busy daemon spends a
// quarter of its time on collecting; this costs it a few megabytes.
const gcPercent = 400

// serve runs a daemon until ctx is done, which a signal to stop does.
func serve(ctx context.Context, o daemon.Options) error {
	syscall.Umask(0o077) // everything below the data directory is the owner's alone
	if err := closeMemory(); err != nil {
		o.Log.Warn("processes of the same user can look into this one's memory and environment", "error", err)
	}
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("the path of the tfops binary is not known: %w", err)
	}
	o.Exe = exe
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	d, err := daemon.New(o)
	if err != nil {
		return err
	}
	defer d.Close()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	err = d.Run(ctx, reload)
	o.Log.Info("tfops stopped")
	return err
}

// closeMemory keeps other processes of the same user out of this one's memory,
// environment and open files: a plan runs code of a repository as this user,
// and the daemon has the secrets of all workspaces. Root can look all the same.
// It does not reach what the daemon starts, which programs may look into as usual.
func closeMemory() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
