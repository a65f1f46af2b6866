package server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/run"
)

// The lists of words in the tags of the API are written by hand: they have what there is.
func TestEnumsAreWhole(t *testing.T) {
	for _, c := range []struct {
		of    any
		field string
		want  []string
	}{
		{api.Run{}, "Status", texts(run.Statuses)},
		{runsInput{}, "Status", texts(run.Statuses)},
		{api.Run{}, "Kind", constants(t, "../run", "Kind")},
		{runsInput{}, "Kind", constants(t, "../run", "Kind")},
		{api.Waiting{}, "Kind", constants(t, "../engine/decide", "WaitKind")},
		{api.Finding{}, "Class", texts(drift.Classes())},
	} {
		typ := reflect.TypeOf(c.of)
		f, ok := typ.FieldByName(c.field)
		if !ok {
			t.Fatalf("%s has no field %s", typ, c.field)
		}
		got, want := strings.Split(f.Tag.Get("enum"), ","), slices.Clone(c.want)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("the enum of %s.%s is\n%q, and there are\n%q", typ, c.field, got, want)
		}
	}
}

func texts[T ~string](all []T) []string {
	var out []string
	for _, v := range all {
		out = append(out, string(v))
	}
	return out
}

// constants are the values of the constants of a type that a package declares.
func constants(t *testing.T, dir, typ string) (values []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			lit, isLit := spec.Values[0].(*ast.BasicLit)
			if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != typ || !isLit {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, text)
			return true
		})
	}
	if len(values) == 0 {
		t.Fatalf("%s declares no constant of type %s", dir, typ)
	}
	return values
}
