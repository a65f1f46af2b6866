// Package openapi describes the API: what clients in other languages are made of.
package openapi

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/redact"
)

const schemaPrefix = "#/components/schemas/"

// Config is huma without what it would add by itself: links in bodies, a
// page of documentation that loads scripts from elsewhere, and other forms of
// the description.
func Config(transform huma.Transformer) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "tfops", Version: "1", Description: "GitOps for Terraform without Kubernetes. " +
				"Served on a Unix socket; the actor is the peer's user. Keys are never renamed; a client must accept " +
				"keys that it does not know."},
			Components: &huma.Components{Schemas: huma.NewMapRegistry(schemaPrefix, schemaName)},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{transform},
	}
}

// jsonFormat writes answers. What lets somebody in of a URL is hidden in all of them: where
// code is, what a module is fetched from and what a commit says is shown in many places.
var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		var b bytes.Buffer
		if err := huma.DefaultJSONFormat.Marshal(&b, v); err != nil {
			return err
		}
		_, err := io.WriteString(w, redact.URLs(b.String()))
		return err
	},
	Unmarshal: huma.DefaultJSONFormat.Unmarshal,
}

// schemaName keeps the types of a whole plan apart from those of the API,
// which has a Plan of its own.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[plan.Plan]():
		return "WholePlan"
	case t.PkgPath() == reflect.TypeFor[plan.Plan]().PkgPath():
		return "Plan" + name
	}
	return name
}

// Serve serves the description of all routes that are registered by now.
// It is made once: huma would make it at the first request, unguarded.
func Serve(mux *http.ServeMux, o *huma.OpenAPI) {
	Tidy(o)
	asJSON, err := json.Marshal(o)
	if err != nil {
		panic(err) // a type of ours that has no description: every test fails
	}
	asYAML, err := o.YAML()
	if err != nil {
		panic(err)
	}
	serve := func(contentType string, b []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write(b) // an error here means that the client is gone
		}
	}
	mux.HandleFunc("GET /openapi.json", serve("application/openapi+json", asJSON))
	mux.HandleFunc("GET /openapi.yaml", serve("application/openapi+yaml", asYAML))
}

// Tidy makes the description say what is true: huma forbids unknown keys
// everywhere and lets any list be null. Requests with unknown keys are refused,
// but answers may get new keys; and lists of our own are never null.
func Tidy(o *huma.OpenAPI) {
	schemas := o.Components.Schemas.Map()
	delete(schemas, "ErrorModel") // huma's own, which the API replaces
	delete(schemas, "ErrorDetail")
	asked := map[string]bool{}
	for _, item := range o.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
			if op == nil {
				continue
			}
			if op.RequestBody != nil {
				for _, m := range op.RequestBody.Content {
					asked[strings.TrimPrefix(m.Schema.Ref, schemaPrefix)] = true
				}
			}
			for _, p := range op.Parameters {
				p.Schema.Nullable = false
			}
			for _, r := range op.Responses {
				for _, m := range r.Content {
					m.Schema.Nullable = false
				}
			}
		}
	}
	for name, s := range schemas {
		if !asked[name] {
			s.AdditionalProperties = nil
		}
		if o.Components.Schemas.TypeFromRef(schemaPrefix+name).PkgPath() == reflect.TypeFor[api.Run]().PkgPath() {
			for _, p := range s.Properties {
				if p.Type == huma.TypeArray {
					p.Nullable = false
				}
			}
		}
	}
}
