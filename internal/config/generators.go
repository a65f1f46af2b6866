package config

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// matchVariables are what the expressions of a workspaces block may use.
var matchVariables = []string{"branch", "branch_slug", "dir", "parts", "var_file"}

// unmatched stands for any match: what can be said of a workspaces block
// without one is said when the configuration is read.
func unmatched() map[string]cty.Value {
	text := cty.UnknownVal(cty.String).RefineNotNull()
	return map[string]cty.Value{"branch": text, "branch_slug": text, "dir": text, "var_file": text, "parts": cty.UnknownVal(cty.List(cty.String)).RefineNotNull()}
}

// matched is the variables of one match.
func matched(o workspace.Origin) map[string]cty.Value {
	var parts []cty.Value
	for _, p := range strings.Split(o.Dir, "/") {
		parts = append(parts, cty.StringVal(p))
	}
	return map[string]cty.Value{"branch": cty.StringVal(o.Branch), "branch_slug": cty.StringVal(reach.Slug(o.Branch)),
		"dir": cty.StringVal(o.Dir), "parts": cty.ListVal(parts), "var_file": cty.StringVal(bare(o.VarFile))}
}

// bare is a var file's name without directory and extension.
func bare(file string) string {
	base := strings.TrimSuffix(path.Base(file), ".json")
	for _, ext := range []string{".auto.tfvars", ".tfvars"} {
		base = strings.TrimSuffix(base, ext)
	}
	if file == "" {
		return ""
	}
	return base
}

// kept is what env and file returned, so that a workspace that is made later
// gets what the configuration was read with.
type kept struct {
	mu     sync.Mutex
	values map[string]cty.Value
}

func (r *reader) remembered(name string, impl func(*reader, []cty.Value, cty.Type) (cty.Value, error)) function.ImplFunc {
	return func(args []cty.Value, t cty.Type) (cty.Value, error) {
		key := name
		for _, a := range args {
			key += "\x00" + a.AsString()
		}
		r.kept.mu.Lock()
		defer r.kept.mu.Unlock()
		if v, ok := r.kept.values[key]; ok {
			plain, _ := v.Unmark()
			r.outside = append(r.outside, plain.AsString())
			return v, nil
		}
		v, err := impl(r, args, t)
		if err == nil {
			r.kept.values[key] = v
		}
		return v, err
	}
}

// generators reads the workspaces blocks.
func (r *reader) generators(c *Config, blocks []block, defaults settings, engine string, src []byte) {
	seen := names{r: r, what: "workspaces", valid: workspace.ValidName()}
	r.eval.Variables = unmatched()
	defer func() { r.eval.Variables = nil }()
	for _, b := range blocks {
		own := r.settings(c, b, src)
		g := r.generator(b, own, defaults)
		r.checkOverridden(own, defaults)
		r.checkRemovedVariables(b)
		r.renamedFrom(b)
		r.warnOfGenerator(b, own, defaults)
		if !seen.add(b) || r.failed() {
			continue
		}
		g.Make = func(o workspace.Origin) (Workspace, error) { return r.make(c, b, defaults, engine, src, o) }
		c.Generators = append(c.Generators, g)
	}
}

func (r *reader) checkRemovedVariables(b block) {
	a, ok := b.body.Attributes["name"]
	switch {
	case !ok:
		r.missingAt(b.header, "workspaces without a name", "Say how they are called: name = \"${parts[0]}-${branch_slug}\". There are %s.", orList(matchVariables))
	case len(a.Expr.Variables()) == 0:
		r.errorAt(a.Expr.Range(), "one name for all", "Every workspace that this block makes would have this name. Use what tells them apart: %s.", orList(matchVariables))
	}
	b.text("name", shown)
}

