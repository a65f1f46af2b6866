package workspaces

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// unmatched stands for any match: what can be said of a workspaces block
// without one is said when the configuration is read.
func unmatched() map[string]cty.Value {
	variables := map[string]cty.Value{}
	for _, name := range decode.MatchVariables {
		variables[name] = cty.UnknownVal(cty.String).RefineNotNull()
	}
	variables["parts"] = cty.UnknownVal(cty.List(cty.String)).RefineNotNull()
	return variables
}

// matched is the variables of one match.
func matched(o workspace.Origin) map[string]cty.Value {
	var parts []cty.Value
	for p := range strings.SplitSeq(o.Dir, "/") {
		parts = append(parts, cty.StringVal(p))
	}
	return map[string]cty.Value{
		"branch": cty.StringVal(o.Branch), "branch_slug": cty.StringVal(reach.Slug(o.Branch)),
		"dir": cty.StringVal(o.Dir), "parts": cty.ListVal(parts), "var_file": cty.StringVal(varFileName(o.VarFile)),
	}
}

// varFileName is a var file's name without directory and extension.
func varFileName(file string) string {
	if file == "" {
		return ""
	}
	base := strings.TrimSuffix(path.Base(file), ".json")
	return strings.TrimSuffix(strings.TrimSuffix(base, ".auto.tfvars"), ".tfvars")
}

// generators reads the workspaces blocks.
func (r reader) generators(blocks []decode.Block, defaults settings) (all []Generator) {
	names := decode.WorkspaceNames("workspaces")
	r.SetVariables(unmatched())
	defer r.SetVariables(nil)
	for _, b := range blocks {
		own := r.settings(b)
		g := r.generator(b, own, defaults)
		r.checkOverridden(own, defaults)
		r.checkGeneratedName(b)
		r.renamedFrom(b)
		r.warnOfGenerator(b, own, defaults)
		if !names.Add(b) || r.Failed() {
			continue
		}
		g.Make = func(o workspace.Origin) (Workspace, error) { return r.generate(g.Generator, b, defaults, o) }
		all = append(all, g)
	}
	return all
}

func (r reader) checkGeneratedName(b decode.Block) {
	switch variables := problems.Or(decode.MatchVariables); {
	case !b.Has("name"):
		r.Missingf(b.Header, "workspaces without a name",
			"Say how they are called: name = \"${parts[0]}-${branch_slug}\". There are %s.", variables)
	case len(b.Body.Attributes["name"].Expr.Variables()) == 0:
		r.Errorf(b.Place("name"), "one name for all", "Every workspace that this block makes would have this name. "+
			"Use what tells them apart: %s.", variables)
	}
	b.Text("name")
}

// generator reads what a workspaces block makes workspaces of. None of it may
// depend on a match.
func (r reader) generator(b decode.Block, own, defaults settings) Generator {
	for _, name := range []string{"dirs", "branches"} {
		if a, ok := b.Body.Attributes[name]; ok {
			for _, t := range a.Expr.Variables() {
				r.Errorf(t.SourceRange(), "not known here",
					"%s says what workspaces are made of, so it cannot be made of that itself.", name)
			}
		}
	}
	dirs, branches := b.List("dirs"), b.List("branches")
	repository := own.text["repository"].Or(defaults.text["repository"])
	if repository.Absent() {
		r.Missingf(b.Header, "workspaces without a repository",
			"Name the repository block that they live in: repository = \"infra\"")
	}
	onRemoved := decode.OneOf(b, "on_removed", workspace.Keep, workspace.DestroyOnRemoved)
	g := Generator{Range: b.Header, Generator: workspace.Generator{
		Name: b.Name, Repository: repository.Val, Dirs: []string{"."}, All: b.Flag("all").OrElse(false),
		Branches:  []string{defaults.text["branch"].OrElse("main")},
		OnRemoved: workspace.OnRemoved(onRemoved.OrElse(string(workspace.Keep))),
		Source:    fmt.Sprintf("%s:%d", b.Header.Filename, b.Header.Start.Line)}}
	if dirs.Set {
		g.Dirs = r.directories(dirs.Val)
	}
	if branches.Set {
		r.checkGlobs(branches.Val, "names of branches", "env/*")
		g.Branches = decode.Values[string](branches.Val)
	}
	_, patterns := varFiles(own, defaults)
	r.checkGlobs(patterns, "files, relative to the directory", "vars/*.tfvars")
	g.VarFiles = decode.Values[string](patterns)
	return g
}

// directories checks patterns of directories, none of which may lie outside of
// the repository.
func (r reader) directories(patterns []decode.Item) (clean []string) {
	const what, example = "directories of the repository", "live/*/*"
	r.checkGlobs(patterns, what, example)
	for _, i := range patterns {
		d := path.Clean(i.Val)
		if d == ".." || strings.HasPrefix(d, "../") {
			r.globError(i, what, example)
		}
		clean = append(clean, d)
	}
	return clean
}

// varFiles are the files that all workspaces of a block have, and the patterns of
// those of which each has one.
func varFiles(own, defaults settings) (common, patterns []decode.Item) {
	for _, f := range own.list["var_files"].Or(defaults.list["var_files"]).Val {
		if workspace.IsGlob(f.Val) {
			patterns = append(patterns, f)
		} else {
			common = append(common, f)
		}
	}
	return common, patterns
}

// generate makes the workspace of one match. What a reader of its own finds is
// the error.
func (r reader) generate(
	g workspace.Generator, b decode.Block, defaults settings, o workspace.Origin,
) (Workspace, error) {
	r.Reader = r.ForMatch(matched(o))
	b = b.With(r.Reader)
	own := r.settings(b)
	name := b.Text("name")
	if name.Set && !workspace.ValidName().MatchString(name.Val) {
		r.Errorf(name.Range, "invalid name "+strconv.Quote(name.Val), "A workspace's name has letters, digits, dots, "+
			"underscores and hyphens, begins with a letter or a digit, and has at most 128 of them.")
	}
	both := own.over(defaults)
	common, _ := varFiles(own, defaults)
	both.list["var_files"] = decode.Field[[]decode.Item]{Val: common, Set: true}
	w := both.workspace(r.engine)
	w.Name, w.Range, w.Branch, w.Dir = name.Val, b.Header, o.Branch, path.Clean(o.Dir)
	w.Tag, w.TagPrefix, w.Commit = "", "", ""                          // of defaults; here a branch is followed
	if w.RenamedFrom = r.renamedFrom(b).Val; w.RenamedFrom == w.Name { // of a match that was called so before
		w.RenamedFrom = ""
	}
	r.checkFiles(w, both)
	r.checkOverridden(own, defaults)
	if o.VarFile != "" {
		w.VarFiles = append(w.VarFiles, o.VarFile)
	}
	if !both.text["terraform_workspace"].Set && !g.Named(o.Branch) {
		w.TerraformWorkspace = reach.Slug(o.Branch)
	}
	w.OnRemoved, w.Origin = g.OnRemoved, &o
	if d := r.FirstMistake(); d != nil {
		where := r.Path
		if d.Subject != nil {
			where = fmt.Sprintf("%s:%d", d.Subject.Filename, d.Subject.Start.Line)
		}
		return w, fault.New(fault.Invalid, "correct tfops.hcl: "+d.Detail, "%s: %s, for %s", where, d.Summary, o)
	}
	return w, nil
}
