// Package patches makes edits of the code after which it says what the world has.
package patches

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/codify"
	"github.com/tfops/tfops/internal/drift/codify/changes"
	"github.com/tfops/tfops/internal/drift/codify/hclsource"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/sources"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
)

// Maker makes edits of the code after which it says what the world has.
type Maker struct {
	Settings *settings.Current
	Sources  *sources.Reader
	Files    *artifacts.Local
	Journal  interface {
		Finding(ctx context.Context, id string) (drift.Finding, error)
		Findings(ctx context.Context, workspace string) ([]drift.Finding, error)
		ChecksOf(ctx context.Context, workspace string, since time.Time) ([]drift.Check, error)
	}
}

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
	Known      map[string][]string `json:"known,omitempty"` // what plans change without it

	// Of the check, once the run has ended.
	Checked bool     `json:"-"`
	Gone    bool     `json:"-"` // a plan with the patch shows the finding no more
	Why     string   `json:"-"` // where it does
	Also    []string `json:"-"` // other addresses that a plan with the patch changes
}

// Propose makes the patch for a finding at a commit.
func (m *Maker) Propose(ctx context.Context, def fleet.Definition, sha string, f drift.Finding) (Patch, codify.Proposal,
	error) {
	repo, ok := m.Settings.Get().Repositories[def.Repository]
	if !ok {
		return Patch{}, codify.Proposal{}, fault.New(fault.NotFound, "tfops validate", "there is no repository %q",
			def.Repository)
	}
	if err := m.Sources.Need(ctx, repo, sha); err != nil {
		return Patch{}, codify.Proposal{}, err
	}
	tree, err := repo.Tree(sha)
	if err != nil {
		return Patch{}, codify.Proposal{}, err
	}
	src := hclsource.Source{Tree: tree, Dir: def.Dir, VarFiles: def.VarFiles, Shared: m.Sources.Shared(def, tree),
		Tofu: def.Engine == "tofu"}
	if foreign, ok := tree.(interface{ Submodules() []string }); ok {
		src.Submodules = foreign.Submodules()
	}
	for name := range def.Variables {
		src.Variables = append(src.Variables, name)
	}
	for name := range def.Inputs {
		src.Variables = append(src.Variables, name)
	}
	check, err := m.check(ctx, f)
	if err != nil {
		return Patch{}, codify.Proposal{}, err
	}
	made, err := codify.ForDifference(src, f.Difference, check)
	if err != nil {
		return Patch{}, made, err
	}
	p := Patch{Finding: f.ID, Workspace: def.Name, Commit: sha, Difference: f.Difference, Diff: made.Diff,
		Done: append([]string{}, made.Done...), Refused: []hclsource.Refusal{}}
	for _, r := range made.Refused {
		r.Next = strings.ReplaceAll(r.Next, "WORKSPACE", def.Name)
		p.Refused = append(p.Refused, r)
	}
	return p, made, nil
}

// check is the plan of the check that found a finding last; nil where it is not kept any more.
func (m *Maker) check(ctx context.Context, f drift.Finding) (*plan.Plan, error) {
	checks, err := m.Journal.ChecksOf(ctx, f.Workspace, f.LastSeen)
	if err != nil {
		return nil, err
	}
	for _, c := range slices.Backward(checks) {
		if c.Run != "" && c.At.Equal(f.LastSeen) {
			return m.Files.Run(c.Run).ReadPlan()
		}
	}
	return nil, nil
}

// Apply puts the patch that a speculative plan is made for over its tree.
func (m *Maker) Apply(ctx context.Context, r run.Run, def fleet.Definition, tree checkout.Checkout) error {
	f, err := m.Journal.Finding(ctx, r.Codify)
	if err != nil {
		return err
	}
	p, made, err := m.Propose(ctx, def, r.Commit.SHA, f)
	if err != nil {
		return err
	}
	if len(p.Done) == 0 {
		return fault.New(fault.Conflict, "tfops drift codify "+f.ID, "nothing of finding %s can be codified any more",
			f.ID)
	}
	all, err := m.Journal.Findings(ctx, r.Workspace)
	if err != nil {
		return err
	}
	p.Run, p.Known = r.ID, changes.Known(f.Difference, all)
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := m.Files.Run(r.ID).Write(artifacts.Patch, b); err != nil {
		return err
	}
	return made.WriteTo(pinned.Files(tree.Dir), m.Files.Run(r.ID).Written())
}
