// Package queue claims the runs that are ready, while there are places for runners and the
// machine has what it takes, and carries out what the rules decide by themselves.
package queue

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/order"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/engine/phases"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/engine/watch"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

// Dispatcher claims what is ready, as long as there are places, and has it worked on.
type Dispatcher struct {
	txn     *txn.Writer
	phases  *phases.Worker
	watcher *watch.Watcher
	order   *order.Sequencer
	halts   Halts   // nil: nobody stops a process
	engines Engines // nil: the engine that made a plan is taken to be there
	memory  Memory  // nil: there is always room
	log     *slog.Logger

	// Places for runners of each phase. Drift checks have their own, so that
	// they never keep a commit waiting.
	plans, checks, applies chan struct{}
	running                sync.WaitGroup

	mu      sync.Mutex
	halted  map[string][]run.Stopped // by run; see keepLooking
	Lacking run.Lacking              // see canBegin

	admitted map[string]admitted           // by run; see admit
	crowded  map[decide.Action]run.Lacking // what the next of each step waits for
}

// New returns one with places for as many runners as the settings say.
func New(w *txn.Writer, worker *phases.Worker, watcher *watch.Watcher, o *order.Sequencer, halts Halts,
	engines Engines, memory Memory) *Dispatcher {
	s := w.Settings.Get()
	return &Dispatcher{txn: w, phases: worker, watcher: watcher, order: o, halts: halts, engines: engines,
		memory: memory,
		log:    w.Log, admitted: map[string]admitted{}, crowded: map[decide.Action]run.Lacking{},
		plans: make(chan struct{}, s.Concurrency), checks: make(chan struct{}, max(s.Checks, 1)),
		applies: make(chan struct{}, s.Concurrency)}
}

// Run works until ctx is done. It returns when no goroutine of it is left.
func (disp *Dispatcher) Run(ctx context.Context) {
	disp.running.Go(func() { disp.keepLooking(ctx) })
	disp.running.Go(func() { disp.keepEngines(ctx) })
	disp.running.Go(func() { disp.keepFlowing(ctx) })
	disp.running.Go(func() { disp.keepSettling(ctx) })
	disp.running.Go(func() { disp.dispatch(ctx, PhasePlan, disp.plans) })
	disp.running.Go(func() { disp.dispatch(ctx, phaseCheck, disp.checks) })
	disp.running.Go(func() { disp.dispatch(ctx, phaseApply, disp.applies) })
	<-ctx.Done()
	disp.running.Wait()
}

// phase is what a dispatcher starts.
type phase struct {
	step decide.Action
	work func(p *phases.Worker, ctx context.Context, r run.Run, ended func()) // calls ended once no runner is at work
}

var (
	PhasePlan  = phase{decide.StartPlan, (*phases.Worker).Plan}
	phaseCheck = phase{decide.StartCheck, (*phases.Worker).Plan}
	phaseApply = phase{decide.StartApply, (*phases.Worker).Apply}
)

// dispatch starts whatever is ready for its phase as long as there are places.
func (disp *Dispatcher) dispatch(ctx context.Context, p phase, places chan struct{}) {
	for {
		var seen Checked
		if p.step == decide.StartApply {
			// The next one is looked at while others are at work, so that its place is
			// not idle meanwhile. An error comes again when there is a place.
			_, _, _ = disp.choice(ctx, p, &seen)
		}
		select {
		case <-ctx.Done():
			return
		case places <- struct{}{}:
		}
		r, ok := disp.next(ctx, p, &seen)
		if !ok {
			return
		}
		place := sync.OnceFunc(func() { <-places; disp.txn.Changed.Send() })
		disp.running.Go(func() {
			// The place is free once the runner has ended: the next one need not
			// wait until what came of it is stored.
			disp.phases.Follow(ctx, r, func(ctx context.Context, r run.Run) { p.work(disp.phases, ctx, r, place) })
		})
	}
}

