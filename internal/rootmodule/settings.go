package rootmodule

import (
	"maps"
	"path"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

var settingsSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{{Name: "required_version"}},
	Blocks: []hcl.BlockHeaderSchema{
		{Type: "backend", LabelNames: []string{"type"}}, {Type: "cloud"}, {Type: "required_providers"},
	},
}

// Settings are what the terraform blocks of a module say together.
type Settings struct {
	Backend   string    // type of the backend that counts, "cloud" for a cloud block; "" without either
	Body      hcl.Body  // of its block
	Versions  []Version // required_version, as literal text
	Providers bool      // some block names required providers
	Sources   []string  // of these, where each comes from; "" where that is not written as a text
}

// Version is a constraint on the version of the engine, and the file that has it.
type Version struct{ Constraint, File string }

// Settings reads the terraform blocks. All versions count that the files ask for;
// an override file that asks for one takes the place of all before it. A backend
// or cloud block in an override file takes the place of either.
func (m *Module) Settings() Settings {
	var s Settings
	for _, b := range m.Blocks {
		if b.Type != "terraform" {
			continue
		}
		content, _, _ := b.Body.PartialContent(settingsSchema)
		for _, inner := range content.Blocks {
			switch inner.Type {
			case "required_providers":
				s.Providers = true
				s.Sources = append(s.Sources, sources(inner.Body)...)
			case "backend":
				s.Backend, s.Body = inner.Labels[0], inner.Body
			default:
				s.Backend, s.Body = "cloud", inner.Body
			}
		}
		a := content.Attributes["required_version"]
		if n := len(s.Versions); a != nil && n > 0 && IsOverride(path.Base(b.File)) && s.Versions[n-1].File != b.File {
			s.Versions = nil
		}
		if v := Literal(a); v != "" {
			s.Versions = append(s.Versions, Version{v, b.File})
		}
	}
	return s
}

// sources are where required providers come from. Nothing of them is evaluated.
func sources(body hcl.Body) (all []string) {
	attributes, _ := body.JustAttributes()
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		source := ""
		pairs, diags := hcl.ExprMap(attributes[name].Expr)
		if diags.HasErrors() { // a version alone, as it was written once
			source = "hashicorp/" + name
		}
		for _, p := range pairs {
			key, quoted := hcl.ExprAsKeyword(p.Key), p.Key
			if k, ok := quoted.(*hclsyntax.ObjectConsKeyExpr); ok {
				quoted = k.Wrapped
			}
			if text, ok := PlainText(quoted); ok {
				key = text
			}
			if key == "source" {
				source, _ = PlainText(p.Value)
			}
		}
		all = append(all, source)
	}
	return all
}
