package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/datadir"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/document"
	"github.com/tfops/tfops/internal/usage"
)

// app is what commands share: the world that they talk to, and the global
// flags.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string
	now    func() time.Time

	config  string          // --config
	server  string          // --server
	token   string          // --token
	noColor bool            // --no-color
	output  document.Format // --output

	begun   bool // a command was found and its usage is right
	printer *term.Printer
}

// run parses the arguments, runs the command and reports its error. It returns
// the exit status.
func (a *app) run(ctx context.Context, args []string) int {
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !a.begun {
		err = usage.Error(cmd, err)
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = fault.New(fault.Unavailable, "", "stopped by a signal")
	}
	a.report(err)
	return exit.Of(err)
}

// report prints an error to stderr; of several, each with its own next step.
func (a *app) report(err error) {
	var p *config.Problems
	var end exit.Status
	list, several := err.(interface{ Unwrap() []error })
	switch {
	case err == nil || errors.As(err, &end):
	case errors.As(err, &p):
		color, width := a.term().Stderr()
		_ = p.Render(a.stderr, color, width)
		a.term().Error(p.Unwrap())
	case several:
		for _, e := range list.Unwrap() {
			a.report(e)
		}
	default:
		a.term().Error(err)
	}
}

// term is the printer for people.
func (a *app) term() *term.Printer {
	if a.printer == nil {
		color := term.ColorAuto
		if a.noColor {
			color = term.ColorNever
		}
		a.printer = term.New(a.stdout, a.stderr, term.Options{Color: color, Now: a.now, Stdin: a.stdin,
			Getenv: a.getenv})
	}
	return a.printer
}

// configPath is the configuration file that is meant.
func (a *app) configPath() (string, error) {
	return config.Find(a.config, a.getenv("TFOPS_CONFIG"))
}

// client talks to the daemon that is meant.
func (a *app) client() (*api.Client, error) {
	o := api.ClientOptions{Token: cmp.Or(a.token, a.getenv("TFOPS_TOKEN"))}
	if given := cmp.Or(a.server, a.getenv("TFOPS_SERVER")); given != "" {
		var err error
		if o.Server, err = serverURL(given); err != nil {
			return nil, err
		}
		return api.New(o)
	}
	dir, err := a.dataDir()
	if err != nil {
		return nil, err
	}
	o.Server = socketURL(filepath.Join(dir, "tfops.sock"))
	if path, err := a.configPath(); err == nil && (a.config != "" || a.getenv("TFOPS_CONFIG") != "") {
		o.Config = path // how to start a daemon then has to name it
	}
	return api.New(o)
}

// serverURL is an address as the client takes it: what is no URL is the path
// of a socket.
func serverURL(given string) (string, error) {
	if strings.Contains(given, "://") {
		return given, nil
	}
	if !strings.ContainsRune(given, '/') {
		return "", fault.New(fault.Invalid,
			"name it as /path/to/tfops.sock, unix:///path/to/tfops.sock or https://host",
			"%q is not the address of a daemon", given)
	}
	path, err := filepath.Abs(given)
	if err != nil {
		return "", fault.New(fault.Unavailable, "name the socket by its whole path",
			"the working directory is gone: %w", err)
	}
	return socketURL(path), nil
}

func socketURL(path string) string { return (&url.URL{Scheme: "unix", Path: path}).String() }

// dataDir is the data directory of the configuration that is meant.
func (a *app) dataDir() (string, error) {
	path, err := a.configPath()
	if err != nil {
		return "", fault.New(fault.Invalid,
			"name the configuration with --config FILE or TFOPS_CONFIG, or the daemon itself with --server ADDRESS or "+
				"TFOPS_SERVER",
			"%w", err)
	}
	return dataDirOf(path)
}

// dataDirOf is the data directory of a configuration. Where it cannot be told without
// the rest of the file, config.Load says what is wrong.
func dataDirOf(path string) (string, error) {
	dir, ok := datadir.Peek(path)
	if !ok {
		cfg, err := config.Load(path)
		if err != nil {
			return "", err
		}
		dir = cfg.DataDir
	}
	return datadir.Absolute(dir, path)
}
