package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/workspace"
)

// workspaces reads the defaults and every workspace, and puts them together.
func (r *reader) workspaces(c *Config, top block, src []byte) {
	var defaults settings
	for _, b := range top.blocks(defaultsKind) {
		defaults = r.settings(c, b, src)
	}
	engine := defaultEngine(top)
	seen := names{r: r, what: "workspace", valid: workspace.ValidName()}
	places := map[string]string{}
	var formerly []former
	blocks := top.blocks(workspaceKind)
	for _, b := range blocks {
		own := r.settings(c, b, src)
		w := own.over(defaults).workspace(engine)
		w.Name, w.Range = b.name, b.header
		from := r.renamedFrom(b)
		w.RenamedFrom = from.val
		if own.repository.absent() && defaults.repository.absent() {
			r.missingAt(b.header, "workspace without a repository", "Name the repository block that it lives in: repository = %q", example(c))
		}
		r.checkVarFiles(w, own.varFiles.or(defaults.varFiles))
		r.checkBackendFiles(w, own.over(defaults).backendConfigFiles)
		r.checkOverridden(own, defaults)
		if !seen.add(b) {
			continue
		}
		r.warn(w, own, places)
		formerly = append(formerly, former{b.name, from})
		c.Workspaces = append(c.Workspaces, w)
	}
	r.generators(c, top.blocks(generatorKind), defaults, engine, src)
	r.checkOrder(c, blocks)
	r.checkRenames(c, formerly)
	if len(blocks)+len(c.Generators) == 0 && !r.failed() {
		r.add(&hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "no workspace", Detail: r.path + " declares no workspace, so tfops has nothing to do."})
	}
}

func example(c *Config) string {
	if len(c.Repositories) > 0 {
		return c.Repositories[0].Name
	}
	return "infra"
}

// defaultEngine is the one engine that has a block; terraform when none or
// both have.
func defaultEngine(top block) string {
	found := ""
	for _, b := range top.body.Blocks {
		if b.Type == "engine" && len(b.Labels) == 1 {
			if found != "" && found != b.Labels[0] {
				return "terraform"
			}
			found = b.Labels[0]
		}
	}
	if slices.Contains(engineNames, found) {
		return found
	}
	return "terraform"
}

// over is s where it says something, and d where it does not. Maps are merged
// by key, rules by name, and all else is one or the other.
func (s settings) over(d settings) settings {
	if s.branch.set || s.tag.set || s.commit.set { // one of them is followed
		d.branch, d.tag, d.commit = field[string]{}, field[string]{}, field[string]{}
	}
	backend, override, backendConfig, backendFiles := s.backendOver(d)
	return settings{
		repository: s.repository.or(d.repository), branch: s.branch.or(d.branch), tag: s.tag.or(d.tag), tagPrefix: s.tagPrefix.or(d.tagPrefix), commit: s.commit.or(d.commit), dir: s.dir.or(d.dir),
		tfWorkspace: s.tfWorkspace.or(d.tfWorkspace), backend: backend, override: override, engine: s.engine.or(d.engine), apply: s.apply.or(d.apply), applyOffline: s.applyOffline.or(d.applyOffline),
		engineVersion: s.engineVersion.or(d.engineVersion), parallelism: s.parallelism.or(d.parallelism),
		backendConfig: backendConfig, backendConfigFiles: backendFiles,
		varFiles: s.varFiles.or(d.varFiles), variables: merged(d.variables, s.variables), shared: onlyBelow(d.variables, s.variables), env: merged(d.env, s.env), labels: merged(d.labels, s.labels),
		planTimeout: s.planTimeout.or(d.planTimeout), applyTimeout: s.applyTimeout.or(d.applyTimeout), lockTimeout: s.lockTimeout.or(d.lockTimeout),
		keepRuns: s.keepRuns.or(d.keepRuns), keepDays: s.keepDays.or(d.keepDays),
		dependsOn: s.dependsOn.or(d.dependsOn), watch: s.watch.or(d.watch), ignore: s.ignore.or(d.ignore), infer: s.infer.or(d.infer), inputs: merged(d.inputs, s.inputs),
		reach: merged(d.reach, s.reach), sharedReach: onlyBelow(d.reach, s.reach),
		rules: mergedRules(d.rules, s.rules), schedule: s.schedule.or(d.schedule), timezone: s.timezone.or(d.timezone),
		heal: s.heal.or(d.heal), healOnly: s.healOnly.or(d.healOnly), healCooldown: s.healCooldown.or(d.healCooldown),
	}
}

func merged[V any](below, above map[string]V) map[string]V {
	out := map[string]V{}
	for k, v := range below {
		out[k] = v
	}
	for k, v := range above {
		out[k] = v
	}
	return out
}

