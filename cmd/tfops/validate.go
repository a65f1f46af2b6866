package main

import (
	"errors"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/document"
	"github.com/tfops/tfops/internal/usage"
	"github.com/tfops/tfops/internal/validation"
)

func newValidateCommand(a *app) *cobra.Command {
	var repo string
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check tfops.hcl and list the workspaces that it yields",
		Long: `Check the configuration and list the workspaces that it yields. Every mistake is
shown with its file, line and column. It reads the file as the daemon would,
so variables that env("NAME") asks for must be set; nothing is changed.

Repositories that are on this machine, by their URL or as the checkout that
--repo names, are looked at: what workspaces blocks make of their branches, in
which order workspaces come, directories, var files and modules that are not
there or leave the repository, and workspaces that every change of the repository
plans, each with the expression that does not tell what it reads and the way out.
Others are not asked: what depends on them "tfops status" says.

With -o json or yaml, mistakes and warnings are in the result as well.

Exit status: 0 it is valid, warnings or not; 2 it is not.`,
		Example: `  tfops validate
  tfops validate --config /etc/tfops/tfops.hcl -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 { // the file, as other tools take it
				return fault.New(fault.Invalid, "tfops validate --config "+args[0],
					"tfops validate takes the file as --config")
			}
			return usage.Takes()(cmd, args)
		},
		RunE: func(*cobra.Command, []string) error { return a.validate(repo) },
	}
	cmd.Flags().StringVar(&repo, "repo", "", "look at the checkout at `PATH`, too")
	return cmd
}

func (a *app) validate(repo string) error {
	path, err := a.configPath()
	if err != nil {
		return err
	}
	cfg, err := config.Load(path)
	var wrong *config.Problems
	if errors.As(err, &wrong) && a.output != document.Table {
		if full, err := filepath.Abs(path); err == nil {
			path = full
		}
		if err := a.print(validation.Invalid(path, wrong), nil); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	v, err := validation.Check(cfg, repo, time.Now())
	if err := printed(a, v, err, func(p *term.Printer, v validation.Result) { v.Print(p) }); err != nil {
		return err
	}
	if len(cfg.Warnings) > 0 {
		color, width := a.term().Stderr()
		if err := cfg.RenderWarnings(a.stderr, color, width); err != nil {
			return err
		}
	}
	v.PrintProblems(a.term())
	if !v.Valid {
		return exit.With(exit.Usage)
	}
	return nil
}
