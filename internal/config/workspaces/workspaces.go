// Package workspaces reads what a configuration says of workspaces: blocks of
// their own, blocks that make workspaces of what is in a repository, and the
// defaults of both.
package workspaces

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/people"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/drift/healing"
	"github.com/tfops/tfops/internal/workspace"
)

// Workspace is a workspace with its rules.
type Workspace struct {
	workspace.Workspace
	Rules []approvals.Rule
	Drift Drift
	Range hcl.Range // of the block's header
}

// Drift says when a workspace is checked for drift, and what becomes of it.
type Drift struct {
	Schedule     string           // cron expression; empty: never
	Timezone     string           // name of the tz database; "UTC" unless configured
	Heal         bool             // put back what drifted
	HealOnly     []healing.Repair // what to heal; nil: all that destroys nothing
	HealCooldown time.Duration    // between two heals of a finding; at least a minute
}

// Generator is a workspaces block.
type Generator struct {
	workspace.Generator
	Range hcl.Range // of the block's header
	// Make makes the workspace of one match. Its error says where in the file
	// what is wrong. What env and file returned is as it was when the
	// configuration was read.
	Make func(workspace.Origin) (Workspace, error)
}

// reader reads blocks of workspaces.
type reader struct {
	*decode.Reader
	repositories []string // their names
	people       people.People
	engine       string // of a workspace that names none
}

// Read reads the defaults and every workspace, and puts them together.
// repositories are their names.
func Read(dr *decode.Reader, top decode.Block, repositories []string, who people.People) ([]Workspace, []Generator) {
	r := reader{dr, repositories, who, defaultEngine(top)}
	var defaults settings
	for _, b := range top.Blocks(schema.Defaults) {
		defaults = r.settings(b)
	}
	var all []Workspace
	var renamed []rename
	names := decode.WorkspaceNames("workspace")
	places := map[string]string{}
	blocks := top.Blocks(schema.Workspace)
	for _, b := range blocks {
		own := r.settings(b)
		both := own.over(defaults)
		w := both.workspace(r.engine)
		w.Name, w.Range = b.Name, b.Header
		from := r.renamedFrom(b)
		w.RenamedFrom = from.Val
		if own.text["repository"].Absent() && defaults.text["repository"].Absent() {
			example := slices.Concat(r.repositories, []string{"infra"})[0]
			r.Missingf(b.Header, "workspace without a repository",
				"Name the repository block that it lives in: repository = %q", example)
		}
		r.checkFiles(w, both)
		r.checkOverridden(own, defaults)
		if !names.Add(b) {
			continue
		}
		r.warn(w, own, places)
		renamed = append(renamed, rename{b.Name, from})
		all = append(all, w)
	}
	generators := r.generators(top.Blocks(schema.Workspaces), defaults)
	r.checkOrder(all, blocks, len(generators) > 0)
	r.checkRenames(all, renamed)
	if len(blocks)+len(generators) == 0 && !r.Failed() {
		r.WarnFile("no workspace", "%s declares no workspace, so tfops has nothing to do.", r.Path)
	}
	return all, generators
}

// defaultEngine is the one engine that has a block; terraform when none or
// both have.
func defaultEngine(top decode.Block) string {
	var found []string
	for _, b := range top.Body.Blocks {
		if b.Type == schema.Engine.Type && len(b.Labels) == 1 && !slices.Contains(found, b.Labels[0]) {
			found = append(found, b.Labels[0])
		}
	}
	if len(found) == 1 && slices.Contains(schema.Engines, found[0]) {
		return found[0]
	}
	return schema.Engines[0]
}

// checkFiles checks the lists of files that are relative to dir.
func (r reader) checkFiles(w Workspace, s settings) {
	for _, kind := range []struct{ attr, what string }{{"var_files", "var file"},
		{"backend_config_files", "file of a backend's settings"}} {
		for _, f := range s.list[kind.attr].Val {
			full := path.Join(w.Dir, f.Val)
			switch {
			case f.Val == "" || strings.ContainsRune(f.Val, 0):
				r.Errorf(f.Range, "invalid "+kind.what,
					"An entry of %s is the path of a file, relative to dir.", kind.attr)
			case path.IsAbs(f.Val):
				r.Errorf(f.Range, "absolute "+kind.what, "An entry of %s is relative to dir.", kind.attr)
			case full == ".." || strings.HasPrefix(full, "../"):
				r.Errorf(f.Range, kind.what+" outside of the repository", "It is relative to dir, which is %q in "+
					"workspace %q, and may not climb out of the repository.", w.Dir, w.Name)
			}
		}
	}
	for _, f := range s.list["backend_config_files"].Val {
		if strings.Contains(f.Val, "=") { // -backend-config=FILE would be a setting
			r.Errorf(f.Range, "not a file", "The name of a file here may not have \"=\" in it. "+
				"A setting belongs in backend_config = { key = \"value\" }.")
		}
	}
}

// warn says what is allowed in a workspace and probably not meant. places
// holds the workspaces before it by the state that they plan.
func (r reader) warn(w Workspace, own settings, places map[string]string) {
	if w.Apply == workspace.Never && len(own.rules) > 0 {
		r.Warnf(w.Range, "rules that are never asked", "With apply = \"never\" nothing is applied, "+
			"so the approval rules of workspace %q have no effect.", w.Name)
	}
	if prefix := own.text["tag_prefix"]; prefix.Set && w.Tag == "" {
		r.Warnf(prefix.Range, "tag_prefix has no effect",
			"Workspace %q follows no tag: tag = \">= 1.0\" has it do so.", w.Name)
	}
	if zone := own.text["timezone"]; zone.Set && w.Drift.Schedule == "" {
		r.Warnf(zone.Range, "time zone without a schedule",
			"Workspace %q has no schedule, so it is not checked for drift.", w.Name)
	}
	r.warnOfHealing(w, own, "workspace "+strconv.Quote(w.Name))
	if w.Repository == "" {
		return
	}
	place := strings.Join([]string{w.Repository, w.Follow(), w.Dir, w.TerraformWorkspace, w.BackendPlace()}, "\x00")
	if other, ok := places[place]; ok {
		r.Warnf(w.Range, "two workspaces in one place", "Workspaces %q and %q follow the same branch, tags or commit, "+
			"and have the same repository, dir and terraform_workspace. With a backend they share one state; "+
			"without one, each has a managed state of its own.", other, w.Name)
		return
	}
	places[place] = w.Name
}
