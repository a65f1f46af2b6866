package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
)

// usageError makes a fault of what cobra says about a command line.
func usageError(cmd *cobra.Command, err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	return fault.New(fault.Invalid, cmd.CommandPath()+" --help", "%w", err)
}

// noCommand refuses what is no command of the root.
func noCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	for _, c := range root.Commands() {
		if slices.Contains(commandNames(c), args[0]) {
			return fault.New(fault.Invalid, fmt.Sprintf("did you mean %s %s? Otherwise: %s --help", c.CommandPath(), args[0], root.CommandPath()),
				"there is no command %s of %s", args[0], root.CommandPath())
		}
	}
	return unknown(root, "command", args[0], commandNames(root))
}

// orBeneath tells of what was taken for a name of something which command
// beneath cmd was probably meant.
func orBeneath(cmd *cobra.Command, args []string, err error) error {
	if len(args) != 1 || !fault.Is(err, fault.NotFound) || strings.HasPrefix(fault.Next(err), "did you mean ") {
		return err
	}
	if near := workspace.Nearest(args[0], commandNames(cmd)); near != "" {
		return suggest(err, cmd.CommandPath()+" "+near)
	}
	return err
}

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// flagError tells of an unknown flag which one was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	var none *pflag.NotExistError
	if !errors.As(err, &none) || none.GetSpecifiedShortnames() != "" {
		return usageError(cmd, err)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return unknown(cmd, "flag", "--"+none.GetSpecifiedName(), withDashes(names))
}

func withDashes(names []string) []string {
	var all []string
	for _, n := range names {
		all = append(all, "--"+n)
	}
	return all
}

func unknown(cmd *cobra.Command, what, given string, known []string) error {
	next := cmd.CommandPath() + " --help"
	near := workspace.Nearest(given, known)
	for _, k := range known { // the beginning of a name is as near
		if near == "" && len(given) > 1 && strings.HasPrefix(k, given) {
			near = k
		}
	}
	if near != "" {
		next = fmt.Sprintf("did you mean %s? Otherwise: %s", near, next)
	}
	return fault.New(fault.Invalid, next, "there is no %s %s of %s", what, given, cmd.CommandPath())
}

// takes says which arguments a command has, each by its name in the usage
// line.
func takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fault.New(fault.Invalid, cmd.UseLine(), "%s needs %s", cmd.CommandPath(), strings.Join(names[len(args):], " and "))
		case len(args) > len(names):
			return tooMany(cmd, args[len(names)])
		}
		return nil
	}
}

// takesUpTo is takes for arguments that may be left out.
func takesUpTo(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return tooMany(cmd, args[n])
		}
		return nil
	}
}

func tooMany(cmd *cobra.Command, arg string) error {
	if beneath := commandNames(cmd); len(beneath) > 0 {
		return unknown(cmd, "command", arg, beneath)
	}
	return fault.New(fault.Invalid, cmd.UseLine(), "%s does not take the argument %q", cmd.CommandPath(), arg)
}

// reasonFlag adds -m.
func reasonFlag(cmd *cobra.Command, into *string, usage string) {
	cmd.Flags().StringVarP(into, "message", "m", "", usage)
	_ = cmd.RegisterFlagCompletionFunc("message", cobra.NoFileCompletions)
}

// needReason refuses an empty -m before the daemon is asked.
func needReason(cmd *cobra.Command, args []string, reason string) error {
	if strings.TrimSpace(reason) != "" {
		return nil
	}
	return fault.New(fault.Invalid, strings.Join(append([]string{cmd.CommandPath()}, args...), " ")+` -m "WHY"`, "%s needs a reason (-m): it is kept with the decision", cmd.CommandPath())
}

// oneOf checks the value of a flag.
func oneOf(flag, given string, known []string) error {
	for _, k := range known {
		if given == k || given == "" {
			return nil
		}
	}
	next := "use one of: " + strings.Join(known, ", ")
	if near := workspace.Nearest(given, known); near != "" {
		next = "did you mean " + near + "? There are: " + strings.Join(known, ", ")
	}
	return fault.New(fault.Invalid, next, "--%s %q is not known", flag, given)
}
