package watch

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

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/sources"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// forgetRepositories drops the status of repositories that are configured no more.
func (w *Watcher) forgetRepositories() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range w.repos {
		if _, ok := w.txn.Settings.Get().Repositories[name]; !ok {
			delete(w.repos, name)
			delete(w.owners, name)
		}
	}
}

// watch polls one repository until ctx is done.
func (w *Watcher) watch(ctx context.Context, name string) {
	for {
		repo := w.txn.Settings.Get().Repositories[name]
		poked := w.poked(name)
		err := fault.OfMachine(w.Poll(ctx, name))
		if ctx.Err() != nil {
			return
		}
		before := w.Polled(name).Failures
		failures := w.notePoll(name, err)
		if err != nil && failures == 1 {
			w.log.Warn("a repository cannot be read", "repository", name, "error", err, "next", fault.Next(err))
		}
		if err := w.tellPoll(ctx, name, err, failures, before); err != nil && ctx.Err() == nil {
			w.log.Error("nobody can be told whether a repository can be read", "repository", name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-poked:
		case <-time.After(repo.Pace.Next(failures, rand.Float64())):
		}
	}
}

// toldAfter is how many polls in a row have to fail before people are told: a host that restarts is no news.
const toldAfter = 3

// tellPoll tells people that a repository cannot be read, or can be again.
func (w *Watcher) tellPoll(ctx context.Context, name string, failed error, failures, before int) error {
	s := w.txn.Settings.Get()
	n := run.Notice{Kind: run.NoticeRepository, Repository: name, Command: "tfops status"}
	switch {
	case failures == toldAfter:
		n.Severity, n.Title = string(drift.High), "repository "+name+" cannot be read: "+failed.Error()
		n.Text = fmt.Sprintf("%d polls in a row failed. Nothing of it is planned or applied until it can be read; "+
			"what is said of its workspaces may be old.", failures)
		if next := fault.Next(failed); next != "" {
			n.Text += "\nNext: " + next
		}
	case failures == 0 && before >= toldAfter:
		n.Title = "repository " + name + " can be read again"
		n.Text = fmt.Sprintf("After %d polls that failed.", before)
	default:
		return nil
	}
	if s.Wants == nil {
		return nil
	}
	if n.Targets = s.Wants(n); len(n.Targets) == 0 {
		return nil
	}
	_, err := w.txn.Enqueue(ctx, run.Batch{Notices: []run.Notice{n}})
	return err
}

// poked returns the channel on which somebody asks for a poll of the repository.
func (w *Watcher) poked(name string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pokes[name] == nil {
		w.pokes[name] = make(chan struct{}, 1)
	}
	return w.pokes[name]
}

func (w *Watcher) notePoll(name string, err error) (failures int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	st := w.repos[name]
	if st == nil {
		st = &sources.Polled{}
		w.repos[name] = st
	}
	st.Err = err
	if err != nil {
		st.Failures++
		return st.Failures
	}
	st.Failures, st.At = 0, time.Now()
	return 0
}

// Poll looks at one repository and enqueues what its branches ask for. What
// was looked at is stored with the runs, in one transaction: a crash in
// between makes the next poll look again, and nothing is lost or doubled.
func (w *Watcher) Poll(ctx context.Context, name string) error {
	s := w.txn.Settings.Get()
	repo, ok := s.Repositories[name]
	if !ok {
		return nil
	}
	// Two looks at once, the watcher's and that of somebody who asked, would
	// enqueue the same commit twice.
	turn := w.turn(name)
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		heads, err := w.sources.Heads(ctx, repo)
		if err != nil {
			return err
		}
		failed := w.lookAtBlocks(ctx, repo, heads)
		more, err := w.lookAtAll(ctx, repo, heads)
		if err = errors.Join(append(failed, err)...); err != nil || !more {
			return err
		}
	}
}

// lookAtBlocks looks at the branches that workspace blocks alone follow, before those that generators
// find, of which whoever may push makes any number: only where one of them moved.
func (w *Watcher) lookAtBlocks(ctx context.Context, repo settings.Repository, heads map[string]string) []error {
	s := w.txn.Settings.Get()
	if len(s.Config.Of(repo.Name)) == 0 {
		return nil // there are no others
	}
	records, err := w.txn.Records(ctx)
	if err != nil {
		return []error{err}
	}
	moved := map[string]string{}
	for _, d := range s.Workspaces {
		head, ok := heads[d.Follow()]
		if d.Repository == repo.Name && d.Origin == nil && ok && records[d.Name].Head != head {
			moved[d.Follow()] = head
		}
	}
	for _, d := range s.Workspaces {
		if d.Repository == repo.Name && d.Origin != nil {
			delete(moved, d.Follow()) // what is whose is told by all workspaces of a branch together
		}
	}
	if len(moved) == 0 {
		return nil
	}
	failed := w.readHeads(ctx, repo, moved)
	w.rebuild(records)
	p := newPoll(w, repo, records, moved)
	p.led, p.blocks = targets{refs: moved}, true
	failed = append(failed, p.branches(ctx)...)
	return append(failed, p.store(ctx)...)
}