// generator reads what a workspaces block makes workspaces of. None of it may
// depend on a match.
func (r *reader) generator(b block, own, defaults settings) Generator {
	fixed := func(name string) field[[]item] {
		if a, ok := b.body.Attributes[name]; ok {
			for _, t := range a.Expr.Variables() {
				r.errorAt(t.SourceRange(), "not known here", "%s says what workspaces are made of, so it cannot be made of that itself.", name)
			}
		}
		return b.list(name)
	}
	dirs, branches := fixed("dirs"), fixed("branches")
	repository := own.repository.or(defaults.repository)
	if repository.absent() {
		r.missingAt(b.header, "workspaces without a repository", "Name the repository block that they live in: repository = \"infra\"")
	}
	onRemoved := b.text("on_removed", shown)
	r.checkOneOf(onRemoved, "on_removed", []string{string(workspace.Keep), string(workspace.DestroyOnRemoved)})
	r.checkGlobs(dirs.val, "directories of the repository", "live/*/*")
	r.checkGlobs(branches.val, "names of branches", "env/*")
	g := Generator{Range: b.header, Generator: workspace.Generator{Name: b.name, Repository: repository.val, Dirs: plain(dirs.val), Branches: plain(branches.val),
		All: b.flag("all").orElse(false), OnRemoved: workspace.OnRemoved(onRemoved.orElse(string(workspace.Keep))),
		Source: fmt.Sprintf("%s:%d", b.header.Filename, b.header.Start.Line)}}
	for i, d := range g.Dirs {
		g.Dirs[i] = path.Clean(d)
	}
	if !dirs.set {
		g.Dirs = []string{"."}
	}
	if !branches.set {
		g.Branches = []string{defaults.branch.orElse("main")}
	}
	for _, f := range own.varFiles.or(defaults.varFiles).val {
		if workspace.IsGlob(f.val) {
			r.checkGlobs([]item{f}, "files, relative to the directory", "vars/*.tfvars")
			g.VarFiles = append(g.VarFiles, f.val)
		}
	}
	return g
}

func (r *reader) checkGlobs(items []item, what, example string) {
	for _, i := range items {
		clean := path.Clean(i.val)
		if !workspace.ValidGlob(i.val) || path.IsAbs(i.val) || clean == ".." && what[0] == 'd' || strings.HasPrefix(clean, "../") && what[0] == 'd' {
			r.errorAt(i.rng, "not a pattern", "It is a pattern over %s, such as %q: * stands for anything but a slash, ** for any number of directories.", what, example)
		}
	}
}

// make makes one workspace with a reader of its own, whose findings are the error.
func (r *reader) make(c *Config, b block, defaults settings, engine string, src []byte, o workspace.Origin) (Workspace, error) {
	m := &reader{path: r.path, dir: r.dir, sources: r.sources, kept: r.kept}
	m.eval = &hcl.EvalContext{Functions: m.functions(), Variables: matched(o)}
	b.r = m
	own := m.settings(c, b, src)
	name := b.text("name", shown)
	if name.set && !workspace.ValidName().MatchString(name.val) {
		m.errorAt(name.rng, "invalid name "+quote(name.val), "A workspace's name has letters, digits, dots, underscores and hyphens, begins with a letter or a digit, and has at most 128 of them.")
	}
	var common []item
	for _, f := range own.varFiles.or(defaults.varFiles).val {
		if !workspace.IsGlob(f.val) {
			common = append(common, f)
		}
	}
	files := field[[]item]{val: common, set: true}
	both := own.over(defaults)
	both.varFiles = files
	w := both.workspace(engine)
	w.Name, w.Range, w.Branch, w.Dir = name.val, b.header, o.Branch, path.Clean(o.Dir)
	w.Tag, w.TagPrefix, w.Commit = "", "", ""                          // of defaults: generators make workspaces of branches
	if w.RenamedFrom = m.renamedFrom(b).val; w.RenamedFrom == w.Name { // of a match that was called so before
		w.RenamedFrom = ""
	}
	m.checkVarFiles(w, files)
	m.checkBackendFiles(w, both.backendConfigFiles)
	m.checkOverridden(own, defaults)
	if o.VarFile != "" {
		w.VarFiles = append(w.VarFiles, o.VarFile)
	}
	g := r.generatorOf(c, o.Generator)
	if !both.tfWorkspace.set && g != nil && !g.Named(o.Branch) {
		w.TerraformWorkspace = reach.Slug(o.Branch)
	}
	if g != nil {
		w.OnRemoved = g.OnRemoved
	}
	w.Origin = &o
	return w, m.firstError(o)
}

func (r *reader) generatorOf(c *Config, name string) *Generator {
	for i := range c.Generators {
		if c.Generators[i].Name == name {
			return &c.Generators[i]
		}
	}
	return nil
}

// firstError is what was found wrong, as an error of one line.
func (r *reader) firstError(o workspace.Origin) error {
	for _, d := range r.diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		where := r.path
		if d.Subject != nil {
			where = fmt.Sprintf("%s:%d", d.Subject.Filename, d.Subject.Start.Line)
		}
		return fault.New(fault.Invalid, "correct tfops.hcl: "+d.Detail, "%s: %s, for %s", where, d.Summary, o)
	}
	if r.failed() {
		return errors.New("the configuration is mistaken")
	}
	return nil
}
