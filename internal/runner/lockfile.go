package runner

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
	"github.com/tfops/tfops/internal/lazily"
)

// What the engines say of a lock file that does not fit.
var (
	// The provider that is offered is not the one that was locked. That may be
	// another platform's hash, or an attack: nothing of ours makes it pass.
	checksumText = lazily.Pattern(`(?i)doesn't match any of the checksums|does not match any of the checksums|checksum list has (?:no|unexpected)|` +
		`not match (?:any of )?the (?:recorded|previously recorded|expected) checksums?`)
	movedText    = lazily.Pattern(`(?i)does not match (?:the )?configured version constraints?`)
	missingText  = lazily.Pattern(`(?i)Inconsistent dependency lock file|no version is selected|Provider dependency changes detected|the cached package for .* does not match`)
	providerName = lazily.Pattern(`\b([0-9A-Za-z.-]+(?:\.[a-z]+|:[0-9]+)/[0-9A-Za-z_-]+/[0-9A-Za-z_-]+)`)
)

// constraintMoved reports whether all that keeps init from going on is that
// versions which were locked are not allowed any more. A checksum that does not
// match is never a reason to forget what was locked.
func constraintMoved(all []job.Diagnostic) bool {
	moved := false
	for _, d := range errorsOf(all) {
		text := unwrapped(d.Summary + "\n" + d.Detail)
		if checksumText().MatchString(text) {
			return false
		}
		moved = moved || movedText().MatchString(text)
	}
	return moved
}

// unwrapped is a text in one line: OpenTofu breaks lines within sentences.
func unwrapped(text string) string { return strings.Join(strings.Fields(text), " ") }

// lockFileNext is what to do about a lock file of which the engine complains;
// "" when it does not.
func lockFileNext(what, text string) string {
	text = unwrapped(text)
	engine, _, _ := strings.Cut(what, " ")
	platform := runtime.GOOS + "_" + runtime.GOARCH
	names := strings.Join(providersIn(text), " ")
	if names != "" {
		names = " " + names
	}
	switch {
	case checksumText().MatchString(text):
		return fmt.Sprintf("add this platform's checksums in the root module, look at what changed, and commit %s: %s providers lock -platform=%s%s", dependencyLock, engine, platform, names)
	case movedText().MatchString(text):
		return fmt.Sprintf("choose versions anew in the root module and commit %s: %s init -upgrade, then %s providers lock -platform=%s", dependencyLock, engine, engine, platform)
	case missingText().MatchString(text):
		return fmt.Sprintf("complete the lock file in the root module and commit %s: %s providers lock -platform=%s%s", dependencyLock, engine, platform, names)
	}
	return ""
}

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
				flags = append(flags, "-net-mirror="+literal(url.AsHCLAttribute()))
			case way.Type == "filesystem_mirror" && path != nil:
				flags = append(flags, "-fs-mirror="+literal(path.AsHCLAttribute()))
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

// providersIn are the providers that a text names, each once.
func providersIn(text string) []string {
	var names []string
	for _, m := range providerName().FindAllStringIndex(text, -1) {
		name := text[m[0]:m[1]]
		if inURL := strings.HasSuffix(text[:m[0]], "/"); !inURL && !slices.Contains(names, name) && len(names) < 20 {
			names = append(names, name)
		}
	}
	return names
}

func refuseUpgrade(engine string) error {
	return refuse(job.CauseBadInput, "in the root module: "+engine+" init -upgrade, then commit "+dependencyLock,
		"the provider versions are those of the committed %s, which tfops does not change", dependencyLock)
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
			found[b.Labels[0]] = literal(b.Body.Attributes["version"].AsHCLAttribute())
		}
	}
	return found
}

// warnOfLockFile says which providers the repository's own lock file lacks: each
// plan takes the newest that is allowed. It remembers as well which versions were used.
func (p *phase) warnOfLockFile() {
	used := lockedProviders(filepath.Join(p.root, dependencyLock))
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
	warned := slices.ContainsFunc(p.result.Diagnostics, func(d job.Diagnostic) bool { return d.Summary == lacksSummary })
	if len(lacks) == 0 || warned {
		return
	}
	platform := runtime.GOOS + "_" + runtime.GOARCH
	d := job.Diagnostic{Severity: "warning", Summary: lacksSummary, File: dependencyLock,
		Detail: p.fromMirror(fmt.Sprintf("It does not name %s, so each plan may take another version. In the root module: %s providers lock -platform=%s, then commit %s.",
			strings.Join(lacks, ", "), p.engine.Name, platform, dependencyLock))}
	p.result.Diagnostics = append(p.result.Diagnostics, d)
	p.log.say("warn", "%s: %s", d.Summary, d.Detail)
}

const lacksSummary = "The lock file lacks providers"
