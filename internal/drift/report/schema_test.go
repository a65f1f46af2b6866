package report_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tfops/tfops/internal/drift/report"
)

var published = filepath.Join("..", "..", "..", "docs", "drift-report.schema.json")

func schemaIn(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, name string, doc []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// The JSON is as its published schema says, and the SARIF as that of OASIS.
func TestSchemas(t *testing.T) {
	ours, sarif := schemaIn(t, published), schemaIn(t, filepath.Join("testdata", "sarif-schema-2.1.0.json"))
	for name := range nights {
		for file, s := range map[string]*jsonschema.Schema{name + ".json": ours, name + ".sarif": sarif} {
			doc, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			validate(t, s, file, doc)
		}
	}
	for seed := range uint64(30) {
		text := words("a", "", "x y", "http://[::1", "../..", "\x00\x1b]8;;\a", "ü\u202e",
			strings.Repeat("long ", 300), "<b>&amp;|`")
		r := report.Build(newFleet(seed, int(seed%6), text).in)
		validate(t, ours, "a random report", rendered(t, r, "json"))
		validate(t, sarif, "a random SARIF", rendered(t, r, "sarif"))
	}
}

// The schema is strict: a key that it does not name, or one too few, is an error.
func TestSchemaIsStrict(t *testing.T) {
	s := schemaIn(t, published)
	good := rendered(t, report.Build(badNight()), "json")
	for name, spoil := range map[string]func(map[string]any){
		"another key":     func(r map[string]any) { r["extra"] = 1 },
		"another version": func(r map[string]any) { r["version"] = 99 },
		"a key too few":   func(r map[string]any) { delete(r, "headline") },
		"no time":         func(r map[string]any) { r["at"] = "yesterday" },
		"another class":   func(r map[string]any) { firstFinding(r)["class"] = "odd" },
		"a key in a value": func(r map[string]any) {
			firstFinding(r)["attributes"].([]any)[0].(map[string]any)["after"] = "x"
		},
	} {
		var doc map[string]any
		if err := json.Unmarshal(good, &doc); err != nil {
			t.Fatal(err)
		}
		if spoil(doc); s.Validate(doc) == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

func firstFinding(r map[string]any) map[string]any {
	for _, w := range r["workspaces"].([]any) {
		for _, f := range w.(map[string]any)["findings"].([]any) {
			return f.(map[string]any)
		}
	}
	panic("no finding")
}

// Every key that a report can have is in the schema, with a description, and
// no other; those that may be missing are not required.
func TestSchemaNamesEveryKey(t *testing.T) {
	b, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	compareKeys(t, s, s, reflect.TypeFor[report.Report](), "report")
}

func compareKeys(t *testing.T, all, s map[string]any, typ reflect.Type, where string) {
	t.Helper()
	if ref, ok := s["$ref"].(string); ok {
		s = all["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	switch typ.Kind() {
	case reflect.Pointer:
		compareKeys(t, all, s, typ.Elem(), where)
		return
	case reflect.Slice:
		compareKeys(t, all, s["items"].(map[string]any), typ.Elem(), where+"[]")
		return
	case reflect.Struct:
		if typ == reflect.TypeFor[time.Time]() {
			return
		}
	default:
		return
	}
	properties := s["properties"].(map[string]any)
	var want, required []string
	for i := range typ.NumField() {
		name, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		want = append(want, name)
		if options == "" {
			required = append(required, name)
		}
		p, ok := properties[name].(map[string]any)
		if !ok {
			t.Errorf("%s.%s is not in the schema", where, name)
			continue
		}
		if d, _ := p["description"].(string); d == "" {
			t.Errorf("%s.%s has no description", where, name)
		}
		compareKeys(t, all, p, typ.Field(i).Type, where+"."+name)
	}
	slices.Sort(want)
	slices.Sort(required)
	if got := slices.Sorted(maps.Keys(properties)); !slices.Equal(got, want) {
		t.Errorf("%s: the schema has %v, a report %v", where, got, want)
	}
	var got []string
	for _, r := range s["required"].([]any) {
		got = append(got, r.(string))
	}
	if slices.Sort(got); !slices.Equal(got, required) {
		t.Errorf("%s: the schema requires %v, a report always has %v", where, got, required)
	}
	if s["additionalProperties"] != false {
		t.Errorf("%s allows other keys", where)
	}
}
