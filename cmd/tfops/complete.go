package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
)

// completePatience is how long the daemon has to answer a shell that
// completes: a person is in the middle of typing.
const completePatience = time.Second

// choices asks the daemon what there is to choose from.
type choices func(context.Context, *api.Client) ([]cobra.Completion, error)

// complete is the shell's view of choices. A daemon that does not answer has
// none: the middle of a line is no place for an error.
func (a *app) complete(ask choices) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		c, err := a.client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completePatience)
		defer cancel()
		all, err := ask(ctx, c)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		fits := slices.DeleteFunc(all, func(c cobra.Completion) bool { return !strings.HasPrefix(c, prefix) })
		return fits, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// completeOne completes a command's only argument.
func (a *app) completeOne(ask choices) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.complete(ask)(cmd, args, prefix)
	}
}

// completeMany completes any number of arguments, each once.
func (a *app) completeMany(ask choices) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		all, directive := a.complete(ask)(cmd, args, prefix)
		return slices.DeleteFunc(all, func(c cobra.Completion) bool {
			name, _, _ := strings.Cut(c, "\t")
			return slices.Contains(args, name)
		}), directive
	}
}

func (a *app) workspaceNames(ctx context.Context, c *api.Client) ([]cobra.Completion, error) {
	all, err := c.Workspaces(ctx)
	var list []cobra.Completion
	for _, w := range all {
		list = append(list, choice(w.Name, w.Sync))
	}
	return list, err
}

func (a *app) repositoryNames(ctx context.Context, c *api.Client) ([]cobra.Completion, error) {
	all, err := c.Repositories(ctx)
	var list []cobra.Completion
	for _, r := range all {
		list = append(list, choice(r.Name, ""))
	}
	return list, err
}

func (a *app) labels(ctx context.Context, c *api.Client) ([]cobra.Completion, error) {
	all, err := c.Workspaces(ctx)
	set := map[string]bool{}
	for _, w := range all {
		for k, v := range w.Labels {
			set[k+"="+v] = true
		}
	}
	return slices.Sorted(maps.Keys(set)), err
}

// runIDs are the newest runs of these statuses, of all without any.
func (a *app) runIDs(statuses ...string) choices {
	return func(ctx context.Context, c *api.Client) ([]cobra.Completion, error) {
		all, err := c.Runs(ctx, api.RunsQuery{Statuses: statuses, Limit: 50})
		var list []cobra.Completion
		for _, r := range all {
			list = append(list, choice(r.ID, r.Workspace+" "+r.Kind+" "+show.Status(r)))
		}
		return list, err
	}
}

// choice is one completion; a shell gets no control character from us.
func choice(name, description string) cobra.Completion {
	return cobra.CompletionWithDesc(term.Clean(name), term.Clean(description))
}
