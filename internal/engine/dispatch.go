package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/engine/phases"

	"github.com/tfops/tfops/internal/engine/outcome"

	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/txn"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

// phase is what a dispatcher starts.
type phase struct {
	step decide.Action
	work func(p *phases.Worker, ctx context.Context, r run.Run, ended func()) // calls ended once no runner is at work
}

var (
	phasePlan  = phase{decide.StartPlan, (*phases.Worker).Plan}
	phaseCheck = phase{decide.StartCheck, (*phases.Worker).Plan}
	phaseApply = phase{decide.StartApply, (*phases.Worker).Apply}
)

// dispatch starts whatever is ready for its phase as long as there are places.
func (e *Engine) dispatch(ctx context.Context, p phase, places chan struct{}) {
	for {
		var seen checked
		if p.step == decide.StartApply {
			// The next one is looked at while others are at work, so that its place is
			// not idle meanwhile. An error comes again when there is a place.
			_, _, _ = e.choice(ctx, p, &seen)
		}
		select {
		case <-ctx.Done():
			return
		case places <- struct{}{}:
		}
		r, ok := e.next(ctx, p, &seen)
		if !ok {
			return
		}
		place := sync.OnceFunc(func() { <-places; e.txn.Changed.Send() })
		e.running.Go(func() {
			// The place is free once the runner has ended: the next one need not
			// wait until what came of it is stored.
			e.phases.Follow(ctx, r, func(ctx context.Context, r run.Run) { p.work(e.phases, ctx, r, place) })
		})
	}
}

// next waits until a run is ready for the phase, and claims it. It returns
// false when ctx is done.
func (e *Engine) next(ctx context.Context, p phase, seen *checked) (r run.Run, ok bool) {
	txn.UntilDone(ctx, &e.txn.Changed, func() (time.Time, bool) {
		var alarm time.Time
		var err error
		r, alarm, err = e.claim(ctx, p, seen)
		return e.orSoon(ctx, alarm, err), r.ID != ""
	})
	return r, r.ID != "" // what was claimed is started, even if the daemon stops right now
}

// keepSettling carries out what the rules decide by themselves, whether or not
// a place for a runner is free.
func (e *Engine) keepSettling(ctx context.Context) {
	txn.UntilDone(ctx, &e.txn.Changed, func() (time.Time, bool) {
		q, err := e.txn.Queue(ctx)
		if err != nil {
			return e.orSoon(ctx, time.Time{}, err), false
		}
		ids, alarm := e.txn.Ready.All(q, e.txn.Settings.Get(), decide.Allow, decide.Discard, decide.Expire, decide.HoldBack)
		for _, id := range ids { // one that cannot be stored keeps no other from it
			err = errors.Join(err, e.settle(ctx, id))
		}
		return e.orSoon(ctx, alarm, err), false // what its changes have settle is looked at next
	})
}

// orSoon is the time, or after a failure of the store a second from now.
func (e *Engine) orSoon(ctx context.Context, at time.Time, err error) time.Time {
	if err == nil {
		return at
	}
	if ctx.Err() == nil {
		e.Log.Error("the queue cannot be read or changed; trying again", "error", err)
	}
	return time.Now().Add(time.Second)
}

// checked is a run that may be applied, as far as what is not in the store tells,
// and when that was seen.
type checked struct {
	run string
	at  time.Time
}

// checkLasts is how long an apply may begin after it was seen that it may.
const checkLasts = time.Second

func (c checked) covers(r run.Run) bool { return c.run == r.ID && time.Since(c.at) < checkLasts }

// claim claims the run that goes first for the phase. When there is none it
// returns the time at which one may become ready without anything else
// happening; zero for never.
func (e *Engine) claim(ctx context.Context, p phase, seen *checked) (run.Run, time.Time, error) {
	for {
		r, alarm, err := e.choice(ctx, p, seen)
		if err != nil || r.ID == "" {
			return run.Run{}, alarm, err
		}
		claimed, ok, err := e.txn.Claim(ctx, e.pick(r.ID, p.step))
		if ok || err != nil {
			return claimed, time.Time{}, err
		}
		e.txn.Ready.Doubt(r.ID)
	}
}

