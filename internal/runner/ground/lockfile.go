package ground

import (
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// MirrorFlag is how a CLI configuration's one mirror is named to `providers lock`; ""
// where registries are asked, too, or there is not one but many.
func MirrorFlag(cliConfig string) string {
	blocks, _ := blocksOf(cliConfig)
	var flags []string
	for _, b := range blocks {
		if b.Type != "provider_installation" {
			continue
		}
		for _, way := range b.Body.Blocks {
			switch url, path := way.Body.Attributes["url"], way.Body.Attributes["path"]; {
			case way.Type == "network_mirror" && url != nil:
				flags = append(flags, "-net-mirror="+rootmodule.Literal(url.AsHCLAttribute()))
			case way.Type == "filesystem_mirror" && path != nil:
				flags = append(flags, "-fs-mirror="+rootmodule.Literal(path.AsHCLAttribute()))
			default:
				return ""
			}
		}
	}
	if len(flags) != 1 || strings.ContainsAny(flags[0], " \t\n'\"@") { // one with a user in it is nobody's to see
		return ""
	}
	return flags[0]
}

// RefuseUpgrade refuses new versions where the repository has a lock file.
func RefuseUpgrade(engine string) error {
	return diagnostics.Refuse(job.CauseBadInput,
		"in the root module: "+engine+" init -upgrade, then commit "+diagnostics.DependencyLock,
		"the provider versions are those of the committed %s, which tfops does not change", diagnostics.DependencyLock)
}

// LockedProviders reads which version of each provider a lock file names; nil
// where it cannot be read, of which the engine tells.
func LockedProviders(path string) map[string]string {
	blocks, ok := blocksOf(path)
	if !ok {
		return nil
	}
	found := map[string]string{}
	for _, b := range blocks {
		if b.Type == "provider" && len(b.Labels) == 1 && b.Body.Attributes["version"] != nil {
			found[b.Labels[0]] = rootmodule.Literal(b.Body.Attributes["version"].AsHCLAttribute())
		}
	}
	return found
}

// blocksOf are the blocks of a file in the engine's language; false where it cannot be read.
func blocksOf(path string) (hclsyntax.Blocks, bool) {
	src, err := datafile.ReadLinked(path, rootmodule.MaxHCL)
	if err != nil {
		return nil, false
	}
	body, err := rootmodule.ParseNative(path, src)
	if err != nil {
		return nil, false
	}
	return body.Blocks, true
}
