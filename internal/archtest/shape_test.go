package archtest

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The most that one screen, or one head, takes in.
const (
	maxFunction = 60  // lines from func to its closing brace; of a test as many as it needs
	maxFields   = 20  // of a struct, but for wire types
	maxMethods  = 10  // of an interface
	maxColumns  = 120 // of a line; a tab counts as four, and what stands in a raw literal does not count
	tab         = 4
)

// wireTypes are structs that are a document or a record: their fields are those of a format.
var wireTypes = []string{"internal/api.Finding", "internal/api.Run", "internal/api.Workspace",
	"internal/drift/report.Finding", "internal/drift/report.Section", "internal/job.Job", "internal/job.Result",
	"internal/plan.Plan", "internal/run.Run", "internal/workspace.Record", "internal/workspace.Workspace"}

// notYet has, for each kind of rule, the packages (with those below them) that still break it, and how often
// at most. It only shrinks: whoever mends a package takes it out.
var notYet = map[string]map[string]int{
	"function":  {},
	"struct":    {},
	"interface": {},
	"line":      {},
}

// later is the package in notYet that a package belongs to.
func later(kind, name string) string {
	for listed := range notYet[kind] {
		if name == listed || strings.HasPrefix(name, listed+"/") {
			return listed
		}
	}
	return ""
}

func TestShape(t *testing.T) {
	found := map[string]map[string]int{"function": {}, "struct": {}, "interface": {}, "line": {}}
	files := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (strings.HasPrefix(name, ".") && name != ".." || name == "testdata" || name == "node_modules") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_templ.go") {
			return nil
		}
		files++
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path, _ = filepath.Rel("../..", path) // both are relative
		breaks := func(kind, format string, args ...any) {
			if listed := later(kind, filepath.Dir(path)); listed != "" {
				found[kind][listed]++
				return
			}
			t.Errorf(format, args...)
		}
		for line, n := range columns(src) {
			if n > maxColumns {
				breaks("line", "%s:%d has %d columns, %d are the most", path, line+1, n, maxColumns)
			}
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		shapes(fset, f, path, breaks)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for kind, packages := range notYet {
		for name, n := range packages {
			switch got := found[kind][name]; {
			case got == 0:
				t.Errorf("%s breaks the rule on each %s no more: take it out of notYet", name, kind)
			case got > n:
				t.Errorf("%s breaks the rule on each %s %d times, and notYet says %d", name, kind, got, n)
			}
		}
	}
	if files < 500 {
		t.Errorf("only %d files were looked at", files)
	}
}

// wide is how many methods an interface has, with those of interfaces of its file that it
// joins.
func wide(of *ast.InterfaceType, f *ast.File) (n int) {
	for _, m := range of.Methods.List {
		joined, ok := m.Type.(*ast.Ident)
		if !ok {
			n++
			continue
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range g.Specs {
				t, ok := spec.(*ast.TypeSpec)
				if !ok || t.Name.Name != joined.Name {
					continue
				}
				if i, ok := t.Type.(*ast.InterfaceType); ok {
					n += wide(i, f)
				}
			}
		}
	}
	return n
}

func shapes(fset *token.FileSet, f *ast.File, path string, breaks func(kind, format string, args ...any)) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			lines := fset.Position(n.End()).Line - fset.Position(n.Pos()).Line + 1
			if lines > maxFunction && !strings.HasSuffix(path, "_test.go") {
				breaks("function", "%s: %s has %d lines, %d are the most", path, n.Name, lines, maxFunction)
			}
		case *ast.TypeSpec:
			switch of := n.Type.(type) {
			case *ast.StructType:
				if fields := count(of.Fields); fields > maxFields && !slices.Contains(wireTypes, filepath.Dir(path)+"."+
					n.Name.Name) {
					breaks("struct", "%s: %s has %d fields, %d are the most", path, n.Name, fields, maxFields)
				}
			case *ast.InterfaceType:
				if methods := wide(of, f); methods > maxMethods {
					breaks("interface", "%s: %s has %d methods, %d are the most", path, n.Name, methods, maxMethods)
				}
			}
		}
		return true
	})
}

// count counts what is declared, of several names in one line each; one that is embedded is one.
func count(list *ast.FieldList) (n int) {
	for _, f := range list.List {
		n += max(len(f.Names), 1)
	}
	return n
}

// columns is how long each line is, without what stands in raw literals: those cannot be broken.
func columns(src []byte) []int {
	var widths []int
	for line := range strings.Lines(string(src)) {
		widths = append(widths, width(strings.TrimSuffix(line, "\n")))
	}
	fset := token.NewFileSet()
	file := fset.AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, 0)
	for {
		pos, kind, text := s.Scan()
		if kind == token.EOF {
			return widths
		}
		if kind != token.STRING || text[0] != '`' {
			continue
		}
		first := file.Line(pos) - 1
		for i, part := range strings.Split(text, "\n") {
			widths[first+i] -= width(part)
		}
	}
}

func width(line string) (n int) {
	for _, r := range line {
		n++
		if r == '\t' {
			n += tab - 1
		}
	}
	return n
}

// TestColumns sees that the ruler measures.
func TestColumns(t *testing.T) {
	got := columns([]byte("package é\n\tx := `a\nb` + 1\n"))
	for i, want := range []int{9, 9, 4} {
		if got[i] != want {
			t.Errorf("line %d: %d columns, want %d", i+1, got[i], want)
		}
	}
}
