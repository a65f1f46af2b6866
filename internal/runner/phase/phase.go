// Package phase is the runner's own process: it does one phase of one run, a plan or an apply, from
// the inputs to the result. The job is read from the phase's directory; see package job.
package phase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/command"
	"github.com/tfops/tfops/internal/runner/deadline"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/engines"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/runner/limits"
	"github.com/tfops/tfops/internal/runner/module"
	"github.com/tfops/tfops/internal/runner/workdir"
)

// phase is one phase at work: the runner's whole state.
type phase struct {
	dir     string
	job     job.Job
	secrets job.Secrets
	stop    *cell.Stopper
	mask    *diagnostics.Masker
	log     *diagnostics.EventLog

	work   *workdir.Dir
	ground ground.Standing // apply phase: what the plan stands on
	notes  []string
	hidden []string // what the plan calls sensitive

	result job.Result
}

func newPhase(dir string, secrets job.Secrets, stop *cell.Stopper) *phase {
	p := &phase{dir: dir, secrets: secrets, stop: stop, mask: masker(secrets),
		result: job.Result{FormatVersion: job.FormatVersion, StartedAt: time.Now().UTC(), Sandbox: cell.Level()}}
	p.work = &workdir.Dir{Engine: &command.Engine{Names: map[string]string{}, Stop: stop, Guard: &limits.Guard{},
		Backend: secrets.Backend, Level: cell.Level()}, PhaseDir: dir, Secrets: secrets, Result: &p.result}
	return p
}

// masker hides all that is known to be secret, and more.
func masker(s job.Secrets, more ...string) *diagnostics.Masker {
	return diagnostics.NewMasker(slices.Concat(s.Mask, s.Hidden, s.Printed, more), s.MaskWhole...)
}

// earlier is what plans hid that may be hidden in this one.
func (p *phase) earlier() []string {
	if p.job.Speculative { // nobody approves it
		return slices.Concat(p.secrets.Hidden, p.secrets.Printed)
	}
	return p.secrets.Hidden
}

// open reads the job and opens the log.
func (p *phase) open() error {
	p.log = diagnostics.OpenEvents(p.dir, p.mask)
	var err error
	if p.job, err = job.LoadJob(p.dir); err == nil && p.job.Debug {
		p.work.Debug, err = diagnostics.NewDebugLog()
	}
	p.work.Job, p.work.Log = p.job, p.log
	p.work.Guard.Begin(p.job, func() { p.stop.Ask(errLimit) }, func(text string) { p.log.Say("warn", "%s", text) })
	return err
}

// errLimit is why a phase is stopped that takes more than it may.
var errLimit = errors.New("above a limit")

// run does the phase, from the inputs to the last file.
func (p *phase) run(ctx context.Context) error {
	main := step(p.plan)
	switch {
	case p.job.Phase == job.ApplyPhase:
		main = p.apply
	case p.job.Move != nil:
		main = p.moveState
	}
	return inOrder(ctx, p.checkPlan, p.openGround, p.readInputs, p.checkVariables, p.work.CheckBackend,
		p.work.UseNetwork, p.findEngine, p.checkEngine, p.work.Open, p.placeState, main)
}

