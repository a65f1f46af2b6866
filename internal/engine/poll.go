package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/engine/settings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// keepWatching polls every repository of the present settings, and starts
// over when they change.
func (e *Engine) keepWatching(ctx context.Context) {
	for ctx.Err() == nil {
		round, cancel := context.WithCancel(ctx)
		e.forgetRepositories()
		var pollers []<-chan struct{}
		for name := range e.txn.Settings.Get().Repositories {
			done := make(chan struct{})
			pollers = append(pollers, done)
			e.running.Go(func() { defer close(done); e.watch(round, name) })
		}
		select {
		case <-ctx.Done():
		case <-e.configured:
		}
		cancel()
		for _, done := range pollers {
			<-done
		}
	}
}

// forgetRepositories drops the status of repositories that are configured no more.
func (e *Engine) forgetRepositories() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name := range e.repos {
		if _, ok := e.txn.Settings.Get().Repositories[name]; !ok {
			delete(e.repos, name)
		}
	}
}

// watch polls one repository until ctx is done.
func (e *Engine) watch(ctx context.Context, name string) {
	for {
		repo := e.txn.Settings.Get().Repositories[name]
		poked := e.poked(name)
		err := fault.OfMachine(e.poll(ctx, name))
		if ctx.Err() != nil {
			return
		}
		failures := e.notePoll(name, err)
		if err != nil && failures == 1 {
			e.Log.Warn("a repository cannot be read", "repository", name, "error", err, "next", fault.Next(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-poked:
		case <-time.After(repo.Pace.Next(failures, rand.Float64())):
		}
	}
}

// poked returns the channel on which somebody asks for a poll of the repository.
func (e *Engine) poked(name string) chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.poke[name] == nil {
		e.poke[name] = make(chan struct{}, 1)
	}
	return e.poke[name]
}

func (e *Engine) notePoll(name string, err error) (failures int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := e.repos[name]
	if st == nil {
		st = &repositoryStatus{}
		e.repos[name] = st
	}
	st.err = err
	if err != nil {
		st.failures++
		return st.failures
	}
	st.failures, st.polledAt = 0, time.Now()
	return 0
}

// poll looks at one repository and enqueues what its branches ask for. What
// was looked at is stored with the runs, in one transaction: a crash in
// between makes the next poll look again, and nothing is lost or doubled.
func (e *Engine) poll(ctx context.Context, name string) error {
	s := e.txn.Settings.Get()
	repo, ok := s.Repositories[name]
	if !ok {
		return nil
	}
	// Two looks at once, the watcher's and that of somebody who asked, would
	// enqueue the same commit twice.
	turn := e.turn(name)
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	heads, err := e.sources.Heads(ctx, repo)
	if err != nil {
		return err
	}
	records, err := e.txn.Records(ctx)
	if err != nil {
		return err
	}
	failed := e.survey(ctx, name, repo, heads, records)
	if len(s.Config.Generators) > 0 {
		e.rebuild(records)
	}
	led, err := e.targets(ctx, repo, heads)
	if err != nil {
		return err
	}
	failed = append(failed, e.readHeads(ctx, repo, led.refs)...)
	e.rebuild(records)
	if len(e.txn.Settings.Get().Renaming) > 0 {
		if err := e.rename(ctx); err != nil {
			return err
		}
		if records, err = e.txn.Records(ctx); err != nil {
			return err
		}
	}
	s = e.txn.Settings.Get()
	batch := run.Batch{Heads: map[string]string{}}
	if err := e.mark(ctx, name, records, &batch); err != nil {
		failed = append(failed, err)
	}
	byBranch := map[string][]fleet.Definition{}
	for _, d := range s.Workspaces {
		if _, waits := s.Renaming[d.Name]; waits {
			continue
		}
		if d.Repository == name && !errors.Is(e.problem(d.Name), errOrphaned) && !errors.Is(e.problem(d.Name), errStays) {
			byBranch[d.Follow()] = append(byBranch[d.Follow()], d)
		}
	}
	for _, branch := range slices.Sorted(maps.Keys(byBranch)) {
		head, ok := led.refs[branch]
		if !ok {
			none := led.none[branch]
			if none == nil {
				none = missingBranch(name, branch, heads)
			}
			e.setProblem(byBranch[branch], none)
			e.checked(byBranch[branch], false) // it may come back where it was
			continue
		}
		look := branchPoll{e: e, repo: repo, records: records, batch: run.Batch{Heads: map[string]string{}}}
		if err := look.branch(ctx, byBranch[branch], head); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", byBranch[branch][0].Follows(led.tags[branch].Name), err)) // the others go on
			continue
		}
		if tag, ok := led.tags[branch]; ok {
			look.tagged(byBranch[branch], tag)
			batch.Tags = merged(batch.Tags, look.batch.Tags)
		}
		maps.Copy(batch.Heads, look.batch.Heads)
		batch.Runs = append(batch.Runs, look.batch.Runs...)
	}
	if batch.Dropped, err = e.dropped(ctx, s, name); err != nil {
		failed = append(failed, err)
	}
	if err := e.arrange(ctx, s, &batch); err != nil {
		failed = append(failed, err) // an order that is not known must not be passed over
		return errors.Join(failed...)
	}
	failed = append(failed, e.enqueue(ctx, batch))
	return errors.Join(append(failed, e.flowOnAll(ctx))...)
}

