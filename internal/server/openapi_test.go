package server

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/server/openapi"
)

var update = flag.Bool("update", false, "write testdata/openapi.json anew")

const golden = "testdata/openapi.json"

// TestTheAPIChangesOnlyOnPurpose compares the description of the API with the
// one that was agreed. A key that vanishes or changes there breaks somebody.
func TestTheAPIChangesOnlyOnPurpose(t *testing.T) {
	r := newRig(t, nil)
	resp, got := r.ask("GET", "/openapi.json", "")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/openapi+json" {
		t.Fatalf("%s, %s", resp.Status, resp.Header)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	indented.WriteByte('\n')
	if *update {
		if err := os.WriteFile(golden, indented.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, indented.Bytes()) {
		t.Errorf("the API is not the one in %s; if that is on purpose: go test ./internal/server -run OnPurpose "+
			"-update", golden)
	}
	resp, yaml := r.ask("GET", "/openapi.yaml", "")
	if resp.StatusCode != 200 || !bytes.Contains(yaml, []byte("openapi: 3.1.0")) {
		t.Errorf("the YAML form: %s, %.100s", resp.Status, yaml)
	}
}

func TestEveryRouteIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	routes := []string{"GET /openapi.json", "GET /openapi.yaml"}
	ids := map[string]bool{}
	for _, r := range new(Server).table() {
		routes = append(routes, r.method+" "+r.path)
		if ids[r.id] {
			t.Errorf("two routes are called %s", r.id)
		}
		ids[r.id] = true
	}
	for _, r := range routes {
		if !strings.Contains(string(doc), "`"+r+"`") {
			t.Errorf("docs/api.md does not have `%s`", r)
		}
	}
	for line := range strings.Lines(string(doc)) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		r, _, _ := strings.Cut(strings.TrimPrefix(line, "| `"), "`")
		if strings.Contains(r, " /") && !slices.Contains(routes, r) {
			t.Errorf("docs/api.md has `%s`, which is no route", r)
		}
	}
}

// TestAnswersAreAsDescribed holds what the server answers against its own
// description, for every route that only reads, before and after an apply.
func TestAnswersAreAsDescribed(t *testing.T) {
	r := newRig(t, []fleet.Definition{define("a"), define("b", approvals.Rule{Name: "two", Require: 2})})
	mux := http.NewServeMux()
	described := humago.New(mux, openapi.Config(restate))
	for _, rt := range r.server.table() {
		rt.bind(described, huma.Operation{Method: rt.method, Path: rt.path, OperationID: rt.id,
			Responses: map[string]*huma.Response{"default": problemResponse(described)}})
	}
	openapi.Tidy(described.OpenAPI())
	a, b := r.awaiting("a"), r.awaiting("b")
	for _, w := range []string{"a", "b"} {
		if _, err := r.client.Lock(t.Context(), w, "look"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.client.Suspend(t.Context(), "b", api.Suspend{Reason: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.engine.Vote(t.Context(), access.Actor{Name: "kim", Via: "socket"}, b.ID,
		acts.Ballot{Yes: true, Digest: b.Plan.Digest}); err != nil {
		t.Fatal(err)
	}
	seen, finding := 0, ""
	look := func() {
		for path, item := range described.OpenAPI().Paths {
			if item.Get == nil || item.Get.Responses["200"].Content["application/json"] == nil {
				continue
			}
			// which few runs have
			if strings.Contains(path, "{finding}") && finding == "" || strings.HasSuffix(path, "/patch") {
				continue
			}
			seen++
			for _, to := range []struct{ name, id string }{{"a", a.ID}, {"b", b.ID}} {
				matches(t, r, described, item.Get, strings.NewReplacer("{name}", to.name, "{id}", to.id, "{finding}",
					finding).Replace(path))
			}
		}
	}
	look()
	if _, err := r.client.Vote(t.Context(), a.ID, api.Ballot{Yes: true, Digest: a.Plan.Digest}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.client.Unlock(t.Context(), "a", ""); err != nil {
		t.Fatal(err)
	}
	r.until("a", "applied")
	if _, err := r.client.StartRun(t.Context(), "a", api.StartRun{Kind: "drift"}); err != nil {
		t.Fatal(err)
	}
	finding = r.found("a").ID
	if _, err := r.client.Acknowledge(t.Context(), finding, api.Acknowledge{Reason: "known"}); err != nil {
		t.Fatal(err)
	}
	look()
	if seen < 20 {
		t.Errorf("only %d routes were looked at", seen)
	}
}

func matches(t *testing.T, r *rig, described huma.API, op *huma.Operation, path string) {
	t.Helper()
	if strings.HasSuffix(path, "/wait") {
		path += "?timeout_seconds=1"
	}
	resp, body := r.ask("GET", path, "")
	if resp.StatusCode != 200 {
		t.Errorf("%s: %s: %s", path, resp.Status, body)
		return
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	res := &huma.ValidateResult{}
	schema := op.Responses["200"].Content["application/json"].Schema
	huma.Validate(described.OpenAPI().Components.Schemas, schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer,
		v, res)
	for _, err := range res.Errors {
		t.Errorf("%s: %v", path, err)
	}
}
