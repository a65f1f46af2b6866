package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/access"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/codify"
	"github.com/tfops/tfops/internal/drift/codify/hclsource"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
)

// Patch is an edit of the code after which it says what the world has.
type Patch struct {
	Finding    string              `json:"finding"`
	Workspace  string              `json:"workspace"`
	Run        string              `json:"run,omitempty"` // the plan that checks it; empty: nothing could be codified
	Commit     string              `json:"commit"`        // that it is an edit of
	Difference drift.Difference    `json:"difference"`    // that it was made for
	Diff       string              `json:"diff,omitempty"`
	Done       []string            `json:"done"` // paths of attributes
	Refused    []hclsource.Refusal `json:"refused"`

	// Of the check, once the run has ended.
	Checked bool     `json:"-"`
	Gone    bool     `json:"-"` // a plan with the patch shows the finding no more
	Why     string   `json:"-"` // where it does
	Also    []string `json:"-"` // other addresses that a plan with the patch changes
}

// Codify proposes a patch for a finding, against the newest commit of the
// workspace's branch, and asks for a plan of it. Nothing is pushed.
func (e *Engine) Codify(ctx context.Context, a access.Actor, finding string) (Patch, error) {
	f, err := e.Journal.Finding(ctx, finding)
	if err != nil {
		return Patch{}, err
	}
	def, err := e.txn.Settings.Get().Workspace(f.Workspace)
	if err != nil {
		return Patch{}, err
	}
	if f.Life == drift.Resolved {
		return Patch{}, fault.New(fault.Conflict, "tfops drift "+f.Workspace, "finding %s is resolved: there is nothing to codify", f.ID)
	}
	r, err := e.ordered(ctx, def, Order{Workspace: def.Name, Kind: run.Plan}, run.Trigger{Cause: run.ByPerson, Actor: a.Name})
	if err != nil {
		return Patch{}, err
	}
	p, _, err := e.propose(ctx, def, r.Commit.SHA, f)
	if err != nil || len(p.Done) == 0 {
		return p, err
	}
	r.Codify = f.ID
	created, err := e.txn.Enqueue(ctx, run.Batch{Runs: []run.Run{r}})
	if err != nil {
		return Patch{}, err
	}
	p.Run = created[0].ID
	return p, nil
}

// propose makes the patch for a finding at a commit.
func (e *Engine) propose(ctx context.Context, def fleet.Definition, sha string, f drift.Finding) (Patch, codify.Proposal, error) {
	repo, ok := e.txn.Settings.Get().Repositories[def.Repository]
	if !ok {
		return Patch{}, codify.Proposal{}, fault.New(fault.NotFound, "tfops validate", "there is no repository %q", def.Repository)
	}
	if err := e.sources.Need(ctx, repo, sha); err != nil {
		return Patch{}, codify.Proposal{}, err
	}
	tree, err := repo.Tree(sha)
	if err != nil {
		return Patch{}, codify.Proposal{}, err
	}
	src := hclsource.Source{Tree: tree, Dir: def.Dir, VarFiles: def.VarFiles, Shared: e.sources.Shared(def, tree), Tofu: def.Engine == "tofu"}
	if foreign, ok := tree.(interface{ Submodules() []string }); ok {
		src.Submodules = foreign.Submodules()
	}
	for name := range def.Variables {
		src.Variables = append(src.Variables, name)
	}
	for name := range def.Inputs {
		src.Variables = append(src.Variables, name)
	}
	made, err := codify.ForDifference(src, f.Difference)
	if err != nil {
		return Patch{}, made, err
	}
	p := Patch{Finding: f.ID, Workspace: def.Name, Commit: sha, Difference: f.Difference, Diff: made.Diff, Done: append([]string{}, made.Done...), Refused: []hclsource.Refusal{}}
	for _, r := range made.Refused {
		r.Next = strings.ReplaceAll(r.Next, "WORKSPACE", def.Name)
		p.Refused = append(p.Refused, r)
	}
	return p, made, nil
}

// applyPatch puts the patch that a speculative plan is made for over its tree.
func (e *Engine) applyPatch(ctx context.Context, r run.Run, def fleet.Definition, tree checkout.Checkout) error {
	f, err := e.Journal.Finding(ctx, r.Codify)
	if err != nil {
		return err
	}
	p, made, err := e.propose(ctx, def, r.Commit.SHA, f)
	if err != nil {
		return err
	}
	if len(p.Done) == 0 {
		return fault.New(fault.Conflict, "tfops drift codify "+f.ID, "nothing of finding %s can be codified any more", f.ID)
	}
	p.Run = r.ID
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := e.txn.Files.Run(r.ID).Write(artifacts.Patch, b); err != nil {
		return err
	}
	return made.WriteTo(pinned.Files(tree.Dir), e.txn.Files.Run(r.ID).Written())
}

// Patch shows the patch that a run checks, and what the check came to.
func (e *Engine) Patch(ctx context.Context, id string) (Patch, error) {
	d, _, err := e.txn.Load(ctx, id)
	if err != nil {
		return Patch{}, err
	}
	if d.Run.Codify == "" {
		return Patch{}, fault.New(fault.Conflict, "tfops show "+id, "run %s checks no patch", id)
	}
	var p Patch
	b, err := e.txn.Files.Run(id).Read(artifacts.Patch)
	if errors.Is(err, fs.ErrNotExist) {
		return Patch{}, fault.New(fault.NotFound, "tfops show "+id, "run %s has no patch: it is %s", id, d.Run.Status)
	}
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil || !d.Run.Status.Terminal() {
		return p, err
	}
	p.Checked = true
	if d.Run.Status != run.PlannedAndFinished {
		p.Why = fmt.Sprintf("the plan with the patch is %s: %s", d.Run.Status, failureOf(d.Run))
		return p, nil
	}
	made, err := e.txn.Files.Run(id).ReadPlan()
	if err != nil {
		return p, err
	}
	p.Why, p.Gone = codify.Gone(p.Difference, made)
	p.Also = others(made, p.Difference.Address)
	return p, nil
}

func failureOf(r run.Run) string {
	if r.Failure != nil {
		return r.Failure.Message
	}
	return r.Comment
}

// others are the addresses that a plan changes besides one.
func others(p *plan.Plan, address string) []string {
	out := []string{}
	if p == nil {
		return out
	}
	for _, c := range p.Changes {
		if c.Address != address && c.Action != plan.ReadData && !slices.Contains(out, c.Address) {
			out = append(out, c.Address)
		}
	}
	return out
}
