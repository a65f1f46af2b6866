package ground

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

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

// LockedHashes reads the hashes that a lock file has of each provider.
func LockedHashes(path string) map[string][]string {
	blocks, _ := blocksOf(path)
	found := map[string][]string{}
	for _, b := range blocks {
		hashes := b.Body.Attributes["hashes"]
		if b.Type != "provider" || len(b.Labels) != 1 || hashes == nil {
			continue
		}
		v, diags := hashes.Expr.Value(nil)
		if diags.HasErrors() || !v.CanIterateElements() {
			continue
		}
		for _, h := range v.AsValueSlice() {
			if h.Type() == cty.String && h.IsKnown() && !h.IsNull() {
				found[b.Labels[0]] = append(found[b.Labels[0]], h.AsString())
			}
		}
	}
	return found
}

// Unlock takes providers out of a lock file, and leaves all others as they are: what was locked of these
// holds on. It reports whether there was anything to take out.
func Unlock(path string, providers []string) (bool, error) {
	src, err := datafile.ReadLinked(path, rootmodule.MaxHCL)
	if err != nil {
		return false, err
	}
	blocks, _ := blocksOf(path)
	var out []byte
	end := 0
	for _, b := range blocks {
		if b.Type != "provider" || len(b.Labels) != 1 || !slices.ContainsFunc(providers, func(p string) bool {
			return p == b.Labels[0] || strings.HasSuffix(b.Labels[0], "/"+p) // a host may be left out
		}) {
			continue
		}
		r := b.Range()
		from, to := r.Start.Byte, b.CloseBraceRange.End.Byte
		out = append(out, src[end:from]...)
		end = to
	}
	if end == 0 {
		return false, nil
	}
	return true, datafile.Write(path, append(out, src[end:]...), 0o644)
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
