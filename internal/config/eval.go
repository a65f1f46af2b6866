package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/tfops/tfops/internal/hclfn"
	"github.com/tfops/tfops/internal/workspace"
)

// evaluate computes an expression. False: it is mistaken, and that has been
// reported, or it stands in broken syntax.
func (r *reader) evaluate(expr hclsyntax.Expression) (cty.Value, bool) {
	unknown := r.variables(expr)
	if r.tooLarge(expr) {
		return cty.NilVal, false
	}
	r.outside = nil
	v, diags := expr.Value(r.eval)
	r.report(expr, slices.DeleteFunc(slices.Clone(diags), isReference))
	if unknown || diags.HasErrors() || !v.IsWhollyKnown() {
		return cty.NilVal, false
	}
	return v, true
}

// variables reports references to variables, of which there are none but those
// of a match in a workspaces block.
func (r *reader) variables(expr hclsyntax.Expression) bool {
	refs := slices.DeleteFunc(expr.Variables(), func(t hcl.Traversal) bool { _, ok := r.eval.Variables[t.RootName()]; return ok })
	for _, t := range refs {
		name := t.RootName()
		if r.veil { // it may be the secret, without its quotes
			r.errorAt(t.SourceRange(), "not a value", "There are no variables in tfops.hcl. Write text in quotes, or take it from the environment with env(\"…\").")
			continue
		}
		if r.eval.Variables != nil {
			r.errorAt(t.SourceRange(), "not a value", "A workspaces block has the variables %s, and no %q.%s", orList(matchVariables), name, didYouMean(name, matchVariables))
			continue
		}
		if slices.Contains(matchVariables, name) {
			r.errorAt(t.SourceRange(), "not a value", "Only a workspaces block has the variable %s. There are no others in tfops.hcl.", name)
			continue
		}
		if _, alone := expr.(*hclsyntax.ScopeTraversalExpr); alone && len(t) == 1 {
			r.errorAt(t.SourceRange(), "not a value", "There are no variables in tfops.hcl. If this is text, write it in quotes: %q.", name)
			continue
		}
		r.errorAt(t.SourceRange(), "not a value", "There are no variables in tfops.hcl, so %q means nothing here. Write the value, or take it from the environment with env(\"…\").", name)
	}
	return len(refs) > 0
}

// isReference tells HCL's own finding of what variables has reported already.
func isReference(d *hcl.Diagnostic) bool {
	return d.Summary == "Variables not allowed" || d.Summary == "Unknown variable"
}

// report takes the findings of an evaluation. Where a secret took part, the
// message of a function or an operator may repeat it and is left out.
func (r *reader) report(expr hclsyntax.Expression, diags hcl.Diagnostics) {
	for _, d := range diags {
		c := *d
		c.EvalContext, c.Expression, c.Summary = nil, nil, lowerFirst(d.Summary)
		if unknown, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallUnknownDiagExtra](d); ok {
			c.Summary, c.Detail = "unknown function", r.unknownFunction(unknown.CalledFunctionName())
			r.add(&c)
			continue
		}
		var own *outsideError
		if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok && errors.As(call.FunctionCallError(), &own) {
			c.Summary, c.Detail = own.summary, own.detail
		} else if reachesOutside(expr) && !staticMistakes[d.Summary] {
			c.Detail = "The message is left out, because it may repeat what env or file returned."
		} else if r.veil && !staticMistakes[d.Summary] {
			c.Detail = "The message is left out, because it may repeat what is secret."
		}
		r.add(&c)
	}
}

// lowerFirst makes one style of HCL's summaries and ours.
func lowerFirst(s string) string {
	if len(s) < 2 || s[0] < 'A' || s[0] > 'Z' || s[1] >= 'A' && s[1] <= 'Z' {
		return s
	}
	return string(s[0]-'A'+'a') + s[1:]
}

// staticMistakes are HCL's findings that no value takes part in.
var staticMistakes = map[string]bool{
	"Not enough function arguments": true, "Too many function arguments": true,
	"Invalid expression": true, "Missing item separator": true,
}

