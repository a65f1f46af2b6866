package starter

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/rootmodule"
)

// hosted is what a cloud block, or backend "remote", says of where its plans are made.
type hosted struct {
	host, organization string
	workspace          string // its name there
	prefix             string // of the names of several
	several            bool   // it names no single one
}

var (
	hostedSchema = &hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "hostname"}, {Name: "organization"}, {Name: "workspaces"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "workspaces"}},
	}
	hostedWorkspaces = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "name"}, {Name: "prefix"}, {Name: "tags"}, {Name: "project"}}}
)

func hostedAt(body hcl.Body) (h hosted) {
	content, _, _ := body.PartialContent(hostedSchema)
	h.host, h.organization = rootmodule.Literal(content.Attributes["hostname"]), rootmodule.Literal(content.Attributes["organization"])
	for _, b := range content.Blocks {
		inner, _, _ := b.Body.PartialContent(hostedWorkspaces)
		h.workspace, h.prefix = rootmodule.Literal(inner.Attributes["name"]), rootmodule.Literal(inner.Attributes["prefix"])
		h.several = inner.Attributes["tags"] != nil || inner.Attributes["prefix"] != nil
	}
	return h
}

// String is what is known, in brackets.
func (h hosted) String() string {
	var parts []string
	for _, p := range []struct{ what, value string }{{"host", h.host}, {"organization", h.organization}, {"workspace", h.workspace}, {"workspaces", h.prefix}} {
		switch {
		case p.value == "":
		case p.what == "workspaces":
			parts = append(parts, "workspaces "+text(p.value+"…"))
		default:
			parts = append(parts, p.what+" "+text(p.value))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// elsewhere reports whether plans are made and applied on another server.
func (b rootBackend) elsewhere() bool { return b.kind == "cloud" || b.kind == "remote" }

// lead is what a workspace says of a root module whose plans are made on another server:
// tfops keeps the state, and comments tell how it is brought along.
func (b rootBackend) lead(name string, e environment) string {
	what := "a cloud block"
	if b.kind == "remote" {
		what = `backend "remote"`
	}
	pull := "terraform init && terraform state pull > " + name + ".tfstate"
	var out strings.Builder
	fmt.Fprintf(&out, "  # The code has %s%s. Its plans are\n  # made and applied on that server. Here tfops makes them, and keeps the state.\n", what, b.at)
	out.WriteString("  backend = \"managed\"\n")
	switch {
	case e.name != "" && e.name == url.PathEscape(e.name):
		out.WriteString("  terraform_workspace = " + text(e.name) + "\n")
	case b.at.workspace != "":
		out.WriteString("  # If the code reads terraform.workspace:\n  # terraform_workspace = " + text(b.at.workspace) + "\n")
	}
	fmt.Fprintf(&out, "  # To keep it elsewhere, write in the place of that line, with any backend:\n  # backend \"s3\" {\n  #   bucket = \"…\"\n  #   key    = %s\n  # }\n", text(name+".tfstate"))
	if b.at.several || e.name != "" {
		out.WriteString("  # Each workspace there has a state of its own, and needs a block here.\n")
		pull = "terraform init && terraform workspace select … && terraform state pull > " + name + ".tfstate"
	}
	if len(e.backendFiles) > 0 {
		fmt.Fprintf(&out, "  # What these say was meant for that server: %s.\n", strings.Join(e.backendFiles, ", "))
	}
	fmt.Fprintf(&out, "  # Bring the state along, once. In a checkout, logged in there:\n  #   %s\n  # and then: tfops state import %s %s.tfstate\n", pull, name, name)
	return out.String()
}
