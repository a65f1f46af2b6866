package wire

import (
	"errors"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/engine/upkeep"
	"github.com/tfops/tfops/internal/engine/view"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
)

func repository(v view.Repository) api.Repository {
	out := api.Repository{Name: v.Name, PolledAt: at(v.PolledAt), Failures: v.Failures, Note: v.Note}
	if v.Error == nil {
		return out
	}
	// As everywhere, only what was written for people is shown.
	out.Error, out.Next = "it cannot be read, for a reason that is in the daemon's log", fault.Next(v.Error)
	var f *fault.Error
	if errors.As(v.Error, &f) && f.Message != "" {
		out.Error = f.Message
	}
	return out
}

// Repositories are repositories, and how their polls went.
func Repositories(views []view.Repository) []api.Repository { return each(views, repository) }

// Generators are workspaces blocks, with what they make and what is wrong with them.
func Generators(views []view.Generator) []api.Generator {
	return each(views, func(v view.Generator) api.Generator {
		return api.Generator{Name: v.Name, Repository: v.Repository, Workspaces: append([]string{}, v.Workspaces...),
			Problems: each(v.Problems, problem)}
	})
}

func problem(p workspace.Problem) api.Problem {
	return api.Problem{Where: p.Where, Message: p.Message, Next: p.Next}
}

// LeftBehind are workspaces that the configuration has no more.
func LeftBehind(left []workspace.Record) []api.LeftBehind {
	return each(left, func(rec workspace.Record) api.LeftBehind {
		return api.LeftBehind{Name: rec.Name, AppliedCommit: rec.Applied, AppliedAt: at(rec.AppliedAt),
			State: rec.State}
	})
}

// Strays are directories of runs that the store does not know.
func Strays(strays []upkeep.Stray) []api.Stray {
	return each(strays, func(s upkeep.Stray) api.Stray {
		v := api.Stray{Run: s.Run, Dir: s.Dir, State: s.State}
		for _, p := range s.Processes {
			v.PIDs = append(v.PIDs, p.PID)
		}
		return v
	})
}
