package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/txn"

	"github.com/tfops/tfops/internal/engine/settings"

	"github.com/zclconf/go-cty/cty"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// job describes a phase of a run to its runner. tree holds the commit's files.
func (e *Engine) job(r run.Run, def fleet.Definition, p job.Phase, tree checkout.Checkout) job.Job {
	s := e.txn.Settings.Get()
	spec, ok := s.Engines[def.Engine]
	if !ok {
		spec = job.EngineSpec{Name: def.Engine}
	}
	f, w := e.txn.Files.Run(r.ID), e.txn.Files.Workspace(def.Name)
	j := job.Job{FormatVersion: job.FormatVersion, Run: r.ID, Workspace: def.Name, Phase: p,
		Commit: content(s.Repositories[def.Repository], r, tree), Checkout: tree.Dir, Tree: w.Tree(), Ground: f.Ground(),
		Dir: def.Dir, VarFiles: def.VarFiles, BackendFiles: def.BackendConfigFiles, ModuleAge: s.Repositories[def.Repository].Pace.Interval(),
		Engine: spec, EngineVersion: def.EngineVersion, Parallelism: def.Parallelism,
		TerraformWorkspace: def.TerraformWorkspace, Backend: def.Backend, WorkspaceDir: w.Dir(), CacheDir: e.txn.Files.Cache(),
		PlanFile: f.Path(artifacts.Plan), PlanJSON: f.Path(artifacts.Shown), Recipient: e.Vault.Recipient(),
		Destroy: r.Kind == run.Destroy, RefreshOnly: r.Kind == run.Refresh, Upgrade: r.Upgrade, Outputs: s.Used(def.Name) && r.Kind != run.Plan, LockState: r.Kind.Applies(), LockTimeout: def.LockTimeout,
		Timeout: def.PlanTimeout, Grace: s.PlanGrace,
		Debug: r.Debug, StrictVariables: r.Kind == run.Sync || r.Kind == run.Plan, SharedVariables: def.SharedVariables, InputVariables: slices.Sorted(maps.Keys(def.Inputs)),
	}
	if p == job.ApplyPhase {
		j.PlanDigest, j.Timeout, j.Grace = r.Plan.Digest, def.ApplyTimeout, s.ApplyGrace
		j.Engine.Made = madeBy(r)
	}
	return j
}

// secrets gathers what a runner is told in memory only.
func (e *Engine) secrets(r run.Run, def fleet.Definition) (job.Secrets, error) {
	env, mask := environment(e.txn.Settings.Get(), e.Environ, def.Workspace)
	var hidden []string
	for _, file := range []string{e.txn.Files.Run(r.ID).Path(artifacts.Hidden), e.txn.Files.Workspace(def.Name).Path(artifacts.Hidden)} {
		hidden = append(hidden, e.hidden(file)...)
	}
	w := def.Workspace
	if len(w.Inputs) > 0 {
		m, err := e.inputsOf(e.txn.Files.Run(r.ID))
		if err != nil {
			return job.Secrets{}, err
		}
		values := m.values()
		maps.Copy(values, w.Variables)
		w.Variables = values
	}
	network, passwords := e.network()
	modules, tokens := modulesOf(e.txn.Settings.Get(), def)
	scope, err := e.moduleScope(def)
	if err != nil {
		return job.Secrets{}, err
	}
	modules.Scope = scope
	mask = slices.Concat(mask, passwords, backendMasks(w), tokens)
	return job.Secrets{Env: env, Network: network, Variables: variables(w.Variables), Backend: variables(w.BackendConfig), Hashed: hashedNames(w), Mask: masks(w, mask, hidden), Modules: modules}, nil
}

