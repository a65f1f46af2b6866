package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/testrig"
)

// glance is how often something is looked at that is waited for.
const glance = 20 * time.Millisecond

// until looks again and again until done is true. What it looks at is the real
// interface, and the time in between decides nothing.
func (s *session) until(ts *testscript.TestScript, what string, look func(context.Context) (done bool, now string)) {
	ctx, cancel := testrig.Deadline(s.t)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	last := ""
	for {
		done, now := look(ctx)
		if done {
			return
		}
		if now != "" && ctx.Err() == nil {
			last = now
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("waited in vain for %s: %s", what, last)
		case <-tick.C:
		}
	}
}

// patience bounds each wait of a script: far above what anything here takes.
const patience = 2 * time.Minute

// cmdAwait waits until something that the daemon shows meets all conditions,
// and leaves it in stdout: await workspace NAME COND…, await run ID COND…,
// await status|locks|approvals|audit|reports|notify COND…, await history NAME
// COND…, await findings NAME COND… (of all lives), await finding ID COND…
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	id, args := instance(args)
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await [@ID] (workspace NAME | run ID | history NAME | findings NAME | finding ID | status " +
			"| locks | approvals | audit | reports | notify) CONDITION…")
	}
	what, args := args[0], args[1:]
	name := ""
	switch what {
	case "workspace", "run", "history", "findings", "finding":
		name, args = args[0], args[1:]
	}
	c := s.client(ts, id)
	defer c.Close()
	s.until(ts, fmt.Sprintf("%s %s %q", what, name, args), func(ctx context.Context) (bool, string) {
		v, err := view(ctx, c, what, name)
		if err != nil {
			return false, err.Error()
		}
		return s.meets(ts, v, args)
	})
}

// meets reports whether an answer meets the conditions; if so it becomes stdout.
func (s *session) meets(ts *testscript.TestScript, answer any, conditions []string) (bool, string) {
	b, err := json.Marshal(answer)
	ts.Check(err)
	v, err := decode(b)
	ts.Check(err)
	missing, err := unmet(v, conditions)
	ts.Check(err)
	if missing != "" {
		return false, missing + " in\n" + string(b)
	}
	fmt.Fprintln(ts.Stdout(), string(b))
	return true, ""
}

func view(ctx context.Context, c *api.Client, what, name string) (any, error) {
	switch what {
	case "workspace":
		return c.Workspace(ctx, name)
	case "run":
		return c.Run(ctx, name)
	case "history":
		return c.History(ctx, name, 0)
	case "findings":
		return c.Findings(ctx, name, lives)
	case "finding":
		return c.Finding(ctx, name)
	case "reports":
		return c.DriftReports(ctx)
	case "notify":
		return c.NotifyTargets(ctx)
	case "status":
		return c.Status(ctx)
	case "locks":
		return c.Locks(ctx)
	case "approvals":
		return c.Approvals(ctx)
	case "audit":
		return c.Audit(ctx, 100)
	}
	return nil, fmt.Errorf("there is no %q to wait for", what)
}

// lives are all that a finding can have.
var lives = []string{"new", "ongoing", "recurring", "acknowledged", "ignored", "resolved"}

// cmdRun waits until a run of a workspace meets all conditions, puts the id of
// the newest one that does into a variable, and the run into stdout.
func cmdRun(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	id, args := instance(args)
	if neg || len(args) < 3 {
		ts.Fatalf("usage: run [@ID] VARIABLE WORKSPACE CONDITION…")
	}
	c := s.client(ts, id)
	defer c.Close()
	s.until(ts, fmt.Sprintf("a run of %s with %q", args[1], args[2:]), func(ctx context.Context) (bool, string) {
		runs, err := c.Runs(ctx, api.RunsQuery{Workspace: args[1]})
		if err != nil {
			return false, err.Error()
		}
		now := "there is no run yet"
		for i := range runs {
			done, what := s.meets(ts, runs[i], args[2:])
			if done {
				ts.Setenv(args[0], runs[i].ID)
				return true, ""
			}
			if i == 0 {
				now = what
			}
		}
		return false, now
	})
}

// cmdWaitFile waits until a file exists and, with a pattern, has a text that
// fits: waitfile FILE [PATTERN]
func cmdWaitFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: waitfile FILE [PATTERN]")
	}
	path, pattern := ts.MkAbs(args[0]), regexp.MustCompile("")
	if len(args) == 2 {
		re, err := regexp.Compile("(?ms)" + args[1])
		ts.Check(err)
		pattern = re
	}
	sessionOf(ts).until(ts, fmt.Sprintf("%q", args), func(context.Context) (bool, string) {
		b, err := os.ReadFile(path)
		if err != nil {
			return false, err.Error()
		}
		return pattern.Match(b), filepath.Base(path) + " holds\n" + string(b)
	})
}
