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

// Where the files of runs, workspaces and reports are, one package knows.
func TestOnePackageKnowsWhereFilesAre(t *testing.T) {
	looked := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (slices.Contains([]string{".git", "testdata", "artifacts", "test"}, d.Name())) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		looked++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if at := joined(decl); at != token.NoPos {
				t.Errorf("%s joins a path that package artifacts knows", set.Position(at))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if looked < 300 {
		t.Errorf("only %d files were looked at", looked)
	}
}

// joined is where a declaration joins a path with the name of a directory of artifacts.
func joined(decl ast.Decl) (at token.Pos) {
	named := func(exprs []ast.Expr) bool {
		return slices.ContainsFunc(exprs, func(e ast.Expr) bool {
			lit, ok := e.(*ast.BasicLit)
			return ok && slices.Contains([]string{`"runs"`, `"workspaces"`, `"reports"`}, lit.Value)
		})
	}
	ast.Inspect(decl, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != "Join" {
			return true
		}
		if named(call.Args) {
			at = call.Pos()
		}
		return true
	})
	return at
}
