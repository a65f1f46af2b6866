package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/codebase"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/document"
	"github.com/tfops/tfops/internal/usage"
)

func newGraphCommand(a *app) *cobra.Command {
	var rev string
	shape := graphFormat(document.Table)
	cmd := &cobra.Command{
		Use:   "graph",
		Short: "Show modules, workspaces and their order",
		Long: `Show which modules the workspaces are made of, and which workspaces come before
which: by depends_on, by inputs, or because one reads the other's state. Like
"tfops affected" it asks no daemon, and reads a checkout.

-o dot is for Graphviz, -o mermaid for GitHub and the like; what is inferred has a
dashed line. -o json has the whole graph.`,
		Example: `  tfops graph
  tfops graph -o dot | dot -Tsvg > graph.svg
  tfops graph -o mermaid
  tfops graph -o json`,
		Args: usage.Takes(),
	}
	s := selectCode(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		if shape == graphFormat(document.JSON) || shape == graphFormat(document.YAML) {
			a.output = document.Format(shape)
		}
		return a.graph(s, rev, shape)
	}
	cmd.Flags().StringVar(&rev, "at", "HEAD", "the commit to look at: `REV`")
	cmd.Flags().VarP(&shape, "output", "o", "print it as `FORMAT`: "+strings.Join(graphFormats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", usage.Words(graphFormats))
	return cmd
}

// graphFormat is a format that has two more for graphs.
type graphFormat document.Format

var graphFormats = append([]string{"dot", "mermaid"}, document.Formats...)

// String, Set and Type make a flag of it.
func (f *graphFormat) String() string { return string(*f) }
func (f *graphFormat) Type() string   { return "FORMAT" }
func (f *graphFormat) Set(s string) error {
	if !slices.Contains(graphFormats, s) {
		return fmt.Errorf("it is one of %s", strings.Join(graphFormats, ", "))
	}
	*f = graphFormat(s)
	return nil
}

func (a *app) graph(s *codebase.Selection, rev string, shape graphFormat) error {
	code, err := a.openCode(s)
	if err != nil {
		return err
	}
	g, err := code.Graph(rev)
	return printed(a, g, err, func(p *term.Printer, g codebase.Graph) {
		switch shape {
		case "dot":
			p.Printf("%s", g.DOT())
		case "mermaid":
			p.Printf("%s", g.Mermaid())
		default:
			g.Print(p)
		}
	})
}