func (r *reader) unknownFunction(name string) string {
	if name == "env" || name == "file" {
		return "A condition is evaluated long after the configuration was read, so env and file do not exist in it."
	}
	known := slices.Sorted(maps.Keys(r.eval.Functions))
	return fmt.Sprintf("There is no function %q.%s", name, didYouMean(name, known))
}

// reachesOutside reports whether env or file is called within the expression.
func reachesOutside(expr hclsyntax.Expression) bool {
	found := false
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && (call.Name == "env" || call.Name == "file") {
			found = true
		}
		return nil
	})
	return found
}

// outsideError is why env or file failed. It holds no secret.
type outsideError struct{ summary, detail string }

func (e *outsideError) Error() string { return e.detail }

// functions is every function of the configuration.
func (r *reader) functions() map[string]function.Function {
	fns := hclfn.Pure()
	fns["env"] = function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "name", Type: cty.String}},
		VarParam: &function.Parameter{Name: "default", Type: cty.String},
		Type:     function.StaticReturnType(cty.String),
		Impl:     r.remembered("env", (*reader).envFunc),
	})
	fns["file"] = function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl:   r.remembered("file", (*reader).fileFunc),
	})
	return fns
}

func (r *reader) secret(s string) cty.Value {
	r.outside = append(r.outside, s)
	return cty.StringVal(s).WithMarks(workspace.Secret)
}

func (r *reader) envFunc(args []cty.Value, _ cty.Type) (cty.Value, error) {
	name := args[0].AsString()
	quoted, same := strconv.Quote(name), strconv.Quote(name)
	if r.within(name) {
		quoted, same = "that is asked for", "\"…\""
	}
	if len(args) > 2 {
		return cty.NilVal, &outsideError{"too many arguments", "env takes a name and at most one default."}
	}
	if r.veil && !envName().MatchString(name) { // it may be the secret itself
		return cty.NilVal, &outsideError{"not the name of an environment variable", "env takes the name of a variable of the environment, such as env(\"SLACK_URL\"). Set the variable to what stands here, and name it."}
	}
	if v, ok := os.LookupEnv(name); ok {
		if !utf8.ValidString(v) {
			return cty.NilVal, &outsideError{"not text", fmt.Sprintf("The environment variable %s is not valid UTF-8.", quoted)}
		}
		return r.secret(v), nil
	}
	if len(args) == 2 {
		return r.secret(args[1].AsString()), nil
	}
	return cty.NilVal, &outsideError{"environment variable is not set",
		fmt.Sprintf("Set the variable %s in the environment of tfops serve (and restart it), or give a default: env(%s, \"…\")", quoted, same)}
}

// noteFile remembers a file whose change can change the configuration.
func (r *reader) noteFile(path string) {
	if !slices.Contains(r.read, path) {
		r.read = append(r.read, path)
	}
}

func (r *reader) fileFunc(args []cty.Value, _ cty.Type) (cty.Value, error) {
	name := args[0].AsString()
	path := r.abs(name)
	if r.within(name) || r.veil && isAddress(name) {
		name = "The file"
	}
	b, err := readFile(path)
	r.noteFile(path)
	if err != nil {
		return cty.NilVal, &outsideError{"cannot read the file",
			fmt.Sprintf("%s: %s. A relative path is relative to the directory of the configuration file.", name, reason(err))}
	}
	if !utf8.Valid(b) {
		return cty.NilVal, &outsideError{"not text", fmt.Sprintf("%s is not valid UTF-8.", name)}
	}
	return r.secret(string(b)), nil
}

// reason is an error without the path that it repeats.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

// readFile reads a regular file of bounded size.
func readFile(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxFileSize {
		return nil, fmt.Errorf("larger than %d KiB", maxFileSize>>10)
	}
	return b, nil
}

// within reports whether a text repeats something that env or file returned
// for the expression that was evaluated last.
func (r *reader) within(text string) bool {
	return slices.ContainsFunc(r.outside, func(s string) bool {
		s = strings.TrimSpace(s)
		return s != "" && strings.Contains(text, s)
	})
}