// lookAtAll looks at all branches; more says that some are left for the next look.
func (w *Watcher) lookAtAll(ctx context.Context, repo settings.Repository, heads map[string]string) (more bool,
	err error) {
	p := newPoll(w, repo, nil, heads)
	failed, more, err := p.discover(ctx)
	if err != nil {
		return false, err
	}
	if err := p.mark(ctx); err != nil {
		failed = append(failed, err)
	}
	failed = append(failed, p.branches(ctx)...)
	return more, errors.Join(append(failed, p.store(ctx)...)...)
}

func newPoll(w *Watcher, repo settings.Repository, records map[string]workspace.Record,
	heads map[string]string) *poll {
	return &poll{w: w, repo: repo, records: records, heads: heads, seen: map[string]bool{}, left: map[string]bool{},
		obstacles: map[string]*workspace.Obstacle{}, batch: run.Batch{Heads: map[string]string{},
			Tags: map[string]workspace.FollowedTag{}}}
}

// discover brings the fleet up to date with what is in a repository's branches.
func (p *poll) discover(ctx context.Context) (failed []error, more bool, err error) {
	w := p.w
	if p.records, err = w.txn.Records(ctx); err != nil {
		return nil, false, err
	}
	failed, more = w.survey(ctx, p.repo.Name, p.repo, p.heads, p.records)
	if len(w.txn.Settings.Get().Config.Generators) > 0 {
		w.rebuild(p.records)
	}
	if p.led, err = w.targets(ctx, p.repo, p.heads); err != nil {
		return failed, false, err
	}
	failed = append(failed, w.readHeads(ctx, p.repo, p.led.refs)...)
	w.rebuild(p.records)
	if len(w.txn.Settings.Get().Renaming) > 0 {
		if err := w.Rename(ctx); err != nil {
			return failed, false, err
		}
		p.records, err = w.txn.Records(ctx)
	}
	return failed, more, err
}

// poll is one look at one repository.
type poll struct {
	w       *Watcher
	repo    settings.Repository
	records map[string]workspace.Record
	heads   map[string]string
	led     targets
	blocks  bool // only at what is in led: the branches of workspace blocks

	batch     run.Batch
	obstacles map[string]*workspace.Obstacle // by workspace, as far as this look tells; nil: none
	left      map[string]bool                // workspaces that stay as they are: see mark
	seen      map[string]bool                // by workspace: whether its directory and inputs were looked for
}

// branches compares every branch with what is remembered of its workspaces.
func (p *poll) branches(ctx context.Context) (failed []error) {
	s, name := p.w.txn.Settings.Get(), p.repo.Name
	byBranch := map[string][]fleet.Definition{}
	for _, d := range s.Workspaces {
		if _, waits := s.Renaming[d.Name]; !waits && d.Repository == name && !p.left[d.Name] {
			byBranch[d.Follow()] = append(byBranch[d.Follow()], d)
		}
	}
	for _, branch := range slices.Sorted(maps.Keys(byBranch)) {
		head, ok := p.led.refs[branch]
		if !ok && p.blocks {
			continue
		}
		if !ok {
			none := p.led.none[branch]
			if none == nil {
				none = missingBranch(name, branch, p.heads)
			}
			p.block(byBranch[branch], none)
			p.looked(byBranch[branch], false) // it may come back where it was
			continue
		}
		look := branchPoll{poll: p, defs: byBranch[branch], batch: run.Batch{Heads: map[string]string{}}}
		if err := look.branch(ctx, head); err != nil {
			// the others go on
			failed = append(failed, fmt.Errorf("%s: %w", byBranch[branch][0].Follows(p.led.tags[branch].Name), err))
			continue
		}
		if tag, ok := p.led.tags[branch]; ok {
			p.tagged(byBranch[branch], tag)
		}
		maps.Copy(p.batch.Heads, look.batch.Heads)
		p.batch.Runs = append(p.batch.Runs, look.batch.Runs...)
	}
	return failed
}

// store enqueues what the look came to, and what may go on after it.
func (p *poll) store(ctx context.Context) (failed []error) {
	var err error
	if p.batch.Dropped, err = p.dropped(ctx); err != nil {
		failed = append(failed, err)
	}
	p.batch.Obstacles = map[string]*workspace.Obstacle{}
	for name, o := range p.obstacles {
		if !p.records[name].Obstacle.Equal(o) {
			p.batch.Obstacles[name] = o
		}
	}
	if err := p.w.order.Arrange(ctx, p.w.txn.Settings.Get(), &p.batch); err != nil {
		return append(failed, err) // an order that is not known must not be passed over
	}
	if _, err := p.w.txn.Enqueue(ctx, p.batch); err != nil {
		failed = append(failed, err)
	} else {
		p.w.mu.Lock()
		maps.Copy(p.w.seen, p.seen)
		p.w.mu.Unlock()
	}
	return append(failed, p.w.order.FlowAll(ctx))
}

