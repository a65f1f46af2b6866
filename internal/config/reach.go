package config

import (
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/workspace"
)

// reach reads what expressions of a root module and its modules read, for where
// the code does not tell: a pattern, or a list of them, by the expression.
func (r *reader) reach(b block) map[string][]string {
	written := b.object("reach")
	out := map[string][]string{}
	for _, expression := range written.sorted() {
		e := written[expression]
		if why := notAnExpression(expression); why != "" {
			r.errorAt(e.rng, "not an expression",
				"A key of reach is an expression as it stands in the code, for example \"each.value.path\". %s", why)
			continue
		}
		if e.ok {
			out[expression] = r.reachPatterns(e)
		}
	}
	return out
}

func notAnExpression(text string) string {
	if rootmodule.TooDeep([]byte(text)) {
		return "This one is nested too deep."
	}
	if _, diags := hclsyntax.ParseExpression([]byte(text), "", hcl.InitialPos); diags.HasErrors() {
		return diags[0].Summary + "."
	}
	return ""
}

// reachPatterns are the patterns of one expression; nil for null.
func (r *reader) reachPatterns(e entry) []string {
	if workspace.IsSecret(e.val) {
		r.errorAt(e.rng, noSecret,
			"reach is shown to people, and what env and file return is kept secret. Write the pattern itself.")
		return nil
	}
	if e.val.IsNull() {
		return nil
	}
	list := e.val
	if list.Type() == cty.String {
		list = cty.ListVal([]cty.Value{list})
	}
	list, err := convert.Convert(list, cty.List(cty.String))
	if err != nil {
		r.errorAt(e.rng, "wrong type",
			"%s reads the files that a pattern matches, or a list of patterns: \"keys/**\". This is %s.",
			e.name, valueName(e.val.Type()))
		return nil
	}
	out := []string{}
	for _, v := range list.AsValueSlice() {
		if v.IsNull() {
			r.errorAt(e.rng, "null in a list", "Remove the null from what %s reads.", e.name)
			continue
		}
		p := v.AsString()
		if path.IsAbs(p) || !workspace.ValidGlob(p) || strings.HasPrefix(p, "!") {
			r.errorAt(e.rng, "not a pattern",
				"%q is no pattern over files of the repository, such as \"keys/**\". An empty list says that the expression reads none of them.", p)
			continue
		}
		out = append(out, p)
	}
	return out
}

func (r *reader) checkWatch(items []item) {
	for _, i := range items {
		if strings.HasPrefix(i.val, "!") {
			r.errorAt(i.rng, "not a pattern",
				"watch only adds files. To take some away write ignore = [%q], or \"\\\\%s\" for a name that begins so.", i.val[1:], i.val)
			return
		}
	}
	r.checkGlobs(items, "paths from the root of the repository", "config/**")
}

// checkIgnore checks patterns of which one with "!" puts back what one before
// it takes away.
func (r *reader) checkIgnore(items []item) {
	for n, i := range items {
		back, negated := strings.CutPrefix(i.val, "!")
		r.checkGlobs([]item{{back, i.rng}}, "paths from the root of the repository", "config/**")
		if negated && n == 0 {
			r.warnAt(i.rng, "nothing to put back", "The last pattern that matches counts, and nothing before %q is ignored. "+
				"Write the wide pattern first: ignore = [\"config/**\", \"!config/prod.yml\"]", i.val)
		}
	}
}
