package inputs

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// forbidden are variables that must not be set for the engine, and what to
// do instead.
func forbidden(name string) string {
	switch {
	case strings.HasPrefix(name, "TF_VAR_"):
		return "set " + strings.TrimPrefix(name, "TF_VAR_") + " in `variables` of the workspace"
	case name == "TF_WORKSPACE":
		return "set `terraform_workspace` of the workspace"
	case name == "TF_DATA_DIR":
		return "remove it: tfops keeps the engine's data directory"
	case strings.HasPrefix(name, "TF_LOG"):
		return "remove it: the engine's messages are kept as they are; debug logs hold secrets"
	case strings.HasPrefix(name, "TF_CLI_ARGS"):
		return "remove it: tfops decides on the engine's arguments"
	case name == "TF_REATTACH_PROVIDERS", name == "TF_APPEND_USER_AGENT", name == "TF_DISABLE_PLUGIN_TLS",
		name == "TF_SKIP_PROVIDER_VERIFY", name == job.RunMark:
		return "remove it"
	}
	return ""
}

// EngineEnv is the environment of the engine: what the daemon allows, and
// what the runner needs.
func EngineEnv(given map[string]string) (map[string]string, error) {
	env := map[string]string{}
	for name, value := range given {
		switch name {
		case "TF_IN_AUTOMATION", "TF_INPUT": // both are as tfops needs them, whatever is said here
			continue
		}
		if next := forbidden(name); next != "" {
			return nil, diagnostics.Refuse(job.CauseBadInput, next,
				"the environment variable %s cannot be passed to the engine", name)
		}
		env[name] = value
	}
	for _, name := range []string{"PATH", "HOME"} {
		if env[name] == "" {
			env[name] = os.Getenv(name)
		}
	}
	env["CHECKPOINT_DISABLE"] = "1"
	return env, nil
}

// WithoutProviders is the environment of an engine that starts no provider. Such an
// engine spends a third of its life on collecting garbage while it starts, and
// needs little memory. A provider would inherit the setting, and a large one
// would take twice the memory then, so where one is started it stays unset.
func WithoutProviders(env map[string]string) map[string]string {
	if env["GOGC"] != "" {
		return env
	}
	env = maps.Clone(env)
	env["GOGC"] = "400"
	return env
}

// WithSafeGit has Git, which an init starts in the module's directory, take no repository there that was committed as
// plain files: its configuration may name programs to run. Git before 2.38 does not know the setting.
func WithSafeGit(env map[string]string) map[string]string {
	n, err := strconv.Atoi(env["GIT_CONFIG_COUNT"])
	if err != nil || n < 0 {
		n = 0
	}
	env = maps.Clone(env)
	env[fmt.Sprintf("GIT_CONFIG_KEY_%d", n)] = "safe.bareRepository"
	env[fmt.Sprintf("GIT_CONFIG_VALUE_%d", n)] = "explicit"
	env["GIT_CONFIG_COUNT"] = strconv.Itoa(n + 1)
	return env
}

// RefuseMercurial refuses modules from elsewhere where hg would be started in a Mercurial repository that was committed
// as plain files: unlike Git it has no setting by which it takes none, and its configuration names programs. hg is
// started in the root module's directory, and looks there and above.
func RefuseMercurial(tree, root, path string) error {
	installed := slices.ContainsFunc(filepath.SplitList(path), func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "hg"))
		return err == nil
	})
	for dir := root; installed && Within(tree, dir); dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".hg")); err != nil {
			continue
		}
		rel, err := filepath.Rel(tree, filepath.Join(dir, ".hg"))
		if err != nil {
			return err
		}
		return diagnostics.Refuse(job.CauseBadInput, "remove it from the repository: git rm -r --cached "+rel,
			"%s is a Mercurial repository, committed as files: what its configuration says would be done when init "+
				"fetches modules", rel)
	}
	return nil
}
