package config

import (
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/people"
	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/config/workspaces"
	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/workspace"
)

// Server is how the API is reached.
type Server struct {
	SocketGroup string // Unix group that may use the socket; empty: its owner alone
}

// Runner is how runs are carried out.
type Runner struct {
	Concurrency int // phases at a time; at least 1
	// DriftConcurrency is how many drift checks go on at a time; at least 1.
	DriftConcurrency int
	// PassEnv are names of the daemon's environment variables that the engine
	// sees; a "*" stands for any characters.
	PassEnv    []string
	PlanGrace  time.Duration // between a graceful interrupt of a plan and its kill
	ApplyGrace time.Duration // the same of an apply

	Sandbox sandbox.Wanted    // how an engine is to be shut in
	Users   sandbox.IDs       // whom engines run as where each workspace has a user of its own; zero: a usual range
	Limits  workspace.Limits  // what each phase may take of the machine
	Network workspace.Network // whom each engine can reach
	Read    []string          // absolute paths that each engine sees although they are hidden
	Write   []string          // and those that it may change
}

func server(r *decode.Reader, b decode.Block) Server {
	group := b.Text("socket_group")
	if group.Set && !people.Name().MatchString(group.Val) {
		r.Errorf(group.Range, "not a group", "socket_group is the name of a Unix group, for example \"tfops\". "+
			"Without it the socket is its owner's alone.")
	}
	return Server{SocketGroup: group.Val}
}

// warnOfRules warns, once, of rules that nobody but root can meet, since nobody else may use the socket.
func warnOfRules(r *decode.Reader, top decode.Block) {
	for _, above := range top.Body.Blocks {
		for _, b := range above.Body.Blocks {
			if b.Type == schema.Approval.Type {
				r.Warnf(b.DefRange(), "rules that hardly anybody can meet",
					"Without socket_group in the server block only root and the user of tfops serve may use the "+
						"socket. Under a rule the user of tfops serve does not count: code that a plan runs may act "+
						"as that user.")
				return
			}
		}
	}
}

func defaultRunner() Runner {
	n := runtime.NumCPU()
	return Runner{Concurrency: n, DriftConcurrency: max(n/2, 1),
		PlanGrace: 30 * time.Second, ApplyGrace: 10 * time.Minute, Sandbox: sandbox.Auto}
}

// wantedSandbox reads how an engine is to be shut in.
func wantedSandbox(r *decode.Reader, b decode.Block) sandbox.Wanted {
	f := b.Text("sandbox")
	wanted := sandbox.Wanted(f.Val)
	if !f.Set {
		return sandbox.Auto
	}
	if !slices.Contains(sandbox.AllWanted(), wanted) {
		var words []string
		for _, w := range sandbox.AllWanted() {
			words = append(words, string(w))
		}
		r.Errorf(f.Range, "not a sandbox", "Write \"auto\" for the best that the machine gives; \"namespaces\", "+
			"\"users\" or \"filters\" for what there has to be at least; or \"none\" to accept that there is none.%s",
			problems.DidYouMean(f.Val, words))
	}
	return wanted
}

// users reads whom engines may run as.
func users(r *decode.Reader, b decode.Block) sandbox.IDs {
	f := b.Text("uids")
	if !f.Set {
		return sandbox.IDs{}
	}
	ids, why := sandbox.ParseIDs(f.Val)
	if why != "" {
		r.Errorf(f.Range, "not a range of users", "%s", why)
	}
	return ids
}

var envPattern = lazyregexp.New(`^[A-Za-z_*][A-Za-z0-9_*]*$`)

func runner(r *decode.Reader, b decode.Block, dataDir string) Runner {
	d, pass := defaultRunner(), b.List("pass_env")
	out := Runner{
		Concurrency: b.Number("concurrency", 1).OrElse(d.Concurrency),
		PassEnv:     decode.Values[string](pass.Val),
		PlanGrace:   b.Duration("plan_grace", time.Second).OrElse(d.PlanGrace),
		ApplyGrace:  b.Duration("apply_grace", time.Second).OrElse(d.ApplyGrace),
		Limits:      workspaces.LimitsOf(b),
		Network:     workspaces.NetworkOf(b),
		Sandbox:     wantedSandbox(r, b),
		Users:       users(r, b),
		Read:        given(r, b, "read", dataDir),
		Write:       given(r, b, "write", dataDir),
	}
	out.DriftConcurrency = b.Number("drift_concurrency", 1).OrElse(max(out.Concurrency/2, 1))
	for _, p := range pass.Val {
		if !envPattern().MatchString(p.Val) || strings.Trim(p.Val, "*") == "" {
			r.Errorf(p.Range, "not a name of environment variables", "Write the name of a variable, with a * for what "+
				"may vary, for example \"AWS_*\" or \"HTTPS_PROXY\". The engine sees no other variable of tfops.")
		} else if why := workspaces.ReservedEnv(p.Val); why != "" {
			r.Errorf(p.Range, "variable of the engine", "%s", why)
		}
	}
	return out
}
