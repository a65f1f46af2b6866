package rootmodule

import (
	"path"

	"github.com/hashicorp/hcl/v2"
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
