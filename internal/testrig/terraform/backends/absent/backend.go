// Package absent is a backend that a Terraform built for the tests knows by name
// and cannot use: the module proxy does not serve the modules that hold the cloud
// backends in the version that belongs to a Terraform. The backends that need no
// cloud (local, http, inmem, remote) are Terraform's own.
package absent

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"github.com/hashicorp/terraform/internal/backend"
	"github.com/hashicorp/terraform/internal/configs/configschema"
	"github.com/hashicorp/terraform/internal/states/statemgr"
	"github.com/hashicorp/terraform/internal/tfdiags"
)

// New is a backend of this name that every use is refused of.
func New(name string) backend.Backend { return absent{name} }

type absent struct{ name string }

func (a absent) err() error {
	return fmt.Errorf("this Terraform was built for tests, without the backend %q", a.name)
}

func (a absent) ConfigSchema() *configschema.Block { return &configschema.Block{} }

func (a absent) PrepareConfig(cty.Value) (cty.Value, tfdiags.Diagnostics) {
	var diags tfdiags.Diagnostics
	return cty.EmptyObjectVal, diags.Append(a.err())
}

func (a absent) Configure(cty.Value) tfdiags.Diagnostics {
	var diags tfdiags.Diagnostics
	return diags.Append(a.err())
}

func (a absent) StateMgr(string) (statemgr.Full, error) { return nil, a.err() }
func (a absent) DeleteWorkspace(string, bool) error     { return a.err() }
func (a absent) Workspaces() ([]string, error)          { return nil, a.err() }
