package config

import (
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/hashicorp/go-version"

	"github.com/tfops/tfops/internal/lazily"
)

func (r *reader) server(b block) (s Server) {
	group := b.text("socket_group", shown)
	if group.set && !personName().MatchString(group.val) {
		r.errorAt(group.rng, "not a group", "socket_group is the name of a Unix group, for example \"tfops\". Without it the socket is its owner's alone.")
	}
	s.SocketGroup = group.val
	return s
}

func defaultRunner() Runner {
	return Runner{Concurrency: runtime.NumCPU(), DriftConcurrency: max(runtime.NumCPU()/2, 1), PlanGrace: 30 * time.Second, ApplyGrace: 10 * time.Minute}
}

func (r *reader) runner(b block) Runner {
	d := defaultRunner()
	out := Runner{
		Concurrency: b.number("concurrency", 1).orElse(d.Concurrency),
		PlanGrace:   b.duration("plan_grace", time.Second).orElse(d.PlanGrace),
		ApplyGrace:  b.duration("apply_grace", time.Second).orElse(d.ApplyGrace),
	}
	out.DriftConcurrency = b.number("drift_concurrency", 1).orElse(max(out.Concurrency/2, 1))
	for _, p := range b.list("pass_env").val {
		out.PassEnv = append(out.PassEnv, p.val)
		switch why := reservedEnv(p.val); {
		case !envPattern().MatchString(p.val) || strings.Trim(p.val, "*") == "":
			r.errorAt(p.rng, "not a name of environment variables", "Write the name of a variable, with a * for what may vary, for example \"AWS_*\" or \"HTTPS_PROXY\". The engine sees no other variable of tfops.")
		case why != "":
			r.errorAt(p.rng, "variable of the engine", "%s", why)
		}
	}
	return out
}

var (
	envName    = lazily.Pattern(`^[A-Za-z_][A-Za-z0-9_]*$`)
	envPattern = lazily.Pattern(`^[A-Za-z_*][A-Za-z0-9_*]*$`)
)

// reservedEnv says why an environment variable cannot be given to the engine:
// tfops itself decides what it says. The names are those that terraform-exec
// refuses, and the engine's data directory.
func reservedEnv(name string) string {
	switch {
	case strings.HasPrefix(name, "TF_VAR_"):
		return "Input variables are given to the engine with the variables attribute of a workspace, or its var_files."
	case name == "TF_WORKSPACE":
		return "The Terraform workspace is given with the terraform_workspace attribute of a workspace."
	case strings.HasPrefix(name, "TF_CLI_ARGS"), strings.HasPrefix(name, "TF_LOG"),
		slices.Contains([]string{"TF_INPUT", "TF_IN_AUTOMATION", "TF_DATA_DIR", "TF_REATTACH_PROVIDERS",
			"TF_APPEND_USER_AGENT", "TF_DISABLE_PLUGIN_TLS", "TF_SKIP_PROVIDER_VERIFY"}, name):
		return "tfops sets " + name + " for the engine itself."
	}
	return ""
}

// engineNames are the engines that there are.
var engineNames = []string{"terraform", "tofu"}

func (r *reader) engines(c *Config, blocks []block) {
	for _, name := range engineNames {
		c.Engines[name] = Engine{Name: name}
	}
	seen := names{r: r, what: "engine"}
	for _, b := range blocks {
		e := r.engine(b)
		switch {
		case b.name == "":
		case !slices.Contains(engineNames, b.name):
			r.errorAt(b.label, "unknown engine "+quote(b.name), "The engines are \"terraform\" and \"tofu\".%s", nearestEngine(b.name))
		case seen.add(b):
			c.Engines[b.name] = e
		}
	}
}

func (r *reader) checkVersion(f field[string]) {
	if !f.set {
		return
	}
	if _, err := version.NewConstraint(f.val); err != nil {
		r.errorAt(f.rng, "not a version constraint", "Write it as Terraform's required_version, for example \"~> 1.11\", \">= 1.9, < 2.0\" or \"1.11.4\".")
	}
}

func (r *reader) engine(b block) Engine {
	e := Engine{Name: b.name}
	wanted := b.text("version", shown)
	r.checkVersion(wanted)
	e.Version = wanted.val
	path := b.text("path", shown)
	if path.set {
		if path.val == "" {
			r.errorAt(path.rng, "empty path", "path names the engine's binary, for example \"/usr/local/bin/terraform\". Without it the engine is looked for on PATH, and installed otherwise.")
		}
		e.Path = r.abs(path.val)
	}
	release := b.text("release_url", shown)
	if release.set {
		e.ReleaseURL = release.val
		if u, err := url.Parse(release.val); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || badPort(u) {
			r.errorAt(release.rng, "not the URL of a release server", "release_url is an https URL without user or password, for example \"https://releases.example.com\".")
		}
	}
	key := b.text("public_key", hidden)
	if key.set {
		e.PublicKey = key.val
		if _, err := openpgp.ReadArmoredKeyRing(strings.NewReader(key.val)); err != nil {
			r.errorAt(key.rng, "not a public key", "public_key is the armored text of an OpenPGP public key, as in public_key = file(\"release-key.asc\").")
		}
	}
	e.CLIConfig = r.cliConfig(b)
	if path.set && (release.set || key.set) {
		r.warnAt(b.header, "path leaves nothing to install", "With path, that binary and no other is used, so release_url and public_key have no effect.")
	}
	return e
}
