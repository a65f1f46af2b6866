package config

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/workspace"
)

const backends = `
repository "r" {
  url = "https://git.example.com/x.git"
}
defaults {
  repository     = "r"
  engine_version = "~> 1.11"
  parallelism    = 4
  variables      = { team = "net", region = "eu" }
  backend_config = { bucket = "states", region = "eu-west-1", profile = "ops", access_key = env("TFOPS_TEST_KEY") }
}
workspace "a" {
  dir                  = "a"
  variables            = { region = "us" }
  backend_config       = { key = "a.tfstate", profile = null, encrypt = true, assume_role = { role_arn = "arn" } }
  backend_config_files = ["../common.tfbackend", "a.tfbackend"]
  engine_version       = "< 1.12"
  parallelism          = 2
}
workspace "b" {
  dir = "b"
}
workspaces "live" {
  dirs           = ["live/*"]
  name           = "live-${parts[1]}"
  variables      = { region = "us" }
  backend_config = { key = "${dir}/terraform.tfstate" }
}
`

// Settings of a backend are merged key by key with those of the defaults, a null
// takes one away, and what came from outside is secret.
func TestBackendConfig(t *testing.T) {
	t.Setenv("TFOPS_TEST_KEY", "s3cret")
	c := load(t, backends, nil)
	a, b := c.Workspaces[0], c.Workspaces[1]
	want := map[string]cty.Value{"bucket": cty.StringVal("states"), "region": cty.StringVal("eu-west-1"),
		"key": cty.StringVal("a.tfstate"), "encrypt": cty.True,
		"access_key":  cty.StringVal("s3cret").WithMarks(workspace.Secret),
		"assume_role": cty.ObjectVal(map[string]cty.Value{"role_arn": cty.StringVal("arn")})}
	for name, v := range want {
		if !withoutSources(a.BackendConfig[name]).RawEquals(v) {
			t.Errorf("%s is %#v", name, a.BackendConfig[name])
		}
	}
	if len(a.BackendConfig) != len(want) || len(b.BackendConfig) != 4 ||
		!slices.Equal(a.BackendConfigFiles, []string{"../common.tfbackend", "a.tfbackend"}) {
		t.Errorf("%v, %v, %v", a.BackendConfig, b.BackendConfig, a.BackendConfigFiles)
	}
	if a.EngineVersion != "< 1.12" || a.Parallelism != 2 || b.EngineVersion != "~> 1.11" || b.Parallelism != 4 {
		t.Errorf("%q %d %q %d", a.EngineVersion, a.Parallelism, b.EngineVersion, b.Parallelism)
	}
	if !slices.Equal(a.SharedVariables, []string{"team"}) ||
		!slices.Equal(b.SharedVariables, []string{"region", "team"}) {
		t.Errorf("shared are %v and %v", a.SharedVariables, b.SharedVariables)
	}
	if got := a.Secrets(); !slices.Contains(got, workspace.Named{Name: "access_key", Text: "s3cret"}) {
		t.Errorf("secret are %v", got)
	}
	made, err := c.Generators[0].Make(workspace.Origin{Generator: "live", Branch: "main", Dir: "live/net"})
	key := cty.StringVal("live/net/terraform.tfstate")
	if err != nil || !withoutSources(made.BackendConfig["key"]).RawEquals(key) ||
		!slices.Equal(made.SharedVariables, []string{"team"}) {
		t.Errorf("%v %v, %v", made.BackendConfig, made.SharedVariables, err)
	}
}

func TestBackendConfigMistakes(t *testing.T) {
	const head = "repository \"r\" {\n  url = \"https://git.example.com/x.git\"\n}\nworkspace \"w\" {\n" +
		"  repository = \"r\"\n  "
	for line, want := range map[string]string{
		`backend_config = "key=x"`:                              "backend_config must be a map",
		`backend_config = { "a b" = 1 }`:                        "is no setting of any backend",
		`backend_config_files = ["../x"]`:                       "may not climb out of the repository",
		`backend_config_files = ["/etc/x"]`:                     "is relative to dir",
		`backend_config_files = ["a=b"]`:                        "A setting belongs in backend_config",
		`backend_config_file = "x"`:                             "backend_config_files",
		`backend = { key = "x" }`:                               "backend must be a string",
		`parallelism = 0`:                                       "parallelism",
		`engine_version = "newest"`:                             "Write it as Terraform's required_version",
		`terraform_version = "1.11"`:                            "engine_version =",
		`engine_args = ["-parallelism=5"]`:                      "Arguments are not handed to the engine as they are",
		`extra_arguments = { plan = ["-lock=false"] }`:          "Arguments are not handed to the engine as they are",
		`paralelism = 2`:                                        `Did you mean "parallelism"?`,
		`backend_config = { key = env("TFOPS_TEST_NOT_THERE")}`: "TFOPS_TEST_NOT_THERE",
	} {
		_, err := Load(write(t, head+line+"\n}\n", nil))
		var p *Problems
		if !errors.As(err, &p) {
			t.Errorf("%s: %v", line, err)
			continue
		}
		var out strings.Builder
		if err := p.Render(&out, false, 0); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v\n%s", line, err, out.String())
		}
	}
	_, err := Load(write(t, strings.Replace(head, "workspace \"w\" {", "workspaces \"w\" {\n  name = dir", 1)+
		"engine_args = []\n}\n", nil))
	if err == nil {
		t.Error("engine_args is taken in a workspaces block")
	}
}
