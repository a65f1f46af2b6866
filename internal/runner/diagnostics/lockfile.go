package diagnostics

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/lazyregexp"
)

// What the engines say of a lock file that does not fit.
var (
	// The provider that is offered is not the one that was locked. That may be
	// another platform's hash, or an attack: nothing of ours makes it pass.
	checksumText = lazyregexp.New(`(?i)doesn't match any of the checksums|does not match any of the checksums|checksum list has (?:no|unexpected)|` +
		`not match (?:any of )?the (?:recorded|previously recorded|expected) checksums?`)
	movedText     = lazyregexp.New(`(?i)does not match (?:the )?configured version constraints?`)
	tofuCacheText = lazyregexp.New(`existing cached package at .* does not match the content of the downloaded package`)
	movedProvider = lazyregexp.New(`(?i)locked provider (\S+) \S+ does not match`)
	otherText     = lazyregexp.New(`(?i)package for (\S+) v?([0-9]\S*)(?: \([^)]*\))? (?:doesn't|does not) match any of the`)
	missingText   = lazyregexp.New(`(?i)Inconsistent dependency lock file|no version is selected|Provider dependency changes detected|the cached package for .* does not match`)
	providerName  = lazyregexp.New(`\b([0-9A-Za-z.-]+(?:\.[a-z]+|:[0-9]+)/[0-9A-Za-z_-]+/[0-9A-Za-z_-]+)`)
)

// ConstraintMoved reports whether all that keeps init from going on is that
// versions which were locked are not allowed any more. A checksum that does not
// match is never a reason to forget what was locked.
func ConstraintMoved(all []job.Diagnostic) bool {
	moved := false
	for _, d := range ErrorsOf(all) {
		text := OneLine(d.Summary + "\n" + d.Detail)
		if checksumText().MatchString(text) {
			return false
		}
		moved = moved || movedText().MatchString(text)
	}
	return moved
}

// LockedProvider is a provider that is not what a lock file says.
type LockedProvider struct{ Address, Version string }

// OtherThanLocked are the providers of which no checksum is that of the lock file.
func OtherThanLocked(all []job.Diagnostic) (found []LockedProvider) {
	for _, d := range ErrorsOf(all) {
		for _, m := range otherText().FindAllStringSubmatch(OneLine(d.Summary+"\n"+d.Detail), -1) {
			if p := (LockedProvider{m[1], m[2]}); !slices.Contains(found, p) {
				found = append(found, p)
			}
		}
	}
	return found
}

// CacheDiffers reports whether all that keeps init from going on is that the cache of providers, which
// many share, has another one of a version than was locked.
func CacheDiffers(all []job.Diagnostic) bool {
	errs := ErrorsOf(all)
	return len(errs) > 0 && !slices.ContainsFunc(errs, func(d job.Diagnostic) bool {
		text := OneLine(d.Summary + "\n" + d.Detail)
		terraform := strings.Contains(text, "shared cache") && checksumText().MatchString(text)
		return !terraform && !tofuCacheText().MatchString(text)
	})
}

// MovedAway are the providers whose locked versions are not allowed any more.
func MovedAway(all []job.Diagnostic) (found []string) {
	for _, d := range ErrorsOf(all) {
		for _, m := range movedProvider().FindAllStringSubmatch(OneLine(d.Summary+"\n"+d.Detail), -1) {
			if !slices.Contains(found, m[1]) {
				found = append(found, m[1])
			}
		}
	}
	return found
}

// lockFileNext is what to do about a lock file of which the engine complains;
// "" when it does not.
func lockFileNext(what, text string) string {
	text = OneLine(text)
	engine, _, _ := strings.Cut(what, " ")
	platform := runtime.GOOS + "_" + runtime.GOARCH
	names := strings.Join(providersIn(text), " ")
	if names != "" {
		names = " " + names
	}
	switch {
	case checksumText().MatchString(text):
		return fmt.Sprintf("add this platform's checksums in the root module, look at what changed, and commit %s: %s "+
			"providers lock -platform=%s%s", DependencyLock, engine, platform, names)
	case movedText().MatchString(text):
		return fmt.Sprintf("choose versions anew in the root module and commit %s: %s init -upgrade, then %s "+
			"providers lock -platform=%s", DependencyLock, engine, engine, platform)
	case missingText().MatchString(text):
		return fmt.Sprintf("complete the lock file in the root module and commit %s: %s providers lock -platform=%s%s",
			DependencyLock, engine, platform, names)
	}
	return ""
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

// LacksSummary is what a plan warns of whose lock file lacks providers.
const LacksSummary = "The lock file lacks providers"

// DependencyLock is the engine's lock file of provider versions.
const DependencyLock = ".terraform.lock.hcl"
