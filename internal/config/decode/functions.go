package decode

import (
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/tfops/tfops/internal/hclfn"
	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/workspace"
)

// EnvName is what an environment variable may be called.
var EnvName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

// outsideError is why env or file failed. It holds no secret.
type outsideError struct{ summary, detail string }

func (e *outsideError) Error() string { return e.detail }

// functions is every function of the configuration.
func (r *Reader) functions() map[string]function.Function {
	fns := hclfn.Pure()
	fns["env"] = function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "name", Type: cty.String}},
		VarParam: &function.Parameter{Name: "default", Type: cty.String},
		Type:     function.StaticReturnType(cty.String),
		Impl:     r.keep("env", r.env),
	})
	fns["file"] = function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl:   r.keep("file", r.file),
	})
	return fns
}

// kept is what env and file returned, so that a workspace that a later match
// adds gets what the configuration was read with.
type kept struct {
	mu     sync.Mutex
	values map[string]*workspace.Source
}

// Returned lists what env and file have returned until now, with what names it.
func (r *Reader) Returned() (all []workspace.Named) {
	r.kept.mu.Lock()
	defer r.kept.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(r.kept.values)) {
		s := r.kept.values[key]
		all = append(all, workspace.Named{Name: s.Name, Text: s.Text})
	}
	return all
}

// keep is a function of texts whose result is kept, and secret.
func (r *Reader) keep(name string, call func(args []string) (string, error)) function.ImplFunc {
	return func(values []cty.Value, _ cty.Type) (cty.Value, error) {
		var args []string
		for _, v := range values {
			args = append(args, v.AsString())
		}
		key := strings.Join(append([]string{name}, args...), "\x00")
		r.kept.mu.Lock()
		defer r.kept.mu.Unlock()
		s, ok := r.kept.values[key]
		if !ok {
			text, err := call(args)
			if err != nil {
				return cty.NilVal, err
			}
			s = &workspace.Source{Name: path.Base(args[0]), Text: text}
			r.kept.values[key] = s
		}
		r.secrets = append(r.secrets, s.Text)
		return cty.StringVal(s.Text).WithMarks(workspace.Secret, cty.NewValueMarks(s)), nil
	}
}

func (r *Reader) env(args []string) (string, error) {
	name := args[0]
	quoted, same := strconv.Quote(name), strconv.Quote(name)
	if r.Repeats(name) {
		quoted, same = "that is asked for", "\"…\""
	}
	if len(args) > 2 {
		return "", &outsideError{"too many arguments", "env takes a name and at most one default."}
	}
	if r.redact && !EnvName().MatchString(name) { // it may be the secret itself
		return "", &outsideError{"not the name of an environment variable", "env takes the name of a variable of " +
			"the environment, such as env(\"SLACK_URL\"). Set the variable to what stands here, and name it."}
	}
	v, ok := os.LookupEnv(name)
	switch {
	case ok && !utf8.ValidString(v):
		return "", &outsideError{"not text", fmt.Sprintf("The environment variable %s is not valid UTF-8.", quoted)}
	case ok:
		return v, nil
	case len(args) == 2:
		return args[1], nil
	}
	return "", &outsideError{"environment variable is not set", fmt.Sprintf("Set the variable %s in the environment "+
		"of tfops serve (and restart it), or give a default: env(%s, \"…\")", quoted, same)}
}

func (r *Reader) file(args []string) (string, error) {
	name := args[0]
	b, err := r.ReadNamed(r.Abs(name))
	if r.Repeats(name) || r.redact && IsAddress(name) {
		name = "The file"
	}
	if err != nil {
		return "", &outsideError{"cannot read the file", name + ": " + Reason(err) + ". " + RelativePath}
	}
	if !utf8.Valid(b) {
		return "", &outsideError{"not text", name + " is not valid UTF-8."}
	}
	return string(b), nil
}

// RelativePath ends a message about a file that is not there.
const RelativePath = "A relative path is relative to the directory of the configuration file."

// Repeats reports whether a text repeats something that env or file returned
// for the expression that was evaluated last.
func (r *Reader) Repeats(text string) bool {
	return slices.ContainsFunc(r.secrets, func(s string) bool {
		s = strings.TrimSpace(s)
		return s != "" && strings.Contains(text, s)
	})
}
