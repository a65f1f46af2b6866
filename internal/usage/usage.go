// Package usage says what is wrong with a command line, and what was probably meant. It
// refuses before a daemon is asked.
package usage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
)

// Error makes a fault of what cobra says about a command line.
func Error(cmd *cobra.Command, err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	return fault.New(fault.Invalid, cmd.CommandPath()+" --help", "%w", err)
}

// NoCommand refuses what is no command of the root.
func NoCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	for _, c := range root.Commands() {
		if slices.Contains(CommandNames(c), args[0]) {
			return fault.New(fault.Invalid, fmt.Sprintf("did you mean %s %s? Otherwise: %s --help", c.CommandPath(),
				args[0], root.CommandPath()),
				"there is no command %s of %s", args[0], root.CommandPath())
		}
	}
	return Unknown(root, "command", args[0], CommandNames(root))
}

// CommandNames are the commands right beneath one.
func CommandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// FlagError tells of an unknown flag which one was probably meant.
func FlagError(cmd *cobra.Command, err error) error {
	var none *pflag.NotExistError
	if !errors.As(err, &none) || none.GetSpecifiedShortnames() != "" {
		return Error(cmd, err)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return Unknown(cmd, "flag", "--"+none.GetSpecifiedName(), withDashes(names))
}

func withDashes(names []string) []string {
	var all []string
	for _, n := range names {
		all = append(all, "--"+n)
	}
	return all
}

// Unknown refuses a name that is none of those known.
func Unknown(cmd *cobra.Command, what, given string, known []string) error {
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

// Takes says which arguments a command has, each by its name in the usage
// line.
func Takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fault.New(fault.Invalid, cmd.UseLine(), "%s needs %s", cmd.CommandPath(),
				strings.Join(names[len(args):], " and "))
		case len(args) > len(names):
			return tooMany(cmd, args[len(names)])
		}
		return nil
	}
}

// TakesUpTo is Takes for arguments that may be left out.
func TakesUpTo(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return tooMany(cmd, args[n])
		}
		return nil
	}
}

func tooMany(cmd *cobra.Command, arg string) error {
	if beneath := CommandNames(cmd); len(beneath) > 0 {
		return Unknown(cmd, "command", arg, beneath)
	}
	return fault.New(fault.Invalid, cmd.UseLine(), "%s does not take the argument %q", cmd.CommandPath(), arg)
}

// ReasonFlag adds -m.
func ReasonFlag(cmd *cobra.Command, into *string, usage string) {
	cmd.Flags().StringVarP(into, "message", "m", "", usage)
	_ = cmd.RegisterFlagCompletionFunc("message", cobra.NoFileCompletions)
}

// NeedReason refuses an empty -m before the daemon is asked.
func NeedReason(cmd *cobra.Command, args []string, reason string) error {
	if strings.TrimSpace(reason) != "" {
		return nil
	}
	return fault.New(fault.Invalid, strings.Join(append([]string{cmd.CommandPath()}, args...), " ")+` -m "WHY"`,
		"%s needs a reason (-m): it is kept with the decision", cmd.CommandPath())
}

// OneOf checks the value of a flag.
func OneOf(flag, given string, known []string) error {
	if given == "" || slices.Contains(known, given) {
		return nil
	}
	next := "use one of: " + strings.Join(known, ", ")
	if near := workspace.Nearest(given, known); near != "" {
		next = "did you mean " + near + "? There are: " + strings.Join(known, ", ")
	}
	return fault.New(fault.Invalid, next, "--%s %q is not known", flag, given)
}

// AtLeastOne checks the value of a flag that says how many.
func AtLeastOne(flag string, n int) error {
	if n >= 1 {
		return nil
	}
	return fault.New(fault.Invalid, "use a number above zero", "--%s %d lists nothing", flag, n)
}

// TimeoutFlag adds --timeout.
func TimeoutFlag(cmd *cobra.Command, into *time.Duration) {
	cmd.Flags().DurationVar(into, "timeout", 0,
		"give up waiting after this `TIME`, e.g. 10m; 0 waits as long as it takes")
	_ = cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions)
}

// CheckTimeout refuses a --timeout that makes no sense.
func CheckTimeout(cmd *cobra.Command, timeout time.Duration, waits bool) error {
	switch {
	case timeout < 0:
		return fault.New(fault.Invalid, "write it as 90s, 10m or 2h", "--timeout %s is below zero", timeout)
	case !waits && cmd.Flags().Changed("timeout"):
		return fault.New(fault.Invalid, "add --wait, or leave out --timeout",
			"--timeout is for waiting, and nothing is waited for")
	}
	return nil
}

// Words completes words that are known beforehand.
func Words(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		fits := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return !strings.HasPrefix(w, prefix) })
		return fits, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}