// next waits until a run is ready for the phase, and claims it. It returns
// false when ctx is done.
func (disp *Dispatcher) next(ctx context.Context, p phase, seen *Checked) (r run.Run, ok bool) {
	txn.UntilDone(ctx, &disp.txn.Changed, func() (time.Time, bool) {
		var alarm time.Time
		var err error
		r, alarm, err = disp.Claim(ctx, p, seen)
		return disp.orSoon(ctx, alarm, err), r.ID != ""
	})
	return r, r.ID != "" // what was claimed is started, even if the daemon stops right now
}

// keepSettling carries out what the rules decide by themselves, whether or not
// a place for a runner is free.
func (disp *Dispatcher) keepSettling(ctx context.Context) {
	txn.UntilDone(ctx, &disp.txn.Changed, func() (time.Time, bool) {
		q, err := disp.txn.Queue(ctx)
		if err != nil {
			return disp.orSoon(ctx, time.Time{}, err), false
		}
		ids, alarm := disp.txn.Ready.All(q, disp.txn.Settings.Get(), decide.Allow, decide.Discard, decide.Expire,
			decide.HoldBack)
		for _, id := range ids { // one that cannot be stored keeps no other from it
			err = errors.Join(err, disp.settle(ctx, id))
		}
		return disp.orSoon(ctx, alarm, err), false // what its changes have settle is looked at next
	})
}

// orSoon is the time, or after a failure of the store a second from now.
func (disp *Dispatcher) orSoon(ctx context.Context, at time.Time, err error) time.Time {
	if err == nil {
		return at
	}
	if ctx.Err() == nil {
		disp.log.Error("the queue cannot be read or changed; trying again", "error", err)
	}
	return time.Now().Add(time.Second)
}

// Checked is a run that may be applied, as far as what is not in the store tells,
// and when that was seen.
type Checked struct {
	run string
	at  time.Time
}

// CheckLasts is how long an apply may begin after it was seen that it may.
const CheckLasts = time.Second

func (c Checked) covers(r run.Run) bool { return c.run == r.ID && time.Since(c.at) < CheckLasts }

// Claim claims the run that goes first for the phase. When there is none it
// returns the time at which one may become ready without anything else
// happening; zero for never.
func (disp *Dispatcher) Claim(ctx context.Context, p phase, seen *Checked) (run.Run, time.Time, error) {
	for {
		r, alarm, err := disp.choice(ctx, p, seen)
		if err != nil || r.ID == "" {
			return run.Run{}, alarm, err
		}
		claimed, ok, err := disp.txn.Claim(ctx, disp.pick(r.ID, p.step))
		if ok || err != nil {
			return claimed, time.Time{}, err
		}
		disp.txn.Ready.Doubt(r.ID)
	}
}

// choice is the run that goes first for the phase; an apply is one that was seen to
// be possible just now. No run, and an alarm as that of claim, where there is none.
func (disp *Dispatcher) choice(ctx context.Context, p phase, seen *Checked) (run.Run, time.Time, error) {
	for {
		if err := disp.phases.Intact(); err != nil {
			return run.Run{}, time.Time{}, err
		}
		q, err := disp.txn.Queue(ctx)
		if err != nil {
			return run.Run{}, time.Time{}, err
		}
		next, alarm := disp.txn.Ready.First(q, disp.txn.Settings.Get(), p.step)
		if next == nil {
			return run.Run{}, alarm, nil
		}
		if !disp.CanBegin(p.step) || !disp.admit(q, p.step, *next) {
			return run.Run{}, time.Now().Add(lackingPause), nil
		}
		r := *next
		if p.step != decide.StartApply || seen.covers(r) {
			return r, time.Time{}, nil
		}
		ok, err := disp.mayBegin(ctx, q, r)
		if err != nil {
			return run.Run{}, time.Time{}, err
		}
		if ok {
			*seen = Checked{r.ID, time.Now()}
		}
	}
}

