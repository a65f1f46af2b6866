package workspaces

import (
	"errors"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/workspace"
)

const notAPattern = "not a pattern"

// reach reads what expressions of a root module and its modules read, for where
// the code does not tell: a pattern, or a list of them, by the expression.
func (r reader) reach(b decode.Block) map[string][]string {
	out := map[string][]string{}
	for expression, e := range b.Map("reach").All() {
		if why := notAnExpression(expression); why != "" {
			r.Errorf(e.Range, "not an expression",
				"A key of reach is an expression as it stands in the code, for example \"each.value.path\". %s", why)
			continue
		}
		if e.OK {
			out[expression] = r.reachPatterns(e)
		}
	}
	return out
}

func notAnExpression(text string) string {
	_, err := rootmodule.ParseExpression([]byte(text))
	var diags hcl.Diagnostics
	switch {
	case errors.As(err, &diags):
		return diags[0].Summary + "."
	case err != nil:
		return "This one is " + err.Error() + "."
	}
	return ""
}

// reachPatterns are the patterns of one expression; nil for null.
func (r reader) reachPatterns(e decode.Entry) []string {
	if workspace.IsSecret(e.Val) {
		r.NoSecretIn(e.Range, "reach is", "pattern")
		return nil
	}
	if e.Val.IsNull() {
		return nil
	}
	list := e.Val
	if list.Type() == cty.String {
		list = cty.ListVal([]cty.Value{list})
	}
	list, err := convert.Convert(list, cty.List(cty.String))
	if err != nil {
		r.Errorf(e.Range, "wrong type",
			"%s reads the files that a pattern matches, or a list of patterns: \"keys/**\". This is %s.",
			e.Name, decode.ValueName(e.Val.Type()))
		return nil
	}
	out := []string{}
	for _, v := range list.AsValueSlice() {
		if v.IsNull() {
			r.Errorf(e.Range, "null in a list", "Remove the null from what %s reads.", e.Name)
			continue
		}
		p := v.AsString()
		if path.IsAbs(p) || !workspace.ValidGlob(p) || strings.HasPrefix(p, "!") {
			r.Errorf(e.Range, notAPattern, "%q is no pattern over files of the repository, such as \"keys/**\". "+
				"An empty list says that the expression reads none of them.", p)
			continue
		}
		out = append(out, p)
	}
	return out
}

const fromTheRoot = "paths from the root of the repository"

func (r reader) checkWatch(items []decode.Item) {
	for _, i := range items {
		if strings.HasPrefix(i.Val, "!") {
			r.Errorf(i.Range, notAPattern, "watch only adds files. To take some away write ignore = [%q], "+
				"or \"\\\\%s\" for a name that begins so.", i.Val[1:], i.Val)
			return
		}
	}
	r.checkGlobs(items, fromTheRoot, "config/**")
}

// checkIgnore checks patterns of which one with "!" puts back what one before
// it takes away.
func (r reader) checkIgnore(items []decode.Item) {
	for n, i := range items {
		back, negated := strings.CutPrefix(i.Val, "!")
		r.checkGlobs([]decode.Item{{Val: back, Range: i.Range}}, fromTheRoot, "config/**")
		if negated && n == 0 {
			r.Warnf(i.Range, "nothing to put back", "The last pattern that matches counts, and nothing before %q is "+
				"ignored. Write the wide pattern first: ignore = [\"config/**\", \"!config/prod.yml\"]", i.Val)
		}
	}
}

// checkGlobs checks patterns over what a message calls so.
func (r reader) checkGlobs(items []decode.Item, what, example string) {
	for _, i := range items {
		if path.IsAbs(i.Val) || !workspace.ValidGlob(i.Val) {
			r.globError(i, what, example)
		}
	}
}

func (r reader) globError(i decode.Item, what, example string) {
	r.Errorf(i.Range, notAPattern, "It is a pattern over %s, such as %q: * stands for anything but a slash, "+
		"** for any number of directories.", what, example)
}
