package codebase

import (
	"fmt"

	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// RemotePlans finds that a workspace's plans would be made on another server, which
// its runs refuse.
func RemotePlans(graph *reach.Graph, w workspace.Workspace) (workspace.Problem, bool) {
	b, ok := graph.Backend(w.Dir)
	if !ok || w.Backend != "" || b.Type != "cloud" && b.Type != "remote" {
		return workspace.Problem{}, false
	}
	what := "a cloud block"
	if b.Type == "remote" {
		what = `backend "remote"`
	}
	return workspace.Problem{Workspace: w.Name, Where: "directory " + w.Dir,
		Message: fmt.Sprintf("the code of workspace %s has %s: its plans are made and applied on that server, and not "+
			"here", w.Name, what),
		Next: `write backend = "managed" (tfops keeps the state) or a block such as backend "s3" { … } into the workspace; to bring the state along: tfops state import ` + w.Name + " FILE"}, true
}
