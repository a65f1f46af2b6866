package workspaces

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/workspace"
)

// values is a map of values of any type by names that Terraform can have.
func (r reader) values(written decode.Entries, summary, why string) map[string]cty.Value {
	values := map[string]cty.Value{}
	for name, e := range written.All() {
		if !hclsyntax.ValidIdentifier(name) {
			r.Errorf(e.Range, summary, "%s %s.", e.Name, why)
		}
		if !e.OK {
			continue
		}
		values[name] = e.Val
		if !decode.UsableNumbers(e.Val) {
			r.Errorf(e.Range, "number out of range",
				"%s has a number that is too large or too small to be used.", e.Name)
		}
	}
	return values
}

// ReservedEnv says why an environment variable cannot be given to the engine:
// tfops itself decides what it says. The names are those that terraform-exec
// refuses, and the engine's data directory.
func ReservedEnv(name string) string {
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

func (r reader) environment(b decode.Block) map[string]*workspace.EnvVar {
	out := map[string]*workspace.EnvVar{}
	for name, e := range b.Map("env").All() {
		if !decode.EnvName().MatchString(name) {
			r.Errorf(e.Range, "invalid name of an environment variable",
				"%s has other characters than letters, digits and underscores, or begins with a digit.", e.Name)
		} else if why := ReservedEnv(name); why != "" {
			r.Errorf(e.Range, "variable of the engine", "%s", why)
		}
		text := r.TextOf(e, "env")
		if text != nil && strings.ContainsRune(*text, 0) {
			r.Errorf(e.Range, "invalid value of an environment variable", "%s holds a NUL character.", e.Name)
		}
		out[name] = nil
		if text != nil {
			out[name] = &workspace.EnvVar{Value: *text, Secret: workspace.IsSecret(e.Val),
				Of: workspace.Joined(workspace.SourcesOf(e.Val))}
		}
	}
	return out
}
