package module

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/tfops/tfops/internal/workspace"
)

// rootVariable is what is read of a variable block of the root module.
type rootVariable struct {
	Ephemeral  bool
	overridden bool // an override file says whether it is ephemeral
}

var variableSchema = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "ephemeral"}}}

// variable reads a variable block. Of several blocks of one name, the one in an
// override file counts, whichever is read first.
func (r *moduleReader) variable(path string, b *hcl.Block) {
	if r.out.Variables == nil {
		r.out.Variables = map[string]rootVariable{}
	}
	v := r.out.Variables[b.Labels[0]]
	content, _, _ := b.Body.PartialContent(variableSchema)
	if a := content.Attributes["ephemeral"]; a != nil && (isOverride(path) || !v.overridden) {
		v.Ephemeral, v.overridden = isTrue(a.Expr), isOverride(path)
	}
	r.out.Variables[b.Labels[0]] = v
}

// isOverride reports whether the engine merges the file's blocks into those of
// other files.
func isOverride(path string) bool {
	base, _, _ := strings.Cut(filepath.Base(path), ".")
	return base == "override" || strings.HasSuffix(base, "_override")
}

func isTrue(expr hcl.Expression) bool {
	v, diags := expr.Value(nil)
	if diags.HasErrors() || !v.IsWhollyKnown() || v.IsNull() {
		return false
	}
	b, err := convert.Convert(v, cty.Bool)
	return err == nil && b.True()
}

// assignment is one value that a file of variables gives.
type assignment struct {
	Name string
	Expr hcl.Expression
	Line int
}

// Assignments are what a file of variables says, in its order; none when it
// cannot be read: the engine's own message about that is better.
func Assignments(src []byte, path string) []assignment {
	if workspace.Deep(src) {
		return nil
	}
	var f *hcl.File
	var diags hcl.Diagnostics
	if strings.HasSuffix(path, ".json") {
		f, diags = json.Parse(src, path)
	} else {
		f, diags = hclsyntax.ParseConfig(src, path, hcl.InitialPos)
	}
	if f == nil || diags.HasErrors() {
		return nil
	}
	attrs, _ := f.Body.JustAttributes()
	var found []assignment
	for name, a := range attrs {
		found = append(found, assignment{name, a.Expr, a.NameRange.Start.Line})
	}
	slices.SortFunc(found, func(a, b assignment) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return strings.Compare(a.Name, b.Name)
	})
	return found
}
