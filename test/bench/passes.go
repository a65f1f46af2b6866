package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// passes measures a first pass, the applies, and a second pass over many
// workspaces, beside the same by hand.
func passes(ctx context.Context, b *bench) error {
	b.say("passes: %d rounds over %d workspaces", b.rounds, b.n)
	var first, apply, second pairs
	var starts []time.Duration
	var rss []int64
	for i := range b.rounds {
		r, err := b.round(ctx, b.n, setting{}, i%2 == 0)
		if err != nil {
			return err
		}
		first, apply, second = append(first, r.first), append(apply, r.apply), append(second, r.second)
		starts = append(starts, r.toPlanning...)
		rss = append(rss, r.rss)
		b.say("round %d: first pass %s, apply %s, second pass %s", i+1, r.first, r.apply, r.second)
	}
	what := fmt.Sprintf("%d workspaces: ", b.n)
	b.compare(what+"first pass", first, 1.1)
	b.compare(what+"second pass, init reused", second, 0.75)
	b.compare(what+"applying the approved plans", apply, 1.15)
	b.add(row{what: "from the branch moving to the first run's `planning`", value: durations(starts),
		target: "< 300 ms", verdict: verdict(median(starts) < 300*time.Millisecond)})
	b.add(row{what: "peak memory of the daemon meanwhile", value: megabytes(median(rss)), target: none})
	return nil
}

// round is what one round measured.
type round struct {
	first, apply, second pair
	anew                 pair // the second pass, beside a loop in a fresh clone
	toPlanning           []time.Duration
	rss, rest            int64 // of the daemon: at its peak, and after everything
}

// round measures one fleet from nothing. tfops goes first when asked to.
func (b *bench) round(ctx context.Context, n int, s setting, tfopsFirst bool) (r round, err error) {
	s.poll, s.apply = time.Hour, "manual"
	f, err := b.newFleet(ctx, n, s)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.discard(f)) }()

	var now planned
	pass := func(text string) (pair, error) {
		sha, err := f.commit(text)
		if err != nil {
			return pair{}, err
		}
		return inTurn(tfopsFirst, func() (cost, error) {
			now, err = f.plan(ctx, sha)
			r.toPlanning = append(r.toPlanning, now.toPlanning)
			return now.cost, err
		}, func() (cost, error) { return f.hand.plan(ctx) })
	}
	if r.first, err = pass("first"); err != nil {
		return r, err
	}
	r.apply, err = inTurn(tfopsFirst, func() (cost, error) { return f.apply(ctx, now.runs) },
		func() (cost, error) { return f.hand.apply(ctx) })
	if err != nil {
		return r, err
	}
	if r.second, err = pass("second"); err != nil {
		return r, err
	}
	if s.fresh {
		r.anew.tfops = r.second.tfops
		if err := f.hand.forget(); err != nil {
			return r, err
		}
		syscall.Sync()
		if r.anew.hand, err = f.hand.plan(ctx); err != nil {
			return r, err
		}
	}
	if r.rss, err = memory(f.pid(), "VmHWM"); err != nil {
		return r, err
	}
	r.rest, err = memory(f.pid(), "VmRSS")
	return r, err
}

// inTurn measures both sides, one after the other. What one wrote is on the
// disk before the other begins, so that neither pays for it.
func inTurn(tfopsFirst bool, tfops, hand func() (cost, error)) (pair, error) {
	var p pair
	var err error
	sides := []func() error{
		func() error { p.tfops, err = tfops(); return err },
		func() error { p.hand, err = hand(); return err },
	}
	if !tfopsFirst {
		sides[0], sides[1] = sides[1], sides[0]
	}
	for _, side := range sides {
		syscall.Sync()
		if err := side(); err != nil {
			return p, err
		}
	}
	return p, nil
}

// largeFleet measures one round over many workspaces: what the daemon adds to each must not
// grow with their number.
func largeFleet(ctx context.Context, b *bench) error {
	b.say("large: one round over %d workspaces", b.large)
	r, err := b.round(ctx, b.large, setting{}, true)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d workspaces: ", b.large)
	b.compare(what+"first pass", pairs{r.first}, 0)
	b.compare(what+"second pass, init reused", pairs{r.second}, 0)
	b.compare(what+"applying the approved plans", pairs{r.apply}, 0)
	b.add(row{what: what + "peak memory of the daemon", value: megabytes(r.rss), target: none})
	b.add(row{what: what + "memory of the daemon at rest, after it", value: megabytes(r.rest), target: none})
	return nil
}

// oneWorkspace measures a single workspace from trigger to finish.
func oneWorkspace(ctx context.Context, b *bench) (err error) {
	rounds := 3 * b.rounds
	b.say("one workspace: %d rounds", rounds)
	f, err := b.newFleet(ctx, 1, setting{poll: time.Hour, apply: "manual"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.discard(f)) }()
	var plan, apply pairs
	for i := range rounds {
		sha, err := f.commit(fmt.Sprintf("commit %d", i))
		if err != nil {
			return err
		}
		var now planned
		p, err := inTurn(i%2 == 0, func() (cost, error) { now, err = f.plan(ctx, sha); return now.cost, err },
			func() (cost, error) { return f.hand.plan(ctx) })
		if err != nil {
			return err
		}
		a, err := inTurn(i%2 == 0, func() (cost, error) { return f.apply(ctx, now.runs) },
			func() (cost, error) { return f.hand.apply(ctx) })
		if err != nil {
			return err
		}
		plan, apply = append(plan, p), append(apply, a)
	}
	b.compare("1 workspace: from the branch moving to the plan", plan, 0)
	b.compare("1 workspace: from the approval to applied", apply, 0)
	return nil
}
