package schema

// What people write who know Terraform, Atlantis or Flux, and what it is here.
const (
	args     = "engine_args engine_arguments args extra_args extra_arguments terraform_args plan_args apply_args"
	versions = "terraform_version tofu_version version"

	toArgs = "Arguments are not handed to the engine as they are: some of them would apply something else than " +
		"what was approved. Write instead: var_files and variables for -var-file and -var, backend_config and " +
		"backend_config_files for -backend-config, parallelism for -parallelism, lock_timeout for -lock-timeout; " +
		"a refresh is tfops sync --refresh-only."
	toBackend = `Settings of the root module's backend are backend_config = { key = "prod.tfstate" }, ` +
		`or files of them: backend_config_files = ["prod.tfbackend"].`
	toVersion   = `A constraint on the engine's version is engine_version = "~> 1.11".`
	toVariables = `Values of input variables belong in a workspace block, or in defaults: ` +
		`variables = { name = "value" }.`
	toModules = `What private modules and registries are fetched with is a block of the file, or of a repository: ` +
		`module_credentials "https://git.example.com/acme/" { … }.`
)

// advice is a sentence by the names that it is for.
type advice map[string]string

var (
	workspaceAdvice = advice{
		args:     toArgs,
		versions: toVersion,
		"backend_configs backend_config_file partial_backend": toBackend,
		"path directory working_directory root":               `The directory of the root module is dir = "live/prod".`,
		"auto_apply autoapply autoplan": `Write apply = "auto" to apply without an approval, ` +
			`"manual" to wait for one.`,
		"workspace":            `The Terraform workspace is terraform_workspace = "default".`,
		"ref revision":         `The branch that a workspace follows is branch = "main".`,
		"variable locals vars": toVariables,
		"url":                  `Where the code is belongs in a repository block, and repository = "NAME" names that.`,
	}
	generatorAdvice = advice{
		args:                  toArgs,
		versions:              toVersion,
		"backend_config_file": toBackend,
		"tag tag_prefix commit": `A workspaces block makes workspaces of what is in branches: branches = ["main"]. ` +
			`A tag or a commit is followed by a workspace block of its own.`,
		"branch":   `The branches that it makes workspaces of are branches = ["main", "env/*"].`,
		"dir path": `The directories that it makes workspaces of are dirs = ["live/*/*"].`,
		"var_file": `The files that it makes workspaces of are patterns in var_files: ` +
			`var_files = ["vars/*.tfvars"].`,
	}
	repositoryAdvice = advice{
		"branch ref revision": `A branch belongs in a workspace block, or in defaults: branch = "main".`,
		"interval":            `How often to look for new commits is poll = "30s".`,
		"token username password ssh_key known_hosts": `It belongs in an auth block within: auth { … }.`,
	}
	tlsAdvice = advice{
		"ca_file ca_cert cacert": `The authority is ca = file("ca.pem").`,
		"cert_file client_cert":  `The certificate is cert = file("client.pem").`,
		"key_file client_key":    `The private key is key = file("client-key.pem").`,
		"insecure skip_verify":   `There is no way to trust any host. Name the authority: ca = file("ca.pem").`,
	}
	authAdvice = advice{
		"token": `A token is the password: password = env("GIT_TOKEN").`,
		"user":  `The user is username = "tfops".`,
	}
	credentialsAdvice = advice{
		"user": `The user is username = "tfops".`,
		"private_key": `The text of a private key is ssh_key = env("…"), ` +
			`and the name of its file private_key_file = "…".`,
		"key_file key ssh_key_file": `The private key is private_key_file = "…".`,
		"passphrase":                `What opens the private key is ssh_key_passphrase = env("…").`,
		"host url prefix": `What the credentials are for is the label: ` +
			`module_credentials "https://git.example.com/acme/" { … }.`,
	}
	engineAdvice = advice{
		"cli_config_file config terraformrc tofurc": `The engine's CLI configuration is cli_config = "~/.terraformrc".`,
		"credentials token":                         toModules,
	}
	fileAdvice = advice{
		"credentials git_credentials registry registry_credentials": toModules,
		"variable locals variables":                                 toVariables,
		"terraform provider resource module data output": `It belongs in the Terraform code in Git. ` +
			`tfops.hcl only says what to do with that code.`,
	}
	driftAdvice = advice{
		"ignore severity": `Rules for findings are blocks of the file itself, outside of any other: ` +
			`ignore "NAME" { … }, severity "NAME" { … }. They can name workspaces.`,
		"report to":           `When to report is a block of the file itself: report "NAME" { schedule = "0 6 * * *" }.`,
		"notify":              `Whom to tell is a block of the file itself: notify "NAME" { url = env("…") }.`,
		"cron":                `When to check is schedule = "0 2 * * *".`,
		"auto_heal self_heal": `Putting drift back is heal = true.`,
		"concurrency":         `How many checks go on at a time is drift_concurrency, in the runner block.`,
	}
	runnerAdvice = advice{
		"heal": `Healing belongs in a drift block, of a workspace or of defaults: drift { heal = true }.`,
	}
	ignoreAdvice = advice{
		"resource": `The resources are address = "aws_instance.web*".`,
		"until":    `When the rule ends is expires = "2027-01-31".`,
		"comment":  `Why is reason = "…".`,
		"type":     `Resources of a type are address = "**.aws_instance.*".`,
	}
	severityAdvice = advice{
		"severity":  `How bad it is, is level = "critical".`,
		"address":   `A severity goes by type = "aws_iam_*".`,
		"workspace": `A severity goes by type, attribute, action and class, in every workspace alike.`,
	}
	reportAdvice = advice{
		"cron":   `When to report is schedule = "0 6 * * *".`,
		"notify": `Whom to send it to is to = ["ops"], names of notify blocks.`,
		"filter": `It covers the workspaces that workspaces = ["prod-*"] and labels = { … } say.`,
	}
	notifyAdvice = advice{
		"events kinds when":          `What to tell of is on = ["awaiting_approval", "errored"].`,
		"webhook":                    `Where to send it is url = env("…").`,
		"workspaces labels severity": `It belongs in a filter block within: filter { … }.`,
		"hmac":                       `What bodies are signed with is secret = env("…").`,
		"token":                      `A token is part of the url.`,
	}
	templateAdvice = advice{"body": `The body is text = "…".`, "subject": `The subject is title = "…".`}
)
