package module

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/runner/memfile"
)

// assignment is one value that a file of variables gives.
type assignment struct {
	Name string
	Expr hcl.Expression
	Line int
}

// assignments are what a file of variables says, in its order; none when it
// cannot be read: the engine's own message about that is better.
func assignments(src []byte, path string) []assignment {
	body, err := rootmodule.ParseOwn(path, src)
	if err != nil {
		return nil
	}
	attrs, _ := body.JustAttributes()
	var found []assignment
	for name, a := range attrs {
		found = append(found, assignment{name, a.Expr, a.NameRange.Start.Line})
	}
	slices.SortFunc(found, func(a, b assignment) int {
		return cmp.Or(a.Line-b.Line, strings.Compare(a.Name, b.Name))
	})
	return found
}

// readVariables reads a file of variables; a link may lead to it.
func readVariables(root, name string) ([]byte, error) {
	path, err := filepath.EvalSymlinks(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	return datafile.Read(path, datafile.Record)
}

// EphemeralValues is a file of variables with the values of ephemeral ones, for
// an apply: a saved plan holds every value but theirs. The engine refuses others
// here when they differ, as a secret does that was rotated meanwhile, so nothing
// else is in it. nil when there is nothing to give; what the engine reads in the
// directory by itself it reads again.
func (m Module) EphemeralValues(j job.Job, root, own string) (*os.File, error) {
	wanted := func(name string) bool { return m.Variables[name] }
	if !slices.ContainsFunc(slices.Collect(maps.Keys(m.Variables)), wanted) {
		return nil, nil
	}
	values := map[string]cty.Value{}
	take := func(src []byte, path string) {
		for _, a := range assignments(src, path) {
			v, diags := a.Expr.Value(nil)
			if wanted(a.Name) && !diags.HasErrors() {
				values[a.Name] = v
			}
		}
	}
	for _, name := range j.VarFiles {
		src, err := readVariables(root, name)
		if err != nil {
			return nil, err
		}
		take(src, name)
	}
	take([]byte(own), "variables") // the last one counts, as in the plan
	if len(values) == 0 {
		return nil, nil
	}
	f := hclwrite.NewEmptyFile()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		f.Body().SetAttributeValue(name, values[name])
	}
	return memfile.Sealed("tfops-ephemeral", f.Bytes())
}