// mayBegin tells whether an apply may begin, as far as the store does not tell. Where
// it may not, the run has been moved on.
func (disp *Dispatcher) mayBegin(ctx context.Context, q run.Queue, r run.Run) (bool, error) {
	_, err := disp.phases.SavedPlan(r)
	if l, ok := fault.LackOf(err); ok && l.Own {
		return false, err // the plan may be as it was
	}
	if t := disp.phases.States.Trouble(*q.Record(r.Workspace), q.Now); t != nil && err == nil {
		err = errors.New(t.String())
	}
	if err != nil {
		return false, disp.DiscardStale(ctx, r, err.Error())
	}
	if gone, err := disp.withoutEngine(ctx, r); gone != nil || err != nil {
		if errors.Is(err, txn.ErrEnded) {
			err = nil
		}
		return false, err
	}
	return disp.confirm(ctx, r)
}

// pick asks about the run once more inside the transaction: only this
// answer counts.
func (disp *Dispatcher) pick(id string, st decide.Action) func(run.Queue) (string, func(*run.Tx) error) {
	return func(q run.Queue) (string, func(*run.Tx) error) {
		s := disp.txn.Settings.Get()
		r, ok := q.Run(id)
		if !ok {
			return "", nil
		}
		if now, _ := decide.About(q, s, r); now != st {
			return "", nil
		}
		def, _ := s.Definition(r.Workspace)
		fingerprint := def.Fingerprint
		if st == decide.StartCheck { // with what was applied
			fingerprint = r.Fingerprint
		}
		return id, outcome.Begin(st, fingerprint)
	}
}

// settle carries out what the rules decide about a run without anybody's doing.
func (disp *Dispatcher) settle(ctx context.Context, id string) error {
	_, _, err := disp.txn.Claim(ctx, func(q run.Queue) (string, func(*run.Tx) error) {
		r, ok := q.Run(id)
		if !ok {
			return "", nil
		}
		s := disp.txn.Settings.Get()
		st, why := decide.About(q, s, r)
		def, _ := s.Definition(r.Workspace)
		switch st {
		case decide.Allow:
			return id, func(d *run.Tx) error { return d.Move(run.ApplyQueued, "", "the rules ask for nothing more") }
		case decide.HoldBack:
			up := slices.DeleteFunc(slices.Clone(r.Upstream),
				func(name string) bool { return decide.NotDone(q, s, name, r.Kind) == "" })
			return id, func(d *run.Tx) error { return outcome.HeldBack(d, up, why.Sentence()) }
		case decide.Expire:
			return id, func(d *run.Tx) error { return outcome.Expired(d, def) }
		case decide.Discard:
			if why.Kind == decide.IsBackAgain {
				return id, func(d *run.Tx) error { return outcome.Stale(d, why.Sentence(), "") }
			}
			if r.Fingerprint != def.Fingerprint && r.Kind != run.Drift {
				return id, func(d *run.Tx) error {
					return outcome.By(disp.txn.Settings).Outdated(d, why.Sentence(),
						def.Fingerprint)
				}
			}
			return id, func(d *run.Tx) error { return outcome.Stale(d, why.Sentence(), def.Fingerprint) }
		}
		return "", nil
	})
	if err == nil {
		disp.txn.Ready.Doubt(id)
	}
	return err
}

func (disp *Dispatcher) DiscardStale(ctx context.Context, r run.Run, why string) error {
	def, _ := disp.txn.Settings.Get().Find(r.Workspace)
	_, err := disp.txn.Change(ctx, r.ID, func(d *run.Tx) error { return outcome.Stale(d, why, def.Fingerprint) })
	return err
}

// Attach follows every runner that an earlier engine started.
func (disp *Dispatcher) Attach(ctx context.Context) error {
	q, err := disp.txn.Queue(ctx)
	if err != nil {
		return err
	}
	for r := range q.In(run.Planning) {
		disp.running.Go(func() {
			disp.phases.Follow(ctx, *r, func(ctx context.Context, r run.Run) {
				disp.phases.FollowPlan(ctx, r,
					func() {})
			})
		})
	}
	for r := range q.In(run.Applying) {
		disp.running.Go(func() {
			disp.phases.Heed(ctx, r.ID, job.ApplyPhase) // a cancel that the earlier engine could not pass on
			disp.phases.Follow(ctx, *r, func(ctx context.Context, r run.Run) {
				disp.phases.FollowApply(ctx, r,
					func() {})
			})
		})
	}
	return nil
}
