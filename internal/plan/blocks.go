package plan

import (
	"encoding/json"

	"github.com/tfops/tfops/internal/plan/values"
)

// configuration is what is read of plan JSON's configuration. Nothing of it
// is kept.
type configuration struct {
	RootModule configModule               `json:"root_module"`
	Providers  map[string]json.RawMessage `json:"provider_config"` // only to know its constants
}

type configModule struct {
	Resources []struct {
		Address     string          `json:"address"` // within its module
		Mode        string          `json:"mode"`
		Type        string          `json:"type"`
		Expressions json.RawMessage `json:"expressions"`
	} `json:"resources"`
	ModuleCalls map[string]struct {
		Expressions json.RawMessage `json:"expressions"`
		Module      *configModule   `json:"module"`
	} `json:"module_calls"`
	Variables map[string]struct {
		Sensitive bool            `json:"sensitive"`
		Default   json.RawMessage `json:"default"`
	} `json:"variables"`
	Outputs map[string]struct {
		Expression json.RawMessage `json:"expression"`
	} `json:"outputs"`
}

func (c configuration) sensitiveVariable(name string) bool {
	return c.RootModule.Variables[name].Sensitive
}

// BuiltinProvider is the provider of terraform_data, whose arguments are of any type.
const BuiltinProvider = "terraform.io/builtin/terraform"

func (c configuration) blocks() values.Blocks {
	b := values.Blocks{}
	c.RootModule.blocks(b)
	return b
}

func (m *configModule) blocks(b values.Blocks) {
	for _, r := range m.Resources {
		b.Read(r.Type, r.Expressions)
	}
	for _, call := range m.ModuleCalls {
		if call.Module != nil {
			call.Module.blocks(b)
		}
	}
}