// hashedNames are the settings of the backend and the variables of the environment that are
// secret: see runner.Secrets.
func hashedNames(w workspace.Workspace) (names []string) {
	for name, v := range w.BackendConfig {
		if workspace.IsSecret(v) {
			names = append(names, name)
		}
	}
	for name, v := range w.Env {
		if v.Secret {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// hidden reads what an earlier plan is known to hide. Without it the engine's
// output is masked by what the configuration says alone, which must not keep
// a workspace from being planned.
func (e *Engine) hidden(path string) []string {
	b, err := e.Vault.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var hidden []string
	if err == nil {
		err = json.Unmarshal(b, &hidden)
	}
	if err != nil {
		e.Log.Warn("what earlier plans hid is not known; the next plan makes it anew", "file", path, "error", err)
	}
	return hidden
}

// variables writes values as a file of variables, or of a backend's settings.
func variables(vars map[string]cty.Value) string {
	f := hclwrite.NewEmptyFile()
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		plain, _ := vars[name].UnmarkDeep()
		f.Body().SetAttributeValue(name, plain)
	}
	return string(f.Bytes())
}

// plan exports the commit and plans it in a runner.
func (e *Engine) plan(ctx context.Context, r run.Run, ended func()) {
	defer ended()
	err := e.guarded(func() error { return e.startPlan(ctx, r) })
	var unknown *unknownStart
	switch {
	case errors.Is(err, errHeld), errors.Is(err, txn.ErrEnded):
		return
	case ctx.Err() != nil && err != nil:
		return // the daemon stops; the next one finds a plan without a runner and makes it again
	case errors.Is(err, errReconfigured):
		e.planAgain(ctx, r, err.Error(), 0)
		return
	case errors.As(err, &unknown):
		e.planAgain(ctx, r, "it is not known whether its runner was started: "+err.Error(), 1)
		return
	case err != nil && e.postpone(ctx, r, err):
		return
	case err != nil:
		err = fault.OfMachine(err)
		e.failPlan(ctx, r, job.Result{Outcome: job.Failed, Cause: causeOf(err), Message: err.Error(), Next: fault.Next(err)})
		return
	}
	e.heed(ctx, r.ID, job.PlanPhase)
	e.followPlan(ctx, r, ended)
}

// heed passes on to a runner what a person decided while it was being started
// and there was nothing to interrupt yet.
func (e *Engine) heed(ctx context.Context, id string, p job.Phase) {
	d, _, err := e.txn.Load(ctx, id)
	if err == nil && (d.Run.Status.Terminal() || d.Run.Canceling != "") {
		err = e.Runner.Interrupt(e.txn.Files.Run(id).Phase(p), false)
	}
	if err != nil && ctx.Err() == nil && !fault.Is(err, fault.NotFound) {
		e.Log.Warn("a runner cannot be told to stop", "run", id, "error", err)
	}
}

// errReconfigured says that the configuration changed between a claim and the
// start of its runner, which must work with what was claimed.
var errReconfigured = errors.New("the workspace's inputs changed in the configuration just now")

func (e *Engine) startPlan(ctx context.Context, r run.Run) error {
	s := e.txn.Settings.Get()
	def, err := s.Workspace(r.Workspace)
	if err != nil {
		return err
	}
	if r.Kind == run.Drift {
		if def, err = e.asApplied(def, r.Fingerprint); err != nil {
			return err
		}
	}
	if def.Fingerprint != r.Fingerprint {
		return errReconfigured
	}
	if err := e.checkState(ctx, r); err != nil {
		return err
	}
	f := e.txn.Files.Run(r.ID)
	if err := errors.Join(f.Begin(), e.txn.Files.Workspace(def.Name).Make(), os.MkdirAll(e.txn.Files.Cache(), 0o700)); err != nil {
		return err
	}
	tree, err := e.tree(ctx, r, def)
	if err != nil {
		return err
	}
	if err := e.noteMissing(ctx, r, def, s.Repositories[def.Repository], tree.Exported); err != nil {
		return err
	}
	if err := e.noteTag(ctx, r, def); err != nil {
		return err
	}
	if r.Codify != "" {
		if err := e.applyPatch(ctx, r, def, tree); err != nil {
			return err
		}
	}
	if err := e.useInputs(ctx, r, def); err != nil {
		return err
	}
	if err := e.keepSnapshot(r, def); err != nil {
		return err
	}
	if err := e.keepRun(r, nil); err != nil {
		return err
	}
	secrets, err := e.secrets(r, def)
	if err != nil {
		return err
	}
	j := e.job(r, def, job.PlanPhase, tree)
	for _, l := range tree.Exported.LeftOut() {
		j.LeftOut = append(j.LeftOut, job.LeftOut(l))
	}
	if r.Kind == run.Move {
		if err := e.prepareMove(ctx, r, def, &j, &secrets); err != nil {
			return err
		}
	}
	err = e.guarded(func() error { return e.Runner.Start(ctx, f.Phase(job.PlanPhase), j, secrets) })
	if err != nil && !notStarted(err) {
		return &unknownStart{err}
	}
	return err
}

// unknownStart says that a runner may have been started.
type unknownStart struct{ error }

func (e *unknownStart) Unwrap() error { return e.error }

// content names what the files of a checkout hold: a commit does, as far as all of it is in Git.
func content(repo settings.Repository, r run.Run, tree checkout.Checkout) string {
	if tree.Exported.Partial {
		return repo.Named(r.Commit.SHA) + " in part"
	}
	return repo.Named(r.Commit.SHA)
}

// tree is the checkout of a run's commit, as it was written or made anew.
func (e *Engine) tree(ctx context.Context, r run.Run, def fleet.Definition) (checkout.Checkout, error) {
	repo, ok := e.txn.Settings.Get().Repositories[def.Repository]
	if !ok {
		return checkout.Checkout{}, fault.New(fault.NotFound, "tfops validate", "there is no repository %q", def.Repository)
	}
	if err := e.need(ctx, repo, r.Commit.SHA); err != nil {
		return checkout.Checkout{}, err
	}
	return e.checkouts.Ensure(ctx, repo.Named(repo.Name), repo, r.Commit.SHA)
}

// useInputs makes the run's inputs, and records of what.
func (e *Engine) useInputs(ctx context.Context, r run.Run, def fleet.Definition) error {
	used, err := e.resolveInputs(r, def)
	if err != nil || used == nil {
		return err
	}
	_, err = e.txn.Change(ctx, r.ID, func(d *run.Tx) error {
		d.Run.Inputs = used
		if d.Run.Kind == run.Sync {
			d.Record.Inputs = map[string]string{}
			for ref, u := range used {
				d.Record.Inputs[ref] = u.Digest
			}
		}
		return nil
	})
	return err
}

// followPlan waits for a planning runner, started by this engine or by an
// earlier one, and stores what came of it.
func (e *Engine) followPlan(ctx context.Context, r run.Run, ended func()) {
	dir := e.txn.Files.Run(r.ID).Phase(job.PlanPhase)
	res, err := e.Runner.Wait(ctx, dir)
	if ctx.Err() != nil {
		e.stopPlan(r, dir)
		return
	}
	ended()
	if v, gone := vanished(err); gone && v.Absent {
		e.planAgain(ctx, r, "tfops serve ended before it started a runner", 0)
		return
	} else if gone || err == nil && res.Outcome == job.KilledOutcome {
		e.planAgain(ctx, r, "its runner ended without a result", 1)
		return
	}
	if err == nil && res.NotBegun {
		e.postpone(ctx, r, notBegunBy(res))
		return
	}
	if err == nil && res.Outcome == job.InterruptedOutcome {
		e.planAgain(ctx, r, "tfops serve stopped", 0)
		return
	}
	if err == nil && !res.StartedAt.IsZero() && res.StartedAt.Before(r.StartedAt) {
		// The run was claimed once more, and the daemon died before it could
		// remove what the plan before had left.
		e.planAgain(ctx, r, "tfops serve ended before it started a runner", 1) // counted: a clock that jumps must not make it go on for ever
		return
	}
	if err != nil {
		res = job.Result{Outcome: job.Failed, Cause: causeOf(err), Message: err.Error(), Next: fault.Next(err)}
	}
	if r.Kind == run.Move {
		e.storeMove(ctx, r, res)
		return
	}
	if res.Outcome != job.Succeeded {
		e.failPlan(ctx, r, res)
		return
	}
	e.storePlan(ctx, r, res)
}

// stopPlan ends a planning runner because the daemon stops; the run is planned
// again by the next one. What does not end in time is found by the next one
// as well, still running or with its result.
func (e *Engine) stopPlan(r run.Run, dir string) {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if err := e.Runner.Interrupt(dir, false); err != nil && !fault.Is(err, fault.NotFound) {
		e.Log.Warn("a plan cannot be stopped and goes on", "run", r.ID, "error", err)
		return
	}
	if _, err := e.Runner.Wait(ctx, dir); ctx.Err() != nil {
		e.Log.Warn("a plan did not stop in time and goes on", "run", r.ID, "error", err)
		return
	}
	e.planAgain(ctx, r, "tfops serve stopped", 0)
}

// maxRestarts bounds how often a plan is begun again because its runner vanished.
const maxRestarts = 3

// planAgain puts a run whose plan came to nothing back into the queue. lost
// is how many runners vanished over it, which must not go on for ever.
func (e *Engine) planAgain(ctx context.Context, r run.Run, why string, lost int) {
	e.txn.Insist(ctx, r.ID, func(d *run.Tx) error {
		if d.Run.Status != run.Planning {
			return txn.ErrEnded
		}
		if d.Run.Restarts += lost; d.Run.Restarts > maxRestarts {
			d.Run.Failure = &run.Failure{Message: "planning was begun four times and its runner vanished each time",
				Next: "look at the machine's memory and at the run's runner.log, then: " + decide.RetryCommand(d.Run)}
			if err := e.notChecked(d, "the check failed: "+d.Run.Failure.Message); err != nil {
				return err
			}
			return d.Move(run.Errored, "", d.Run.Failure.Message)
		}
		return d.Move(run.Pending, "", why)
	})
}

// retries are the waits before a failed plan is tried again.
var retries = []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute}

func (e *Engine) failPlan(ctx context.Context, r run.Run, res job.Result) {
	e.txn.Insist(ctx, r.ID, func(d *run.Tx) error {
		if d.Run.Status != run.Planning {
			return txn.ErrEnded
		}
		warn(&d.Run, res)
		d.Run.Failure = failure(d.Run, res)
		noteLock(d, res)
		if err := d.Move(run.Errored, "", d.Run.Failure.Message); err != nil {
			return err
		}
		if !res.Cause.Transient() || d.Run.Kind == run.Plan || d.Run.Kind == run.Move || d.Run.Attempt > len(retries) {
			return e.notChecked(d, "the check failed: "+d.Run.Failure.Message)
		}
		next := d.Follow(d.Run.Kind, run.ByRetry, d.Run.Trigger.Actor)
		next.NotBefore, next.Delayed = d.Now.Add(retries[d.Run.Attempt-1]), d.Run.Failure.Message
		next.Fingerprint = d.Run.Fingerprint
		if d.Run.Kind == run.Drift { // nobody is told before the last try
			d.Record.Drift.Status, d.Record.Drift.Why = workspace.DriftUnknown, "the check failed and is made again: "+d.Run.Failure.Message
		}
		return nil
	})
}

// storePlan decides, in one transition, what a plan leads to.
func (e *Engine) storePlan(ctx context.Context, r run.Run, res job.Result) {
	outputs, remember := e.takeOutputs(r, job.PlanPhase)
	keep := &keeper{e: e, run: r, outputs: outputs, applied: r.Kind.Applies() && r.Kind != run.Refresh && !res.Plan.HasChanges()}
	met := e.met(r, res)
	var seen observation
	if def, known := e.txn.Settings.Get().Lived(r.Workspace); known && r.Kind == run.Drift {
		var err error
		if seen, err = e.sight(ctx, r, def, res.Plan); err != nil {
			if ctx.Err() != nil {
				return // the runner's result is still there: the next daemon finds it
			}
			e.failPlan(ctx, r, job.Result{Outcome: job.Failed, Cause: causeOf(err), Message: "what the check found cannot be told apart: " + err.Error(), Next: fault.Next(err)})
			return
		}
	}
	e.decideKeeping(ctx, keep, func(d *run.Tx) error {
		if d.Run.Status != run.Planning {
			return txn.ErrEnded
		}
		s := e.txn.Settings.Get()
		def, known := s.Lived(d.Run.Workspace)
		if !known {
			return e.outdated(d, decide.Unconfigured, "")
		}
		if d.Run.Kind == run.Drift && seen.plan == nil { // what it saw was not looked at
			return e.outdated(d, "the workspace was not in the configuration when the check ended", def.Fingerprint)
		}
		if !d.Record.ApplyStartedAt.Equal(d.Run.AppliesSeen) && d.Run.Restarts < maxRestarts {
			d.Run.Restarts++
			return d.Move(run.Pending, "", "an apply began meanwhile, so the plan is made again")
		}
		if d.Run.Kind == run.Drift && !d.Record.ApplyStartedAt.Equal(d.Run.AppliesSeen) {
			// Half an apply would look like drift.
			d.Run.Failure = &run.Failure{Message: "the check was made four times, and each time an apply of the workspace began meanwhile", Next: decide.RetryCommand(d.Run)}
			if err := e.notChecked(d, d.Run.Failure.Message); err != nil {
				return err
			}
			return d.Move(run.Errored, "", d.Run.Failure.Message)
		}
		moved := standsOn(d.Record, def.Place(), e.leftBehind(), met)
		if k := d.Run.Kind; moved == nil && (k == run.Sync || k.OfApplied()) {
			learned(d, met)
		}
		d.Run.State = met.Identity
		// A plan may be of another branch, with another backend; a check and a refresh are
		// of what was applied, and not of what is wanted.
		if k := d.Run.Kind; k == run.Sync || k == run.Destroy || k != run.Plan && d.Record.State == "" {
			d.Record.State, d.Record.StatePlace = met.Identity, met.Place
		}
		d.Run.Plan, d.Run.PlannedAt = summary(d.Run.Kind, res), d.Now
		noteLock(d, res)
		warn(&d.Run, res)
		d.Run.Warn(changedByHand(d.Record, met))
		if s := d.Record.AppliedState; s != nil && d.Run.Kind.Applies() && res.Plan.HasChanges() {
			d.Run.HoldBack(s.Behind)
		}
		why := startsEmpty(d, res, met)
		d.Run.HoldBack(why)
		d.Run.ImportFirst = why != ""
		if done, err := e.otherState(d, moved); done || err != nil {
			return err
		}
		remember(d)
		switch d.Run.Kind {
		case run.Drift:
			return e.driftFound(d, def, seen)
		case run.Plan:
			return d.Move(run.PlannedAndFinished, "", res.Plan.Counts.String())
		}
		return e.toApproval(d, def, s, res.Plan, met, keep)
	})
}

// toApproval decides what a plan that may be applied waits for.
func (e *Engine) toApproval(d *run.Tx, def fleet.Definition, s *settings.Settings, p *plan.Plan, met stateMet, keep *keeper) error {
	if p.Errored {
		d.Run.Failure = &run.Failure{Message: "the engine could not plan everything", Next: "tfops logs " + d.Run.ID}
		return d.Move(run.Errored, "", d.Run.Failure.Message)
	}
	if d.Run.Kind == run.Refresh {
		if done, err := acceptance(d, p); done {
			return err
		}
	} else if !p.HasChanges() && !leavesBehind(d, p) {
		if err := e.inSync(d, p, false); err != nil {
			return err
		}
		foundIn(d, def, met)
		keep.nameApplied(&d.Record)
		return d.Move(run.PlannedAndFinished, "", "no changes")
	}
	if why, err := overreach(d, p); err != nil || why != "" {
		if err != nil {
			return err
		}
		return d.Move(run.PlannedAndFinished, "", why)
	}
	if def.Apply == workspace.Never {
		return d.Move(run.PlannedAndFinished, "", `not applied: the workspace has apply = "never"`)
	}
	c := decide.CaseOf(&def, s.People, &d.Run, d.Votes)
	d.Run.ExpiresAt = approvals.Expiry(c, d.Now)
	if decision := approvals.Decide(c); !decision.Approved {
		return d.Move(run.AwaitingApproval, "", decision.Missing())
	}
	return d.Move(run.ApplyQueued, "", "no rule asks for an approval")
}
