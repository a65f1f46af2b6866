package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// parsers are functions that whoever may push could keep busy, or end the process with, by package.
var parsers = map[string][]string{
	"github.com/hashicorp/hcl/v2/hclsyntax": {"ParseConfig", "ParseExpression", "ParseTemplate", "ParseTraversalAbs",
		"ParseTraversalPartial", "LexConfig", "LexExpression", "LexTemplate"},
	"github.com/hashicorp/hcl/v2/json":     {"Parse", "ParseWithStartPos", "ParseExpression", "ParseFile"},
	"github.com/hashicorp/hcl/v2/hclparse": {"NewParser"},
	"github.com/hashicorp/hcl/v2/hclwrite": {"ParseConfig"},
}

// Texts in HCL are parsed by package rootmodule, which weighs them first. The configuration is
// weighed where it is opened, and parsed so that a broken one is still read.
func TestHCLIsParsedWithinBounds(t *testing.T) {
	looked := 0
	for _, root := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			switch filepath.ToSlash(filepath.Dir(path)) {
			case "../../internal/rootmodule", "../../internal/config/syntax":
				looked++
				return nil
			}
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			looked++
			for _, at := range calls(f) {
				t.Errorf("%s:%d parses HCL by itself: use package rootmodule", path, set.Position(at).Line)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if looked < 300 {
		t.Errorf("only %d files were looked at", looked)
	}
}

// calls finds where a file names one of the parsers.
func calls(f *ast.File) (at []token.Pos) {
	named := map[string][]string{}
	for _, i := range f.Imports {
		p := strings.Trim(i.Path.Value, `"`)
		if parsers[p] == nil {
			continue
		}
		name := filepath.Base(p)
		if i.Name != nil {
			name = i.Name.Name
		}
		named[name] = parsers[p]
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(named[x.Name], sel.Sel.Name) {
				at = append(at, sel.Pos())
			}
		}
		return true
	})
	return at
}
