package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A runner is the whole binary, started for each phase of each run: what packages make
// while it starts was more than half of its own time once.
func TestNothingIsCompiledAtTheStart(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}`, module+"internal/...", module+"cmd/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(out))
	if len(files) < 100 {
		t.Fatalf("only %d files were looked at", len(files))
	}
	for _, file := range files {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, at := range compiled(g) {
					t.Errorf("%s:%d compiles something while every process starts: use lazyregexp.New or "+
						"sync.OnceValue", filepath.Base(file), set.Position(at).Line)
				}
			}
		}
	}
}

// compiled finds the calls that compile an expression or a template right away.
func compiled(g *ast.GenDecl) (at []token.Pos) {
	ast.Inspect(g, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && (x.Name == "regexp" || x.Name == "template") &&
					strings.HasPrefix(sel.Sel.Name, "Must") {
					at = append(at, n.Pos())
				}
			}
		}
		return true
	})
	return at
}
