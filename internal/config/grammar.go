package config

import (
	"slices"
	"strings"
)

// kind is what may stand in one kind of block. The kinds below are the whole
// grammar of tfops.hcl.
type kind struct {
	typ    string            // the block's type; empty for the file itself
	label  string            // what the block's one label names; empty: it has no label
	single bool              // at most one of the kind in its parent
	attrs  []string          // names of attributes
	blocks []*kind           // kinds of blocks
	later  map[string]string // names that are known and not available yet, and why
	open   bool              // any attribute may stand in it
	habits map[string]string // names that people bring from other tools, and what to write instead
}

var workspaceAttrs = []string{
	"repository", "branch", "dir", "terraform_workspace", "tag", "tag_prefix", "commit", "backend", "engine", "engine_version", "parallelism", "apply", "apply_offline",
	"var_files", "variables", "backend_config", "backend_config_files", "env", "labels",
	"plan_timeout", "apply_timeout", "lock_timeout", "keep_runs", "keep_days",
	"depends_on", "infer_dependencies", "inputs", "watch", "ignore", "reach",
}

// blockAttrs are those of a workspace that no other one can share.
var blockAttrs = append(slices.Clone(workspaceAttrs), "renamed_from")

// generatorAttrs are those of a workspace with what it is made of in the place
// of where it is.
var generatorAttrs = append([]string{"name", "branches", "dirs", "all", "on_removed"},
	slices.DeleteFunc(slices.Clone(blockAttrs), func(a string) bool {
		return slices.Contains([]string{"branch", "tag", "tag_prefix", "commit", "dir"}, a)
	})...)

const (
	noListener = "This version of tfops has no TCP listener, because it has no authentication for one. The API is on the Unix socket in data_dir; socket_group shares it with a Unix group."
)

var (
	serverKind = &kind{typ: "server", single: true, attrs: []string{"socket_group"}, later: map[string]string{"listen": noListener}}
	runnerKind = &kind{typ: "runner", single: true, attrs: []string{"concurrency", "drift_concurrency", "pass_env", "plan_grace", "apply_grace"}, habits: runnerHabits}
	engineKind = &kind{typ: "engine", label: "name", attrs: []string{"version", "path", "release_url", "public_key", "cli_config"}, habits: engineAttrHabits}

	authKind       = &kind{typ: "auth", single: true, attrs: []string{"username", "password", "ssh_key", "ssh_key_passphrase", "known_hosts"}, habits: authHabits}
	tlsKind        = &kind{typ: "tls", single: true, attrs: []string{"ca", "cert", "key"}, habits: tlsHabits}
	modulesKind    = &kind{typ: "module_credentials", label: "prefix", attrs: []string{"username", "password", "token", "private_key_file", "ssh_key", "ssh_key_passphrase", "known_hosts_file", "known_hosts"}, habits: modulesHabits}
	submoduleKind  = &kind{typ: "submodule", label: "url", blocks: []*kind{authKind, tlsKind}}
	repositoryKind = &kind{typ: "repository", label: "name", attrs: []string{"url", "poll", "fetch", "lfs", "lfs_url", "submodules", "modules"},
		blocks: []*kind{authKind, tlsKind, submoduleKind, modulesKind}, habits: repositoryHabits}

	approvalKind  = &kind{typ: "approval", label: "name", attrs: []string{"when", "require", "from", "allow_author", "expire"}}
	driftKind     = &kind{typ: "drift", single: true, attrs: []string{"schedule", "timezone", "heal", "heal_only", "heal_cooldown"}, habits: driftHabits}
	backendKind   = &kind{typ: backendBlock, label: "type", single: true, open: true}
	workspaceKind = &kind{typ: "workspace", label: "name", attrs: blockAttrs, blocks: []*kind{approvalKind, driftKind, backendKind}, habits: workspaceHabits}
	generatorKind = &kind{typ: "workspaces", label: "name", attrs: generatorAttrs, blocks: []*kind{approvalKind, driftKind, backendKind}, habits: generatorHabits}
	defaultsKind  = &kind{typ: "defaults", single: true, attrs: workspaceAttrs, blocks: []*kind{approvalKind, driftKind, backendKind}, habits: workspaceHabits}

	userKind  = &kind{typ: "user", label: "name", attrs: []string{"emails"}}
	groupKind = &kind{typ: "group", label: "name", attrs: []string{"members"}}

	ignoreKind   = &kind{typ: "ignore", label: "name", attrs: []string{"address", "attributes", "class", "workspace", "labels", "reason", "expires", "owner"}, habits: ignoreHabits}
	severityKind = &kind{typ: "severity", label: "name", attrs: []string{"type", "attribute", "action", "class", "level"}, habits: severityHabits}
	reportKind   = &kind{typ: "report", label: "name", attrs: []string{"schedule", "timezone", "formats", "to", "since", "workspaces", "labels"}, habits: reportHabits}

	filterKind   = &kind{typ: "filter", single: true, attrs: []string{"workspaces", "labels", "severity"}}
	templateKind = &kind{typ: "template", label: "kind", attrs: []string{"title", "text"}, habits: templateHabits}
	notifyKind   = &kind{typ: "notify", label: "name", attrs: []string{"url", "on", "secret", "style"}, blocks: []*kind{filterKind, templateKind}, habits: notifyHabits}

	fileKind = &kind{
		attrs:  []string{"data_dir"},
		blocks: []*kind{serverKind, runnerKind, engineKind, repositoryKind, modulesKind, defaultsKind, workspaceKind, generatorKind, userKind, groupKind, ignoreKind, severityKind, reportKind, notifyKind},
		habits: fileHabits,
	}
)

// String is the kind as a message calls it, with its article.
func (k *kind) String() string {
	if k.typ == "" {
		return "the file"
	}
	return article(k.typ) + " block"
}

// article is a noun with the article that it takes.
func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) && noun != "user" {
		return "an " + noun
	}
	return "a " + noun
}

func (k *kind) hasAttr(name string) bool { return slices.Contains(k.attrs, name) }

func (k *kind) block(typ string) *kind {
	for _, b := range k.blocks {
		if b.typ == typ {
			return b
		}
	}
	return nil
}

// names lists all that may stand in the kind, attributes first.
func (k *kind) names() []string {
	names := slices.Clone(k.attrs)
	for _, b := range k.blocks {
		if !k.hasAttr(b.typ) {
			names = append(names, b.typ)
		}
	}
	return names
}
