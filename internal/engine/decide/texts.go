package decide

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// waitFor is what waits for another run's phase. Waiting for one that is stopped
// moves nobody on.
func waitFor(q run.Queue, o *run.Run, does string) Wait {
	if stopped := q.Stopped[o.ID]; len(stopped) > 0 {
		return Wait{Kind: WaitsForStopped, Run: o.ID, For: atWork{run: o.ID, does: does, stopped: true},
			Command: ContinueCommand(stopped), Person: true}
	}
	return Wait{Kind: WaitsForRun, Run: o.ID, For: atWork{run: o.ID, does: does}, Command: "tfops wait " + o.ID}
}

func ProcessNames(all []run.Stopped) string {
	var texts []string
	for _, p := range all {
		texts = append(texts, fmt.Sprintf("%s (pid %d)", p.Name, p.PID))
	}
	return strings.Join(texts, ", ")
}

// ContinueCommand lets the processes go on: the runner last, so that nothing that
// it waits for is still stopped then.
func ContinueCommand(all []run.Stopped) string {
	text := "kill -CONT"
	for _, p := range slices.Backward(all) {
		text += fmt.Sprintf(" %d", p.PID)
	}
	return text
}

// worker is what a run waits for that nothing but a place holds up.
func worker(q run.Queue, r *run.Run, place always) Wait {
	if l := q.Lacking; l.What != "" && (!l.Person || r.Status == run.ApplyQueued) {
		return Wait{Kind: WaitsForMachine, For: lacking{l.What}, Command: l.Command, Person: l.Person}
	}
	return Wait{Kind: WaitsForWorker, For: place, Command: "tfops wait " + r.ID}
}

// RetryCommand is the command that asks for such a run once more.
func RetryCommand(r run.Run) string {
	switch r.Kind {
	case run.Refresh:
		return "tfops sync " + r.Workspace + " --refresh-only"
	case run.Move:
		if r.Moving.Import != nil {
			return "tfops state import " + r.Workspace + " FILE"
		}
		return "tfops state move " + r.Workspace
	}
	return "tfops " + string(r.Kind) + " " + r.Workspace
}

// Destroys is what a destroy that nobody asked for does, and why.
func Destroys(r run.Run, rec workspace.Record) string {
	what := "everything"
	switch {
	case r.Plan != nil && r.Plan.Counts.Delete == 1:
		what = "1 resource"
	case r.Plan != nil:
		what = fmt.Sprintf("%d resources", r.Plan.Counts.Delete)
	}
	text := "destroys " + what + " of workspace " + r.Workspace
	if rec.Orphan != nil {
		text += ", because " + rec.Orphan.Why
	}
	return text
}

// RenameWait is what a run waits for whose workspace takes over another one, or is
// taken over.
func RenameWait(s *fleet.Fleet, name string) (Wait, bool) {
	r, ok := s.Renaming[name]
	if to, taken := s.Heirs[name]; taken {
		r, ok = s.Renaming[to], true
	}
	switch {
	case !ok:
		return Wait{}, false
	case r.Why != nil:
		return Wait{Kind: WaitsForConfiguration, For: misconfigured{r.Why},
			Command: "tfops status " + r.To, Person: true}, true
	}
	return Wait{Kind: WaitsForRename, For: takeover{r.To, r.From}, Command: "tfops status " + r.To}, true
}
