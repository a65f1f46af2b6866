package phase

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/inputs"
)

// fromMirror is advice in which `providers lock` asks the mirror that the engine's CLI
// configuration names in the place of all registries: that command does not heed it.
func (p *phase) fromMirror(advice string) string {
	const command = " providers lock -platform="
	flag := ""
	if strings.Contains(advice, command) {
		flag = mirrorFlag(p.env["TF_CLI_CONFIG_FILE"])
	}
	if flag == "" {
		return advice
	}
	return strings.ReplaceAll(advice, command, " providers lock "+flag+" -platform=")
}

// mirrorFlag is how a CLI configuration's one mirror is named to `providers lock`; ""
// where registries are asked, too, or there is not one but many.
func mirrorFlag(cliConfig string) string {
	src, err := os.ReadFile(cliConfig)
	if err != nil {
		return ""
	}
	f, diags := hclsyntax.ParseConfig(src, cliConfig, hcl.InitialPos)
	if diags.HasErrors() {
		return ""
	}
	var flags []string
	for _, b := range f.Body.(*hclsyntax.Body).Blocks {
		if b.Type != "provider_installation" {
			continue
		}
		for _, way := range b.Body.Blocks {
			switch url, path := way.Body.Attributes["url"], way.Body.Attributes["path"]; {
			case way.Type == "network_mirror" && url != nil:
				flags = append(flags, "-net-mirror="+inputs.LiteralText(url.AsHCLAttribute()))
			case way.Type == "filesystem_mirror" && path != nil:
				flags = append(flags, "-fs-mirror="+inputs.LiteralText(path.AsHCLAttribute()))
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

func refuseUpgrade(engine string) error {
	return diagnostics.Refuse(job.CauseBadInput, "in the root module: "+engine+" init -upgrade, then commit "+diagnostics.DependencyLock,
		"the provider versions are those of the committed %s, which tfops does not change", diagnostics.DependencyLock)
}

// lockedProviders reads which version of each provider a lock file names; nil
// where it cannot be read, of which the engine tells.
func lockedProviders(path string) map[string]string {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	f, diags := hclsyntax.ParseConfig(src, path, hcl.InitialPos)
	if diags.HasErrors() {
		return nil
	}
	found := map[string]string{}
	for _, b := range f.Body.(*hclsyntax.Body).Blocks {
		if b.Type == "provider" && len(b.Labels) == 1 && b.Body.Attributes["version"] != nil {
			found[b.Labels[0]] = inputs.LiteralText(b.Body.Attributes["version"].AsHCLAttribute())
		}
	}
	return found
}

// warnOfLockFile says which providers the repository's own lock file lacks: each
// plan takes the newest that is allowed. It remembers as well which versions were used.
func (p *phase) warnOfLockFile() {
	used := lockedProviders(filepath.Join(p.root, diagnostics.DependencyLock))
	p.result.Providers = used
	if !p.ownLock || p.job.Phase != job.PlanPhase {
		return
	}
	var lacks []string
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if p.committed[name] == "" {
			lacks = append(lacks, name+" "+used[name])
		}
	}
	warned := slices.ContainsFunc(p.result.Diagnostics, func(d job.Diagnostic) bool { return d.Summary == diagnostics.LacksSummary })
	if len(lacks) == 0 || warned {
		return
	}
	platform := runtime.GOOS + "_" + runtime.GOARCH
	d := job.Diagnostic{Severity: "warning", Summary: diagnostics.LacksSummary, File: diagnostics.DependencyLock,
		Detail: p.fromMirror(fmt.Sprintf("It does not name %s, so each plan may take another version. In the root module: %s providers lock -platform=%s, then commit %s.",
			strings.Join(lacks, ", "), p.engine.Name, platform, diagnostics.DependencyLock))}
	p.result.Diagnostics = append(p.result.Diagnostics, d)
	p.log.Say("warn", "%s: %s", d.Summary, d.Detail)
}