// onlyBelow are the keys of the map below that the one above has not, sorted.
func onlyBelow[V any](below, above map[string]V) []string {
	var out []string
	for k := range below {
		if _, ok := above[k]; !ok {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// mergedRules keeps the place of a rule that is declared again.
func mergedRules(below, above []approvals.Rule) []approvals.Rule {
	out := slices.Clone(below)
	for _, a := range above {
		if i := slices.IndexFunc(out, func(b approvals.Rule) bool { return b.Name == a.Name }); i >= 0 {
			out[i] = a
		} else {
			out = append(out, a)
		}
	}
	return out
}

// workspace is the settings with tfops' own defaults for the rest.
func (s settings) workspace(engine string) Workspace {
	w := Workspace{Workspace: workspace.Workspace{
		Repository:         s.repository.val,
		Branch:             s.branch.orElse("main"),
		Dir:                s.dir.orElse("."),
		TerraformWorkspace: s.tfWorkspace.orElse("default"),
		Backend:            s.backend.val,
		VarFiles:           plain(s.varFiles.val),
		Variables:          s.variables,
		SharedVariables:    s.shared,
		BackendConfig:      map[string]cty.Value{},
		BackendConfigFiles: plain(s.backendConfigFiles.val),
		EngineVersion:      s.engineVersion.val,
		Parallelism:        s.parallelism.val,
		Env:                map[string]workspace.EnvVar{},
		Labels:             map[string]string{},
		Apply:              workspace.Apply(s.apply.orElse(string(workspace.Manual))),
		Engine:             s.engine.orElse(engine),
		PlanTimeout:        s.planTimeout.orElse(30 * time.Minute),
		ApplyTimeout:       s.applyTimeout.orElse(2 * time.Hour),
		LockTimeout:        s.lockTimeout.orElse(time.Minute),
		KeepRuns:           s.keepRuns.orElse(50),
		KeepDays:           s.keepDays.orElse(90),
		DependsOn:          plain(s.dependsOn.val),
		Inputs:             s.inputs,
		Watch:              plain(s.watch.val),
		Ignore:             plain(s.ignore.val),
		SharedReach:        s.sharedReach,
		InferDependencies:  s.infer.orElse(true),
		ApplyOffline:       s.applyOffline.orElse(len(s.rules) == 0),
	}}
	if s.tag.val != "" || s.commit.val != "" {
		w.Branch, w.Tag, w.Commit = "", s.tag.val, s.commit.val
	}
	if w.Tag != "" {
		w.TagPrefix = s.tagPrefix.val
	}
	for name, v := range merged(s.backendConfig, s.override) { // one of them is empty
		if !v.IsNull() {
			w.BackendConfig[name] = v
		}
	}
	for expression, patterns := range s.reach {
		if patterns != nil {
			if w.Reach == nil {
				w.Reach = map[string][]string{}
			}
			w.Reach[expression] = patterns
		}
	}
	for name, e := range s.env {
		if e != nil {
			w.Env[name] = *e
		}
	}
	for name, l := range s.labels {
		if l != nil {
			w.Labels[name] = *l
		}
	}
	if w.Variables == nil {
		w.Variables = map[string]cty.Value{}
	}
	w.Rules = s.rules
	w.Drift = Drift{Schedule: s.schedule.val, Timezone: s.timezone.orElse("UTC"),
		Heal: s.heal.val, HealOnly: classes(s.healOnly), HealCooldown: s.healCooldown.orElse(time.Hour)}
	return w
}

func (r *reader) checkVarFiles(w Workspace, files field[[]item]) {
	r.checkFiles(w, files, "var_files", "var file")
}

func (r *reader) checkBackendFiles(w Workspace, files field[[]item]) {
	r.checkFiles(w, files, "backend_config_files", "file of a backend's settings")
	for _, f := range files.val {
		if strings.Contains(f.val, "=") { // -backend-config=FILE would be a setting
			r.errorAt(f.rng, "not a file", "The name of a file here may not have \"=\" in it. A setting belongs in backend_config = { key = \"value\" }.")
		}
	}
}

// checkFiles checks a list of files that are relative to dir.
func (r *reader) checkFiles(w Workspace, files field[[]item], attr, what string) {
	for _, f := range files.val {
		full := path.Join(w.Dir, f.val)
		switch {
		case f.val == "" || strings.ContainsRune(f.val, 0):
			r.errorAt(f.rng, "invalid "+what, "An entry of %s is the path of a file, relative to dir.", attr)
		case path.IsAbs(f.val):
			r.errorAt(f.rng, "absolute "+what, "An entry of %s is relative to dir.", attr)
		case full == ".." || strings.HasPrefix(full, "../"):
			r.errorAt(f.rng, what+" outside of the repository", "It is relative to dir, which is %q in workspace %q, and may not climb out of the repository.", w.Dir, w.Name)
		}
	}
}

// warn says what is allowed in a workspace and probably not meant. places
// holds the workspaces before it by the state that they plan.
func (r *reader) warn(w Workspace, own settings, places map[string]string) {
	if w.Apply == workspace.Never && len(own.rules) > 0 {
		r.warnAt(w.Range, "rules that are never asked", "With apply = \"never\" nothing is applied, so the approval rules of workspace %q have no effect.", w.Name)
	}
	if own.tagPrefix.set && w.Tag == "" {
		r.warnAt(own.tagPrefix.rng, "tag_prefix has no effect", "Workspace %q follows no tag: tag = \">= 1.0\" has it do so.", w.Name)
	}
	if own.timezone.set && w.Drift.Schedule == "" {
		r.warnAt(own.timezone.rng, "time zone without a schedule", "Workspace %q has no schedule, so it is not checked for drift.", w.Name)
	}
	r.warnOfHealing(w, own, "workspace "+quote(w.Name))
	if w.Repository == "" {
		return
	}
	place := strings.Join([]string{w.Repository, w.Follow(), w.Dir, w.TerraformWorkspace, w.BackendPlace()}, "\x00")
	if other, ok := places[place]; ok {
		r.warnAt(w.Range, "two workspaces in one place", "Workspaces %q and %q follow the same branch, tags or commit, and have the same repository, dir and terraform_workspace. With a backend they share one state; without one, each has a managed state of its own.", other, w.Name)
		return
	}
	places[place] = w.Name
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