// choice is the run that goes first for the phase; an apply is one that was seen to
// be possible just now. No run, and an alarm as that of claim, where there is none.
func (e *Engine) choice(ctx context.Context, p phase, seen *checked) (run.Run, time.Time, error) {
	for {
		if err := e.Intact(); err != nil {
			return run.Run{}, time.Time{}, err
		}
		q, err := e.txn.Queue(ctx)
		if err != nil {
			return run.Run{}, time.Time{}, err
		}
		next, alarm := e.txn.Ready.First(q, e.txn.Settings.Get(), p.step)
		if next == nil {
			return run.Run{}, alarm, nil
		}
		if !e.canBegin(p.step) {
			return run.Run{}, time.Now().Add(lackingPause), nil
		}
		r := *next
		if p.step != decide.StartApply || seen.covers(r) {
			return r, time.Time{}, nil
		}
		ok, err := e.mayBegin(ctx, q, r)
		if err != nil {
			return run.Run{}, time.Time{}, err
		}
		if ok {
			*seen = checked{r.ID, time.Now()}
		}
	}
}

// mayBegin tells whether an apply may begin, as far as the store does not tell. Where
// it may not, the run has been moved on.
func (e *Engine) mayBegin(ctx context.Context, q run.Queue, r run.Run) (bool, error) {
	_, err := e.phases.SavedPlan(r)
	if l, ok := fault.LackOf(err); ok && l.Own {
		return false, err // the plan may be as it was
	}
	if t := e.states.Trouble(*q.Record(r.Workspace), q.Now); t != nil && err == nil {
		err = errors.New(t.String())
	}
	if err != nil {
		return false, e.discardStale(ctx, r, err.Error())
	}
	if gone, err := e.withoutEngine(ctx, r); gone != nil || err != nil {
		if errors.Is(err, txn.ErrEnded) {
			err = nil
		}
		return false, err
	}
	return e.confirm(ctx, r)
}

// pick asks for the verdict once more inside the transaction: only this
// answer counts.
func (e *Engine) pick(id string, st decide.Action) func(run.Queue) (string, func(*run.Tx) error) {
	return func(q run.Queue) (string, func(*run.Tx) error) {
		s := e.txn.Settings.Get()
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

// settle carries out what the verdict over a run is without anybody's doing.
func (e *Engine) settle(ctx context.Context, id string) error {
	_, _, err := e.txn.Claim(ctx, func(q run.Queue) (string, func(*run.Tx) error) {
		r, ok := q.Run(id)
		if !ok {
			return "", nil
		}
		s := e.txn.Settings.Get()
		st, why := decide.About(q, s, r)
		def, _ := s.Definition(r.Workspace)
		switch st {
		case decide.Allow:
			return id, func(d *run.Tx) error { return d.Move(run.ApplyQueued, "", "the rules ask for nothing more") }
		case decide.HoldBack:
			up := slices.DeleteFunc(slices.Clone(r.Upstream), func(name string) bool { return decide.NotDone(q, s, name, r.Kind) == "" })
			return id, func(d *run.Tx) error { return outcome.HeldBack(d, up, why.For) }
		case decide.Expire:
			return id, func(d *run.Tx) error { return outcome.Expired(d, def) }
		case decide.Discard:
			if why.Kind == decide.IsBackAgain {
				return id, func(d *run.Tx) error { return outcome.Stale(d, why.For, "") }
			}
			if r.Fingerprint != def.Fingerprint && r.Kind != run.Drift {
				return id, func(d *run.Tx) error { return e.phases.Rules().Outdated(d, why.For, def.Fingerprint) }
			}
			return id, func(d *run.Tx) error { return outcome.Stale(d, why.For, def.Fingerprint) }
		}
		return "", nil
	})
	if err == nil {
		e.txn.Ready.Doubt(id)
	}
	return err
}

func (e *Engine) discardStale(ctx context.Context, r run.Run, why string) error {
	def, _ := e.txn.Settings.Get().Find(r.Workspace)
	_, err := e.txn.Change(ctx, r.ID, func(d *run.Tx) error { return outcome.Stale(d, why, def.Fingerprint) })
	return err
}

// attach follows every runner that an earlier engine started.
func (e *Engine) attach(ctx context.Context) error {
	if err := errors.Join(e.sweep(ctx), e.sweepReports(ctx)); err != nil {
		return err
	}
	q, err := e.txn.Queue(ctx)
	if err != nil {
		return err
	}
	for r := range q.In(run.Planning) {
		e.running.Go(func() {
			e.phases.Follow(ctx, *r, func(ctx context.Context, r run.Run) { e.phases.FollowPlan(ctx, r, func() {}) })
		})
	}
	for r := range q.In(run.Applying) {
		e.running.Go(func() {
			e.phases.Heed(ctx, r.ID, job.ApplyPhase) // a cancel that the earlier engine could not pass on
			e.phases.Follow(ctx, *r, func(ctx context.Context, r run.Run) { e.phases.FollowApply(ctx, r, func() {}) })
		})
	}
	return nil
}
