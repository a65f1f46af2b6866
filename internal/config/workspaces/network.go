package workspaces

import (
	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/hosts"
	"github.com/tfops/tfops/internal/workspace"
)

// NetworkOf is whom a block lets engines reach; "" where it says nothing.
func NetworkOf(b decode.Block) workspace.Network {
	return workspace.Network(networkOf(b).Val)
}

func networkOf(b decode.Block) decode.Field[string] {
	return decode.OneOf(b, "network", workspace.Networks...)
}

// checkHosts reports what is no host.
func (r reader) checkHosts(f decode.Field[[]decode.Item]) {
	for _, i := range f.Val {
		if _, err := hosts.Parse(i.Val); err != nil {
			r.Errorf(i.Range, "not a host", "%q: %s. Write a name (registry.terraform.io), a name with * for all "+
				"below it (*.amazonaws.com), or an address; and a port after a colon where it is not 80 or 443.",
				i.Val, err)
		}
	}
}

// WarnOfHosts says of each workspace whose hosts bound nothing, since its network is open.
func WarnOfHosts(r *decode.Reader, all []Workspace, runner workspace.Network) {
	for _, w := range all {
		if len(w.Hosts) > 0 && runner.Stricter(w.Network) != workspace.ListedNetwork {
			r.Warnf(w.Range, "hosts have no effect", "The engine of workspace %q may reach every host, or none: "+
				"network = \"listed\" has it reach its hosts alone.", w.Name)
		}
	}
}