// block notes why workspaces cannot be planned; nil when they can.
func (p *poll) block(defs []fleet.Definition, err error) {
	for _, d := range defs {
		p.obstacles[d.Name] = workspace.ObstacleOf(err)
	}
}

// obstacle is why a workspace cannot be planned, as far as is known by now.
func (p *poll) obstacle(name string) *workspace.Obstacle {
	if o, ok := p.obstacles[name]; ok {
		return o
	}
	return p.records[name].Obstacle
}

// looked notes whether somebody looked for the directories and inputs of workspaces.
func (p *poll) looked(defs []fleet.Definition, looked bool) {
	for _, d := range defs {
		p.seen[d.Name] = looked
	}
}

// dropped finds what was planned for workspaces that turned out not to be in
// their branch any more: nobody may approve that.
func (p *poll) dropped(ctx context.Context) (map[string]string, error) {
	gone := map[string]string{}
	for _, d := range p.w.txn.Settings.Get().Workspaces {
		if o := p.obstacle(d.Name); o != nil && d.Repository == p.repo.Name {
			gone[d.Name] = o.Message
		}
	}
	if len(gone) == 0 {
		return nil, nil
	}
	q, err := p.w.txn.Queue(ctx)
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

// unseen reports whether nobody looked yet, under the present settings, whether the
// workspace's directory and inputs are there.
func (w *Watcher) unseen(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.seen[name]
}

// turn is the one place for a look at the repository. A channel, so that
// waiting for it can be given up.
func (w *Watcher) turn(name string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.polling[name] == nil {
		w.polling[name] = make(chan struct{}, 1)
	}
	return w.polling[name]
}

func missingBranch(repository, branch string, heads map[string]string) error {
	names := slices.Sorted(maps.Keys(heads))
	if len(names) == 0 {
		return fault.New(fault.NotFound, "push branch "+branch,
			"branch %s is not in repository %s, which has no branches yet", branch, repository)
	}
	if near := workspace.Nearest(branch, names); near != "" {
		return fault.New(fault.NotFound, "push it, or change tfops.hcl: is "+near+" meant?",
			"branch %s is not in repository %s", branch, repository)
	}
	more := ""
	if len(names) > 8 {
		names, more = names[:8], ", …"
	}
	return fault.New(fault.NotFound, "push it, or change tfops.hcl: there are "+strings.Join(names, ", ")+more,
		"branch %s is not in repository %s", branch, repository)
}

// branchPoll is a look at one branch.
type branchPoll struct {
	*poll
	defs    []fleet.Definition // all of the branch
	batch   run.Batch          // what it comes to, if it can be looked at
	missing []trees.MissingSubmodule
}

// branch compares one branch with what is remembered of its workspaces.
func (g *branchPoll) branch(ctx context.Context, head string) error {
	// Also when nothing moved: a damaged mirror is mended before somebody needs it.
	if err := g.w.sources.Need(ctx, g.repo, head); err != nil {
		return err
	}
	missing, err := g.w.sources.Submodules(ctx, g.repo, head)
	if err != nil {
		return err
	}
	byHead := map[string][]fleet.Definition{} // by the head that was looked at before
	for _, d := range g.defs {
		rec := g.records[d.Name]
		if rec.Head != head || reconfigured(rec, d) || g.w.unseen(d.Name) {
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
			problem = fault.New(fault.NotFound, sub.Next, "directory %s is in the submodule %s, which %s", d.Dir,
				sub.Path, sub.Why)
		}
		if problem == nil && !g.lacks(d, tree) { // or its run says what is missing
			problem = g.w.wrong(d.Name)
		}
		p, held := g.w.txn.Settings.Get().Order.Held(d.Name)
		if held && problem == nil {
			problem = fault.New(fault.Conflict, p.Next, "%s", p.Message)
		}
		g.block([]fleet.Definition{d}, problem)
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
			if anew, err := g.rewritten(ctx, rec, d, from, head); err != nil {
				return err
			} else if !anew {
				continue
			}
		}
		if err := g.add(ctx, d, head, cause); err != nil {
			return err
		}
	}
	g.looked(defs, len(g.missing) == 0) // a submodule may be there at the next poll
	return nil
}

// rewritten reports whether what waits to be applied went out of the branch, and its head has the same
// content. Where commits have to be signed that is how those are mended that were not.
func (g *branchPoll) rewritten(ctx context.Context, rec workspace.Record, d fleet.Definition, from, head string) (bool,
	error) {
	_, signed := g.w.txn.Settings.Get().People.Signed[d.Repository]
	if !signed || from == head || rec.Desired == rec.Applied || !g.repo.Has(rec.Desired) {
		return false, nil
	}
	within, err := g.repo.Contains(ctx, head, rec.Desired)
	return !within, err
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
	reads := g.w.sources.Index(g.repo.Name).Graph(tree, fleet.Values(g.defs)).Reads(d.Name, paths)
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
	for _, t := range g.w.sources.Index(g.repo.Name).Graph(tree, fleet.Values(g.defs)).Affected(paths) {
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