// turn is the one place for a look at the repository. A channel, so that
// waiting for it can be given up.
func (e *Engine) turn(name string) chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.polling[name] == nil {
		e.polling[name] = make(chan struct{}, 1)
	}
	return e.polling[name]
}

// enqueue stores a batch.
func (e *Engine) enqueue(ctx context.Context, b run.Batch) error {
	_, err := e.txn.Enqueue(ctx, b)
	return err
}

func missingBranch(repository, branch string, heads map[string]string) error {
	names := slices.Sorted(maps.Keys(heads))
	if len(names) == 0 {
		return fault.New(fault.NotFound, "push branch "+branch, "branch %s is not in repository %s, which has no branches yet", branch, repository)
	}
	if near := workspace.Nearest(branch, names); near != "" {
		return fault.New(fault.NotFound, "push it, or change tfops.hcl: is "+near+" meant?", "branch %s is not in repository %s", branch, repository)
	}
	more := ""
	if len(names) > 8 {
		names, more = names[:8], ", …"
	}
	return fault.New(fault.NotFound, "push it, or change tfops.hcl: there are "+strings.Join(names, ", ")+more, "branch %s is not in repository %s", branch, repository)
}

// dropped finds what was planned for workspaces that turned out not to be in
// their branch any more: nobody may approve that.
func (e *Engine) dropped(ctx context.Context, s *settings.Settings, repository string) (map[string]string, error) {
	gone := map[string]string{}
	for _, d := range s.Workspaces {
		if problem := e.problem(d.Name); problem != nil && d.Repository == repository {
			gone[d.Name] = problem.Error()
		}
	}
	if len(gone) == 0 {
		return nil, nil
	}
	q, err := e.txn.Queue(ctx)
	if err != nil {
		return nil, err
	}
	planned := map[string]string{}
	for name, why := range gone {
		for r := range q.Of(name) {
			if r.Kind == run.Sync && r.Status.Unapplied() {
				planned[name] = why
			}
		}
	}
	return planned, nil
}

// setProblem notes why workspaces cannot be planned; nil when they can.
func (e *Engine) setProblem(defs []fleet.Definition, problem error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range defs {
		if problem == nil {
			delete(e.problems, d.Name)
		} else {
			e.problems[d.Name] = problem
		}
	}
}

// unchecked reports whether nobody looked yet, under the present settings,
// whether the workspace's directory and inputs are there.
func (e *Engine) unchecked(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.seen[name]
}

// checked notes whether somebody looked.
func (e *Engine) checked(defs []fleet.Definition, looked bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range defs {
		e.seen[d.Name] = looked
	}
}

// branchPoll is one look at one repository.
type branchPoll struct {
	e       *Engine
	repo    settings.Repository
	records map[string]workspace.Record
	batch   run.Batch
	defs    []fleet.Definition // all of the branch that is looked at
	missing []trees.MissingSubmodule
}

// branch compares one branch with what is remembered of its workspaces.
func (g *branchPoll) branch(ctx context.Context, defs []fleet.Definition, head string) error {
	g.defs = defs
	// Also when nothing moved: a damaged mirror is mended before somebody needs it.
	if err := g.e.sources.Need(ctx, g.repo, head); err != nil {
		return err
	}
	missing, err := g.e.sources.Submodules(ctx, g.repo, head)
	if err != nil {
		return err
	}
	byHead := map[string][]fleet.Definition{} // by the head that was looked at before
	for _, d := range defs {
		rec := g.records[d.Name]
		if rec.Head != head || reconfigured(rec, d) || g.e.unchecked(d.Name) {
			byHead[rec.Head] = append(byHead[rec.Head], d)
		}
	}
	if len(byHead) == 0 {
		return nil
	}
	tree, err := g.repo.Tree(head)
	if err != nil {
		return err
	}
	g.missing = missing
	for from, some := range byHead {
		if err := g.moved(ctx, some, from, head, tree); err != nil {
			return err
		}
	}
	return nil
}

