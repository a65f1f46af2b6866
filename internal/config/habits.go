package config

import (
	"strings"

	"github.com/tfops/tfops/internal/workspace"
)

// What people write who know Terraform, Atlantis or Flux, and what it is here.
const (
	noTagHere    = "A workspaces block makes workspaces of what is in branches: branches = [\"main\"]. A tag or a commit is followed by a workspace block of its own."
	itsBranch    = "The branch that a workspace follows is branch = \"main\"."
	branchPlace  = "A branch belongs in a workspace block, or in defaults: branch = \"main\"."
	itsDir       = "The directory of the root module is dir = \"live/prod\"."
	itsVariables = "Values of input variables belong in a workspace block, or in defaults: variables = { name = \"value\" }."
	itsBackend   = "Settings of the root module's backend are backend_config = { key = \"prod.tfstate\" }, or files of them: backend_config_files = [\"prod.tfbackend\"]."
	itsVersion   = "A constraint on the engine's version is engine_version = \"~> 1.11\"."
	itsArgs      = "Arguments are not handed to the engine as they are: some of them would apply something else than what was approved. Write instead: var_files and variables for -var-file and -var, backend_config and backend_config_files for -backend-config, parallelism for -parallelism, lock_timeout for -lock-timeout; a refresh is tfops sync --refresh-only."
	itsPoll      = "How often to look for new commits is poll = \"30s\"."
	itsAuth      = "It belongs in an auth block within: auth { … }."
	itsApply     = "Write apply = \"auto\" to apply without an approval, \"manual\" to wait for one."
	itsRules     = "Rules for findings are blocks of the file itself, outside of any other: ignore \"NAME\" { … }, severity \"NAME\" { … }. They can name workspaces."
	itsReport    = "When to report is a block of the file itself: report \"NAME\" { schedule = \"0 6 * * *\" }."
	itsNotify    = "Whom to tell is a block of the file itself: notify \"NAME\" { url = env(\"…\") }."
	itsEvents    = "What to tell of is on = [\"awaiting_approval\", \"errored\"]."
	inFilter     = "It belongs in a filter block within: filter { … }."
	itsPrefix    = "What the credentials are for is the label: module_credentials \"https://git.example.com/acme/\" { … }."
	itsModules   = "What private modules and registries are fetched with is a block of the file, or of a repository: module_credentials \"https://git.example.com/acme/\" { … }."
	itsCLIConfig = "The engine's CLI configuration is cli_config = \"~/.terraformrc\"."
	inGit        = "It belongs in the Terraform code in Git. tfops.hcl only says what to do with that code."
)

