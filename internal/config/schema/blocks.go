package schema

import (
	"slices"
	"strings"
)

var (
	// limitAttrs are those of what a phase may take of the machine, and reach.
	limitAttrs = strings.Fields("memory cpu tasks disk file_size network")

	// workspaceAttrs are those that several workspaces can share.
	workspaceAttrs = append(strings.Fields(`repository branch dir terraform_workspace tag tag_prefix commit backend
		engine engine_version parallelism apply apply_offline
		var_files variables backend_config backend_config_files env labels
		plan_timeout apply_timeout lock_timeout keep_runs keep_days
		depends_on infer_dependencies inputs watch ignore reach hosts read write`), limitAttrs...)

	// generatorAttrs are those of a workspace, with what a workspaces block looks
	// for in the place of where one workspace is.
	generatorAttrs = append([]string{"name", "branches", "dirs", "all", "on_removed"},
		slices.DeleteFunc(append(slices.Clone(workspaceAttrs), "renamed_from"), func(a string) bool {
			return slices.Contains([]string{"branch", "tag", "tag_prefix", "commit", "dir"}, a)
		})...)
	workspaceBlocks = []*Kind{Approval, Drift, Backend}
)

const noListener = "This version of tfops has no TCP listener, because it has no authentication for one. " +
	"The API is on the Unix socket in data_dir; socket_group shares it with a Unix group."

// What the file has for the daemon and the engines.
var (
	Server = &Kind{Type: "server", Single: true, Attrs: []string{"socket_group"},
		Later: map[string]string{"listen": noListener}}
	Runner = &Kind{Type: "runner", Single: true, advice: runnerAdvice,
		Attrs: append(strings.Fields("concurrency drift_concurrency pass_env plan_grace apply_grace sandbox "+
			"uids read write"),
			limitAttrs...)}
	Engine = &Kind{Type: "engine", Label: "name", advice: engineAdvice,
		Attrs: strings.Fields("version path release_url public_key cli_config")}
)

// What it has for repositories.
var (
	Auth = &Kind{Type: "auth", Single: true, advice: authAdvice,
		Attrs: strings.Fields("username password ssh_key ssh_key_passphrase known_hosts")}
	TLS               = &Kind{Type: "tls", Single: true, Attrs: []string{"ca", "cert", "key"}, advice: tlsAdvice}
	ModuleCredentials = &Kind{Type: "module_credentials", Label: "prefix", advice: credentialsAdvice,
		Attrs: strings.Fields(`username password token private_key_file
			ssh_key ssh_key_passphrase known_hosts_file known_hosts`)}
	Submodule  = &Kind{Type: "submodule", Label: "url", Blocks: []*Kind{Auth, TLS}}
	Repository = &Kind{Type: "repository", Label: "name", advice: repositoryAdvice,
		Attrs: strings.Fields(`url poll fetch lfs lfs_url submodules modules require_signed signed_since merge_keys
			commit_link file_link run_link`),
		Blocks: []*Kind{Auth, TLS, Submodule, ModuleCredentials}}
)

// What it has for workspaces.
var (
	Approval = &Kind{Type: "approval", Label: "name", Attrs: strings.Fields("when require from allow_author expire")}
	Drift    = &Kind{Type: "drift", Single: true, advice: driftAdvice,
		Attrs: strings.Fields("schedule timezone heal heal_only heal_cooldown")}
	Backend   = &Kind{Type: "backend", Label: "type", Single: true, Open: true}
	Workspace = &Kind{Type: "workspace", Label: "name", Blocks: workspaceBlocks, advice: workspaceAdvice,
		Attrs: append(slices.Clone(workspaceAttrs), "renamed_from")}
	Workspaces = &Kind{Type: "workspaces", Label: "name", Blocks: workspaceBlocks, advice: generatorAdvice,
		Attrs: generatorAttrs}
	Defaults = &Kind{Type: "defaults", Single: true, Blocks: workspaceBlocks, advice: workspaceAdvice,
		Attrs: workspaceAttrs}
)

// What it has for people, and for the reports and messages that they get.
var (
	User   = &Kind{Type: "user", Label: "name", Attrs: []string{"emails", "keys"}}
	Group  = &Kind{Type: "group", Label: "name", Attrs: []string{"members"}}
	Ignore = &Kind{Type: "ignore", Label: "name", advice: ignoreAdvice,
		Attrs: strings.Fields("address attributes class workspace labels reason expires owner")}
	Severity = &Kind{Type: "severity", Label: "name", advice: severityAdvice,
		Attrs: strings.Fields("type attribute action class level")}
	Report = &Kind{Type: "report", Label: "name", advice: reportAdvice,
		Attrs: strings.Fields("schedule timezone formats to since workspaces labels")}
	Filter   = &Kind{Type: "filter", Single: true, Attrs: []string{"workspaces", "labels", "severity"}}
	Template = &Kind{Type: "template", Label: "kind", Attrs: []string{"title", "text"}, advice: templateAdvice}
	Notify   = &Kind{Type: "notify", Label: "name", Secret: true, advice: notifyAdvice,
		Attrs: strings.Fields("url on secret style"), Blocks: []*Kind{Filter, Template}}
)

// File is the file itself.
var File = &Kind{
	Attrs: []string{"data_dir", "audit_keep"}, advice: fileAdvice,
	Blocks: []*Kind{Server, Runner, Engine, Repository, ModuleCredentials, Defaults, Workspace, Workspaces,
		User, Group, Ignore, Severity, Report, Notify},
}
