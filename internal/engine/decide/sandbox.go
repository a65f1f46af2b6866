package decide

import (
	"fmt"

	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/sandbox"
)

// exposure is why it matters for a run that nothing shuts its engine in; empty where that changes
// nothing, since whoever writes the code may have it applied anyway.
type exposure string

const (
	byPattern exposure = "a pattern found its branch, and whoever may push makes such branches"
	byRef     exposure = "somebody named its ref, which nobody has reviewed"
	byRules   exposure = "it has approval rules, which code that is planned could get round"
)

func exposed(s *settings.Settings, def *fleet.Definition, ref string) exposure {
	switch {
	case len(def.Rules) > 0:
		return byRules
	case ref != "":
		return byRef
	case s.Config.ByPattern(def):
		return byPattern
	}
	return ""
}

// unsheltered is a sandbox that is not good enough for a run.
type unsheltered struct {
	terms   sandbox.Terms
	refusal sandbox.Refusal
	why     exposure
}

func (f unsheltered) String() string {
	switch f.refusal {
	case sandbox.TooWeak:
		text := fmt.Sprintf("a better sandbox: tfops.hcl asks for %s, and this machine gives %s", f.terms.Wanted,
			f.terms.Level)
		if len(f.terms.Lacks) > 0 {
			text += " (" + f.terms.Lacks[0].Sentence() + ")"
		}
		return text
	case sandbox.AsRoot:
		return fmt.Sprintf(`a sandbox, since %s: sandbox = "none" does not count where tfops serve runs as root`, f.why)
	}
	return fmt.Sprintf(`a sandbox, since %s; to go without one: runner { sandbox = "none" } in tfops.hcl`, f.why)
}

// SandboxWait is what a workspace waits for whose engine may not be started on this machine; false
// where it may be. ref is that of a speculative plan, if somebody named one.
func SandboxWait(s *settings.Settings, def *fleet.Definition, ref string) (Wait, bool) {
	why := exposed(s, def, ref)
	refusal := s.Sandbox.Refuses(why != "")
	if refusal == "" {
		return Wait{}, false
	}
	return Wait{Kind: WaitsForSandbox, For: unsheltered{s.Sandbox, refusal, why}, Command: "tfops doctor",
		Person: true}, true
}

// sheltered is the action on a run that starts an engine, if the sandbox allows it.
func sheltered(s *settings.Settings, def *fleet.Definition, r *run.Run, action Action, w Wait) (Action, Wait) {
	if held, waits := SandboxWait(s, def, r.Ref); waits {
		return Nothing, held
	}
	return action, w
}