var (
	workspaceHabits = map[string]string{
		"engine_args": itsArgs, "engine_arguments": itsArgs, "args": itsArgs, "extra_args": itsArgs, "extra_arguments": itsArgs, "terraform_args": itsArgs, "plan_args": itsArgs, "apply_args": itsArgs,
		"backend_configs": itsBackend, "backend_config_file": itsBackend, "partial_backend": itsBackend,
		"terraform_version": itsVersion, "tofu_version": itsVersion, "version": itsVersion,
		"path": itsDir, "directory": itsDir, "working_directory": itsDir, "root": itsDir,
		"auto_apply": itsApply, "autoapply": itsApply, "autoplan": itsApply,
		"workspace": "The Terraform workspace is terraform_workspace = \"default\".",
		"ref":       itsBranch, "revision": itsBranch,
		"variable": itsVariables, "locals": itsVariables, "vars": itsVariables,
		"url": "Where the code is belongs in a repository block, and repository = \"NAME\" names that.",
	}
	generatorHabits = map[string]string{
		"engine_args": itsArgs, "engine_arguments": itsArgs, "args": itsArgs, "extra_args": itsArgs, "extra_arguments": itsArgs, "terraform_args": itsArgs, "plan_args": itsArgs, "apply_args": itsArgs,
		"backend_config_file": itsBackend, "terraform_version": itsVersion, "tofu_version": itsVersion, "version": itsVersion,
		"tag": noTagHere, "tag_prefix": noTagHere, "commit": noTagHere,
		"branch": "The branches that it makes workspaces of are branches = [\"main\", \"env/*\"].",
		"dir":    "The directories that it makes workspaces of are dirs = [\"live/*/*\"].", "path": "The directories that it makes workspaces of are dirs = [\"live/*/*\"].",
		"var_file": "The files that it makes workspaces of are patterns in var_files: var_files = [\"vars/*.tfvars\"].",
	}
	repositoryHabits = map[string]string{
		"branch": branchPlace, "ref": branchPlace, "revision": branchPlace,
		"interval": itsPoll, "token": itsAuth, "username": itsAuth, "password": itsAuth, "ssh_key": itsAuth, "known_hosts": itsAuth,
	}
	tlsHabits = map[string]string{
		"ca_file": "The authority is ca = file(\"ca.pem\").", "ca_cert": "The authority is ca = file(\"ca.pem\").", "cacert": "The authority is ca = file(\"ca.pem\").",
		"cert_file": "The certificate is cert = file(\"client.pem\").", "client_cert": "The certificate is cert = file(\"client.pem\").",
		"key_file": "The private key is key = file(\"client-key.pem\").", "client_key": "The private key is key = file(\"client-key.pem\").",
		"insecure": "There is no way to trust any host. Name the authority: ca = file(\"ca.pem\").", "skip_verify": "There is no way to trust any host. Name the authority: ca = file(\"ca.pem\").",
	}
	authHabits = map[string]string{
		"token": "A token is the password: password = env(\"GIT_TOKEN\").",
		"user":  "The user is username = \"tfops\".",
	}
	modulesHabits = map[string]string{
		"user": "The user is username = \"tfops\".", "private_key": "The text of a private key is ssh_key = env(\"…\"), and the name of its file private_key_file = \"…\".",
		"key_file": "The private key is private_key_file = \"…\".", "key": "The private key is private_key_file = \"…\".", "ssh_key_file": "The private key is private_key_file = \"…\".",
		"passphrase": "What opens the private key is ssh_key_passphrase = env(\"…\").", "host": itsPrefix, "url": itsPrefix, "prefix": itsPrefix,
	}
	engineAttrHabits = map[string]string{
		"cli_config_file": itsCLIConfig, "config": itsCLIConfig, "terraformrc": itsCLIConfig, "tofurc": itsCLIConfig, "credentials": itsModules, "token": itsModules,
	}
	fileHabits = map[string]string{
		"credentials": itsModules, "git_credentials": itsModules, "registry": itsModules, "registry_credentials": itsModules,
		"variable": itsVariables, "locals": itsVariables, "variables": itsVariables,
		"terraform": inGit, "provider": inGit, "resource": inGit, "module": inGit, "data": inGit, "output": inGit,
	}
	driftHabits = map[string]string{
		"ignore": itsRules, "severity": itsRules, "report": itsReport, "notify": itsNotify, "to": itsReport,
		"cron": "When to check is schedule = \"0 2 * * *\".", "auto_heal": "Putting drift back is heal = true.", "self_heal": "Putting drift back is heal = true.",
		"concurrency": "How many checks go on at a time is drift_concurrency, in the runner block.",
	}
	runnerHabits = map[string]string{"heal": "Healing belongs in a drift block, of a workspace or of defaults: drift { heal = true }."}
	ignoreHabits = map[string]string{
		"resource": "The resources are address = \"aws_instance.web*\".", "until": "When the rule ends is expires = \"2027-01-31\".",
		"comment": "Why is reason = \"…\".", "type": "Resources of a type are address = \"**.aws_instance.*\".",
	}
	severityHabits = map[string]string{
		"severity": "How bad it is, is level = \"critical\".", "address": "A severity goes by type = \"aws_iam_*\".",
		"workspace": "A severity goes by type, attribute, action and class, in every workspace alike.",
	}
	reportHabits   = map[string]string{"cron": "When to report is schedule = \"0 6 * * *\".", "notify": "Whom to send it to is to = [\"ops\"], names of notify blocks.", "filter": "It covers the workspaces that workspaces = [\"prod-*\"] and labels = { … } say."}
	notifyHabits   = map[string]string{"events": itsEvents, "kinds": itsEvents, "when": itsEvents, "webhook": "Where to send it is url = env(\"…\").", "workspaces": inFilter, "labels": inFilter, "severity": inFilter, "hmac": "What bodies are signed with is secret = env(\"…\").", "token": "A token is part of the url."}
	templateHabits = map[string]string{"body": "The body is text = \"…\".", "subject": "The subject is title = \"…\"."}
	engineHabits   = map[string]string{"opentofu": "tofu"}
)

// instead is what to write instead of a name that the kind does not know: the
// one that a habit stands for, the nearest, or else one of all.
func (k *kind) instead(name string) string {
	if habit, ok := k.habits[name]; ok {
		return " " + habit
	}
	known := k.names()
	if workspace.Nearest(name, known) != "" {
		return didYouMean(name, known)
	}
	if len(known) == 1 {
		return " It has " + known[0] + " only."
	}
	last := len(known) - 1
	return " It has " + strings.Join(known[:last], ", ") + " and " + known[last] + "."
}

// nearestEngine is a sentence with the engine that is probably meant, or "".
func nearestEngine(given string) string {
	if name, ok := engineHabits[strings.ToLower(given)]; ok {
		return " Write " + quote(name) + "."
	}
	return didYouMean(given, engineNames)
}
