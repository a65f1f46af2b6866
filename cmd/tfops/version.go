package main

import (
	"cmp"
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/runner/engines"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/usage"
)

// release is set by the linker for a release: -X main.release=1.2.3.
var release string

// version is tfops's own: of a release its number, and otherwise the commit
// that it was built from, as far as the build tells.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return strings.TrimPrefix(v, "v")
	}
	commit, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changes"
		}
	}
	if commit == "" {
		return "devel"
	}
	return "devel-" + commit + changed
}

// ownVersion tells of this binary; engines are for the caller to add.
func ownVersion() api.Version {
	return api.Version{Tfops: version(), Go: runtime.Version(), Engines: map[string]string{}}
}

// versions is the result of the version command.
type versions struct {
	api.Version              // of this binary, and the engines on PATH
	Daemon      *api.Version `json:"daemon,omitempty"` // absent when none answers
}

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of tfops and of the engines",
		Long: `Print the version of this binary and of the engines that it finds on PATH, and of
the daemon, what it finds and how it shuts engines in, where one answers.
Without a daemon it says so and succeeds all the same.`,
		Example: `  tfops version
  tfops version -o json`,
		Args: usage.Takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, err := a.versions(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(v, func() { a.tellVersions(v) })
		},
	}
}

// answerTimeout is how long the daemon has to answer where its answer is no more
// than a help.
const answerTimeout = 2 * time.Second

func (a *app) versions(ctx context.Context) (versions, error) {
	v := versions{Version: ownVersion()}
	scratch, err := os.MkdirTemp("", "tfops-version-") // a search keeps notes
	if err != nil {
		return v, fault.New(fault.Unavailable, "check TMPDIR", "there is no place for temporary files: %w", err)
	}
	defer os.RemoveAll(scratch)
	for _, name := range []string{"terraform", "tofu"} {
		found, err := engines.Lookup(ctx, engines.Request{Name: name, SearchPath: a.getenv("PATH"), CacheDir: scratch})
		if err == nil {
			v.Engines[name] = found.Version
		}
	}
	if c, err := a.client(); err == nil {
		ctx, cancel := context.WithTimeout(ctx, answerTimeout)
		defer cancel()
		if d, err := c.Version(ctx); err == nil {
			v.Daemon = &d
		}
	}
	return v, ctx.Err()
}

func (a *app) tellVersions(v versions) {
	daemon := "none answers"
	facts := []term.KeyValue{
		{Key: "tfops", Value: v.Tfops + " (" + v.Go + ")"},
		{Key: "terraform", Value: v.Engines["terraform"]},
		{Key: "tofu", Value: v.Engines["tofu"]},
	}
	if v.Daemon != nil {
		daemon = v.Daemon.Tfops + " (" + v.Daemon.Go + ")"
	}
	facts = append(facts, term.KeyValue{Key: "daemon", Value: daemon})
	if v.Daemon != nil {
		facts = append(facts, term.KeyValue{Key: "its terraform", Value: v.Daemon.Engines["terraform"]},
			term.KeyValue{Key: "its tofu", Value: v.Daemon.Engines["tofu"]})
		if b := v.Daemon.Sandbox; b != nil {
			facts = append(facts, term.KeyValue{Key: "its sandbox", Value: strings.TrimPrefix(b.Level+": "+
				cmp.Or(b.Note, b.Text), ": ")})
		}
	}
	a.term().KeyValues(facts)
}
