package starter

import (
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/rootmodule"
)

// rootBackend is the backend that a root module declares.
type rootBackend struct {
	kind string   // "" for none, "cloud" for a cloud block
	has  []string // names of the settings that its block gives
	host host     // where it is, of a cloud block and of backend "remote"
}

// neededSettings are those without which a backend names no state.
var neededSettings = map[string]string{
	"s3": "bucket key", "gcs": "bucket", "azurerm": "storage_account_name container_name key", "http": "address",
	"consul": "path", "cos": "bucket", "oss": "bucket", "kubernetes": "secret_suffix", "local": "path",
}

func backendOf(tree fs.FS, dir string) (b rootBackend) {
	s := moduleOf(tree, dir).Settings()
	if b.kind = s.Backend; b.kind == "" {
		return b
	}
	attrs, _ := s.Body.JustAttributes()
	b.has = slices.Collect(maps.Keys(attrs))
	if b.hosted() {
		b.host = hostOf(s.Body)
	}
	return b
}

// hosted reports whether plans are made and applied on another server.
func (b rootBackend) hosted() bool { return b.kind == "cloud" || b.kind == "remote" }

// lines are what a workspace's block says of its backend. What cannot be
// expressed is a comment.
func (b rootBackend) lines(name string, e environment) string {
	files, inURL := list("backend_config_files", e.backendFiles), e.name == url.PathEscape(e.name)
	switch {
	case b.hosted():
		return b.hostedLines(name, e)
	case b.kind == "" && len(e.backendFiles) > 0:
		return "  # The root module declares no backend block that this could complete:\n  # " + files
	case b.kind == "":
		return ""
	case len(e.backendFiles) > 0:
		return "  " + files
	}
	var open []string // settings that name the state and that the block leaves open
	for setting := range strings.FieldsSeq(neededSettings[b.kind]) {
		if !slices.Contains(b.has, setting) {
			open = append(open, setting+` = "…"`)
		}
	}
	switch {
	case len(open) > 0:
		return fmt.Sprintf("  # The backend %s leaves settings open, as terraform init -backend-config gives\n"+
			"  # them; a plan needs them:\n  # backend_config = { %s }\n", text(b.kind), strings.Join(open, ", "))
	case e.name == "":
		return ""
	case b.kind == "http" || !inURL:
		return "  # Each environment needs a state of its own, and the backend block names one.\n"
	}
	return "  terraform_workspace = " + text(e.name) + "\n"
}

// hostedLines are those of a root module whose plans are made on another server:
// tfops keeps the state, and comments say how to bring it along.
func (b rootBackend) hostedLines(name string, e environment) string {
	data := struct {
		Block, Name, Workspace, Files string
		Host                          host
		Several                       bool
	}{Block: "a cloud block", Name: name, Files: inComment(e.backendFiles), Host: b.host,
		Several: b.host.several || e.name != ""}
	if b.kind == "remote" {
		data.Block = `backend "remote"`
	}
	if e.name == url.PathEscape(e.name) {
		data.Workspace = e.name
	}
	return execute("hosted", data)
}

// inComment is a list of files for a comment, which a line break in a name would end.
func inComment(files []string) string {
	var names []string
	for _, f := range files {
		if quoted := text(f); quoted != `"`+f+`"` {
			f = quoted
		}
		names = append(names, f)
	}
	return strings.Join(names, ", ")
}

// host is what a cloud block, or backend "remote", says of where its plans are made.
type host struct {
	name, organization string
	Workspace          string // its name there
	prefix             string // of the names of several
	several            bool   // it names no single one
}

func hostOf(body hcl.Body) (h host) {
	value := func(from hcl.Body, name string) *hcl.Attribute {
		schema := &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: name}}}
		content, _, _ := from.PartialContent(schema)
		return content.Attributes[name]
	}
	h.name = rootmodule.Literal(value(body, "hostname"))
	h.organization = rootmodule.Literal(value(body, "organization"))
	content, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "workspaces"}}})
	for _, b := range content.Blocks {
		prefix := value(b.Body, "prefix")
		h.Workspace, h.prefix = rootmodule.Literal(value(b.Body, "name")), rootmodule.Literal(prefix)
		h.several = value(b.Body, "tags") != nil || prefix != nil
	}
	return h
}

// String is what is known, in brackets.
func (h host) String() string {
	var parts []string
	add := func(what, value, more string) {
		if value != "" {
			parts = append(parts, what+" "+text(value+more))
		}
	}
	add("host", h.name, "")
	add("organization", h.organization, "")
	add("workspace", h.Workspace, "")
	add("workspaces", h.prefix, "…")
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
