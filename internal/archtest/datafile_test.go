package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// readers are files of code by which the daemon reads below its data directory, and
// functions in them that open something else by themselves, with what.
var readers = map[string][]string{
	"../artifacts/*.go":          nil,
	"../engine/*.go":             nil,
	"../engine/*/*.go":           {"lacksFiles: the null device"},
	"../seal/*.go":               {"Load: the key, which may be a link"},
	"../checkout/*.go":           nil,
	"../job/*.go":                nil,
	"../pinned/*.go":             nil,
	"../durable/*.go":            {"Sync: a file or a directory"},
	"../runner/*.go":             nil,
	"../runner/ground/*.go":      {"LayOut: the resolved backend, which may be in memory"},
	"../runner/workdir/*.go":     nil,
	"../runner/backend/*.go":     nil,
	"../runner/diagnostics/*.go": nil,
	"../runner/phase/*.go":       {"readSecrets: the null device"},
}

// A pipe, a link to a device or a file without end under a known name would have the
// daemon wait, or take all memory, and every workspace with it: see package datafile.
func TestTheDaemonOpensRegularFilesAlone(t *testing.T) {
	looked, used := 0, map[string]bool{}
	for pattern, others := range readers {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			looked++
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				i := slices.IndexFunc(others, func(s string) bool { return strings.HasPrefix(s, fn.Name.Name+": ") })
				for _, at := range opened(fn) {
					if i < 0 {
						t.Errorf("%s:%d opens a file by itself, in %s: use package datafile, or say here what it opens",
							name, set.Position(at).Line, fn.Name.Name)
						continue
					}
					used[pattern+others[i]] = true
				}
			}
		}
		for _, o := range others {
			if !used[pattern+o] {
				t.Errorf("%s has no %q any more", pattern, o)
			}
		}
	}
	if looked < 50 {
		t.Errorf("only %d files were looked at", looked)
	}
}

// opened finds where a function opens files with package os.
func opened(fn *ast.FuncDecl) (at []token.Pos) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "os" &&
				slices.Contains([]string{"ReadFile", "Open", "OpenFile", "Create", "WriteFile"}, sel.Sel.Name) {
				at = append(at, sel.Pos())
			}
		}
		return true
	})
	return at
}
