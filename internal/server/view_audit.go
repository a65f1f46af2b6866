package server

import (
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/run"
)

func viewAudits(audits []run.Audit) []api.Audit {
	out := make([]api.Audit, len(audits))
	for i, a := range audits {
		out[i] = api.Audit{At: a.At.UTC(), Actor: a.Actor, Via: a.Via, Action: a.Action, Workspace: a.Workspace, Run: a.Run, Reason: a.Reason}
	}
	return out
}
