package phase

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/runner/memfile"
	"github.com/tfops/tfops/internal/runner/module"
)

// ephemeralValues is a file of variables with the values of ephemeral ones, for
// an apply: a saved plan holds every value but theirs. The engine refuses others
// here when they differ, as a secret does that was rotated meanwhile, so nothing
// else is in it. nil when there is nothing to give; what the engine reads in the
// directory by itself it reads again.
func (p *phase) ephemeralValues() (*os.File, error) {
	wanted := func(name string) bool { return p.module.Variables[name].Ephemeral }
	if !slices.ContainsFunc(slices.Collect(maps.Keys(p.module.Variables)), wanted) {
		return nil, nil
	}
	values := map[string]cty.Value{}
	take := func(src []byte, path string) {
		for _, a := range module.Assignments(src, path) {
			v, diags := a.Expr.Value(nil)
			if wanted(a.Name) && !diags.HasErrors() {
				values[a.Name] = v
			}
		}
	}
	for _, name := range p.job.VarFiles {
		path := filepath.Join(p.root, filepath.FromSlash(name))
		src, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		take(src, path)
	}
	take([]byte(p.secrets.Variables), "variables") // the last one counts, as in the plan
	if len(values) == 0 {
		return nil, nil
	}
	f := hclwrite.NewEmptyFile()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		f.Body().SetAttributeValue(name, values[name])
	}
	return memfile.New("tfops-ephemeral", f.Bytes())
}
