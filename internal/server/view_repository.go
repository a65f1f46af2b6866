package server

import (
	"errors"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/engine/view"
	"github.com/tfops/tfops/internal/fault"
)

func viewRepository(v view.Repository) api.Repository {
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

func viewRepositories(views []view.Repository) []api.Repository {
	out := make([]api.Repository, len(views))
	for i, v := range views {
		out[i] = viewRepository(v)
	}
	return out
}

func viewGenerators(views []view.Generator) []api.Generator {
	out := []api.Generator{}
	for _, v := range views {
		g := api.Generator{Name: v.Name, Repository: v.Repository, Workspaces: append([]string{}, v.Workspaces...), Problems: []api.Problem{}}
		for _, p := range v.Problems {
			g.Problems = append(g.Problems, api.Problem{Where: p.Where, Message: p.Message, Next: p.Next})
		}
		out = append(out, g)
	}
	return out
}
