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

// completeTimeout is how long the daemon has to answer a shell that
// completes: a person is in the middle of typing.
const completeTimeout = time.Second

// choices asks the daemon what there is to choose from.
type choices func(*api.Client, context.Context) ([]cobra.Completion, error)

// complete is the shell's view of choices. A daemon that does not answer has
// none: the middle of a line is no place for an error.
func (a *app) complete(ask choices) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		c, err := a.client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
		defer cancel()
		all, err := ask(c, ctx)
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

// labels are those that workspaces have.
func labels(c *api.Client, ctx context.Context) ([]cobra.Completion, error) {
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
func runIDs(statuses ...string) choices {
	return offer(func(c *api.Client, ctx context.Context) ([]api.Run, error) {
		return c.Runs(ctx, api.RunsQuery{Statuses: statuses, Limit: 50})
	}, func(r api.Run) cobra.Completion { return choice(r.ID, r.Workspace+" "+r.Kind+" "+show.Status(r)) })
}

// offer makes choices of what the daemon lists.
func offer[T any](list func(*api.Client, context.Context) ([]T, error), one func(T) cobra.Completion) choices {
	return func(c *api.Client, ctx context.Context) ([]cobra.Completion, error) {
		all, err := list(c, ctx)
		var out []cobra.Completion
		for _, v := range all {
			out = append(out, one(v))
		}
		return out, err
	}
}

var (
	workspaceNames = offer((*api.Client).Workspaces, func(w api.Workspace) cobra.Completion {
		return choice(w.Name,
			w.Sync)
	})
	repositoryNames = offer((*api.Client).Repositories,
		func(r api.Repository) cobra.Completion { return choice(r.Name, "") })
	targetNames = offer((*api.Client).NotifyTargets,
		func(t api.NotifyTarget) cobra.Completion { return choice(t.Name, t.Place) })
	deadIDs = offer((*api.Client).DeadLetters,
		func(d api.Delivery) cobra.Completion { return choice(d.ID, d.Title) })
	reportIDs = offer((*api.Client).DriftReports, func(r api.Report) cobra.Completion {
		return choice(r.ID, r.Name+" "+show.When(r.At))
	})
	findingIDs = offer(func(c *api.Client, ctx context.Context) ([]api.Finding, error) {
		return c.Findings(ctx, "",
			nil)
	},
		func(f api.Finding) cobra.Completion { return choice(f.ID, f.Workspace+" "+show.Address(f)) })
)

// choice is one completion; a shell gets no control character from us.
func choice(name, description string) cobra.Completion {
	return cobra.CompletionWithDesc(term.Clean(name), term.Clean(description))
}