// reconfigured reports whether the workspace's inputs changed in the
// configuration since a run was last enqueued for it.
func reconfigured(rec workspace.Record, d fleet.Definition) bool {
	if rec.Fingerprint != "" && rec.Desired == "" {
		return true // and its run was discarded for it
	}
	return rec.Fingerprint != "" && rec.Fingerprint != d.Fingerprint && !rec.Destroyed
}

// within is the missing submodule that a directory lies in; nil for none.
func within(missing []trees.MissingSubmodule, dir string) *trees.MissingSubmodule {
	for i, sub := range missing {
		if workspace.Within(sub.Path, path.Clean(dir)) {
			return &missing[i]
		}
	}
	return nil
}

// moved enqueues a run for each workspace that the way from one head to the
// other touches, or that is configured anew, and moves the heads of all.
func (g *branchPoll) moved(ctx context.Context, defs []fleet.Definition, from, head string, tree fs.FS) error {
	var usable []fleet.Definition
	for _, d := range defs {
		problem := reach.Check(d.Workspace, tree)
		if sub := within(g.missing, d.Dir); problem != nil && sub != nil {
			problem = fault.New(fault.NotFound, sub.Next, "directory %s is in the submodule %s, which %s", d.Dir, sub.Path, sub.Why)
		}
		if problem == nil && !g.lacks(d, tree) { // or its run says what is missing
			problem = g.e.wrong(d.Name)
		}
		p, held := g.e.txn.Settings.Get().Order.Held(d.Name)
		if held && problem == nil {
			problem = fault.New(fault.Conflict, p.Next, "%s", p.Message)
		}
		g.e.setProblem([]fleet.Definition{d}, problem)
		if from != head && !held { // what is mended in the configuration must find what it missed
			g.batch.Heads[d.Name] = head
		}
		if problem == nil {
			usable = append(usable, d)
		}
	}
	touched, err := g.touched(ctx, from, head, tree)
	if err != nil {
		return err
	}
	for _, d := range usable {
		rec := g.records[d.Name]
		cause := run.ByCommit
		switch {
		case touched[d.Name]:
		case reconfigured(rec, d):
			cause = run.ByConfig
		case rec.Desired == "": // never planned: it could not be at an earlier head
		default:
			continue
		}
		if err := g.add(ctx, d, head, cause); err != nil {
			return err
		}
	}
	g.e.checked(defs, len(g.missing) == 0) // a submodule may be there at the next poll
	return nil
}

// lacks reports whether a workspace surely reads a submodule that is not there.
func (g *branchPoll) lacks(d fleet.Definition, tree fs.FS) bool {
	var paths []string
	for _, sub := range g.missing {
		paths = append(paths, sub.Path)
	}
	if len(paths) == 0 {
		return false
	}
	reads := g.e.sources.Index(g.repo.Name).Graph(tree, fleet.Values(g.defs)).Reads(d.Name, paths)
	return slices.ContainsFunc(reads, func(r reach.Reading) bool { return r.Sure })
}

// touched names the workspaces that what changed between the heads touches.
// All workspaces of the branch are told apart together: what belongs to one of
// them does not touch the others.
func (g *branchPoll) touched(ctx context.Context, from, head string, tree fs.FS) (map[string]bool, error) {
	touched := map[string]bool{}
	if from == head {
		return touched, nil
	}
	var paths []string
	if from != "" {
		changed, err := g.repo.Changed(ctx, from, head)
		switch {
		case fault.Is(err, fault.NotFound):
			// The old head is gone with a mirror that had to be cloned again:
			// nothing tells what changed, so everything may have.
		case fault.Is(err, fault.Invalid):
			// More differs than is ever written to disk. The runs say so.
		case err != nil:
			return nil, err
		case len(changed) == 0:
			return touched, nil // an empty commit: the same content
		default:
			paths = changed
		}
	}
	for _, t := range g.e.sources.Index(g.repo.Name).Graph(tree, fleet.Values(g.defs)).Affected(paths) {
		touched[t.Workspace] = true
	}
	return touched, nil
}

func (g *branchPoll) add(ctx context.Context, d fleet.Definition, sha string, cause run.Cause) error {
	c, err := settings.Commit(ctx, g.repo, sha)
	if err != nil {
		return err
	}
	g.batch.Heads[d.Name] = sha
	g.batch.Runs = append(g.batch.Runs, run.Run{Workspace: d.Name, Kind: run.Sync, Commit: c,
		Fingerprint: d.Fingerprint, Trigger: run.Trigger{Cause: cause}})
	return nil
}