// openView gives what the engine sees the commit's files through.
func (p *phase) openView(ctx context.Context) (cell.View, error) {
	v, copied, err := cell.OpenView(ctx, p.job.Tree, p.job.Ground, func() {
		p.log.Say("info", "waiting for another phase of this workspace: "+
			"this system lets no two have a tree at the same path (see docs/ARCHITECTURE.md)")
	})
	if err != nil || !copied {
		return v, err
	}
	p.work.Guard.Dirs = append(p.work.Guard.Dirs, p.job.Tree)
	// A state that the engine could not save must not go with the tree of a runner that vanished.
	stray := filepath.Join(p.job.Tree, filepath.FromSlash(p.job.Dir))
	into := filepath.Join(p.job.WorkspaceDir, fmt.Sprintf("%d-%s", time.Now().Unix(), job.ErroredStateFile))
	if _, err := backend.SealErrored(stray, into, p.job.Recipient); err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

func (p *phase) readInputs(ctx context.Context) error {
	var err error
	if p.work.Tree, p.work.Root, err = inputs.CheckInputs(p.job); err != nil {
		return err
	}
	if p.job.Phase == job.PlanPhase {
		if err = backend.RemoveOverrides(p.work.Root); err != nil {
			return err
		}
	}
	tree, root := p.work.Tree, p.work.Root
	if p.work.Module, err = deadline.Within(ctx, deadline.Reading, "the code", func() (module.Module, error) {
		return module.Read(tree, root, p.job.Engine.Name == "tofu", p.job.LeftOut...)
	}); err != nil {
		return err
	}
	if p.job.Backend != "" && p.job.Phase == job.PlanPhase {
		p.result.Overridden = p.work.Module.Backend
	}
	if other := p.work.OtherBackend(); other != "" {
		p.work.Module.Backend, p.work.Module.Place = other, backend.SettingsPlace(p.secrets.Backend)
	}
	if p.work.Module.Empty {
		// With a generated override the engine would take it for a
		// configuration of nothing, and plan to destroy everything.
		return diagnostics.Refuse(job.CauseBadInput,
			"correct `dir` of the workspace; to destroy what it owns, run a destroy", "the directory %s holds no "+
				"configuration", p.job.Dir)
	}
	p.work.Env, err = inputs.EngineEnv(p.secrets.Env)
	return err
}

// placeState tells who keeps the state. For an apply its plan knew.
func (p *phase) placeState(context.Context) error {
	if p.job.Phase == job.ApplyPhase {
		p.work.Managed = p.ground.Backend.Type == backend.ManagedBackend
		return nil
	}
	return p.work.PlaceState()
}

// checkVariables has names refused that the root module does not declare.
func (p *phase) checkVariables(ctx context.Context) error {
	if p.job.Phase != job.PlanPhase {
		return nil
	}
	root, variables := p.work.Module, p.secrets.Variables
	dir := p.work.Root
	warnings, err := deadline.Within(ctx, deadline.Reading, "the variables", func() ([]job.Diagnostic, error) {
		return root.CheckVariables(p.job, dir, variables)
	})
	p.result.Diagnostics = append(p.result.Diagnostics, warnings...)
	return err
}

func (p *phase) findEngine(ctx context.Context) error {
	spec := p.job.Engine
	env, err := inputs.EngineEnv(p.secrets.Env) // without the engine's own way out
	if err != nil {
		return err
	}
	req := inputs.EngineRequest(spec, p.job.CacheDir, env)
	req.Ask, req.Env = p.work.Ask, inputs.Downloading(p.secrets.Network, env)
	req.Progress = func(line string) { p.log.Say("info", "%s", line) }
	constraints, from, err := module.ChosenVersions(p.work.Tree, p.work.Root, spec.Name)
	if err != nil {
		return err
	}
	req.Constraints, req.From = slices.Concat(req.Constraints, constraints, p.work.Module.Required),
		slices.Concat(req.From,
			from, p.work.Module.From)
	if p.job.EngineVersion != "" {
		req.Constraints = append(req.Constraints, p.job.EngineVersion)
		req.From = append(req.From, "engine_version of the workspace")
	}
	find := engines.Find
	if p.job.Phase == job.ApplyPhase {
		find = engines.Lookup // nothing is fetched for an apply
	}
	e, err := find(ctx, req)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if p.job.Phase == job.ApplyPhase && spec.Made != "" && inputs.EngineCause(err) == job.CauseNoEngine {
			return diagnostics.Refuse(job.CauseStale, "make a new plan", "%w",
				inputs.EngineGone(spec.Name, spec.Made, err))
		}
		return &diagnostics.Failure{Outcome: job.Failed, Cause: inputs.EngineCause(err), Message: err.Error(),
			Next: fault.Next(err), Err: err}
	}
	p.work.Engine.Engine = e
	p.result.EngineName, p.result.EngineVersion = e.Name, e.Version
	p.log.Say("info", "%s %s (%s)", e.Name, e.Version, e.Path)
	return nil
}

// conclude turns what the phase came to into its result, and tells whether
// the engine was killed.
func (p *phase) conclude(err error) (killed bool) {
	p.work.MoreWarnings()
	r := &p.result
	r.FinishedAt, r.PeakMemory = time.Now().UTC(), p.work.Guard.Peak()
	r.Outcome = job.Succeeded
	if err != nil {
		f := diagnostics.FailureOf(p.stop.Ctx, err)
		if p.stop.Forced.Load() && f.Outcome != job.Failed {
			f.Outcome = job.KilledOutcome
		}
		r.Outcome, r.Message, r.Next = f.Outcome, f.Message, f.Next
		if r.Outcome == job.Failed || f.Cause == job.CauseLimit {
			r.Cause, r.Lock = f.Cause, f.Lock
		}
		p.log.Say("error", "%s", r.Message)
	}
	return r.Outcome == job.KilledOutcome
}

// finishLog closes the log and completes the message by what happened beside.
func (p *phase) finishLog() {
	p.keepDebugLog()
	r := &p.result
	if err := p.log.Close(); err != nil {
		p.notes = append(p.notes, err.Error())
		if r.Outcome == job.Failed && r.Cause == job.CauseEngine && diagnostics.DiskTrouble(err) {
			r.Cause = job.CauseDisk
		}
	}
	for _, note := range p.notes {
		if r.Message != "" {
			r.Message += "; "
		}
		r.Message += note
	}
	p.maskResult()
}

// note adds to the message of the result what a person should know of.
func (p *phase) note(text string) {
	p.notes = append(p.notes, text)
	p.log.Say("warn", "%s", text)
}

// maskResult hides what is secret in the result, also what the plan of this phase marks.
func (p *phase) maskResult() {
	r, mask := &p.result, p.mask
	if len(p.hidden) > 0 {
		mask = masker(p.secrets, p.hidden...)
	}
	r.Message, r.Next = mask.Text(r.Message), mask.Text(r.Next)
	if l := r.Lock; l != nil {
		l.ID, l.Who, l.Operation = mask.Text(l.ID), mask.Text(l.Who), mask.Text(l.Operation)
	}
	for i := range r.Diagnostics {
		d := &r.Diagnostics[i]
		for _, text := range []*string{&d.Summary, &d.Detail, &d.Address, &d.File, &d.Snippet, &d.Context} {
			*text = mask.Text(*text)
		}
	}
}

// save writes the result. When it does not fit into the space that was kept
// for it, the diagnostics go: the log has them.
func (p *phase) save() error {
	b, err := json.Marshal(p.result)
	if err == nil && len(b) > job.Reserved {
		p.result.Diagnostics = nil
		b, err = json.Marshal(p.result)
	}
	return errors.Join(err,
		durable.CommitReserved(filepath.Join(p.dir, job.ReserveFile), filepath.Join(p.dir, job.ResultFile),
			append(b, '\n')))
}
