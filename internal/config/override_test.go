package config

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/workspace"
)

const overridden = `
repository "r" {
  url = "https://git.example.com/x.git"
}
defaults {
  repository = "r"
  backend "s3" {
    bucket     = "states"
    region     = "eu-west-1"
    access_key = env("TFOPS_TEST_KEY")
  }
  backend_config_files = ["common.tfbackend"]
}
workspace "same" {
  backend "s3" {
    key    = "a.tfstate"
    region = null
  }
}
workspace "other" {
  backend "http" {
    address = "https://states.example.com/a"
  }
}
workspace "managed" {
  backend = "managed"
}
workspace "plain" {
  dir = "plain"
}
workspaces "live" {
  dirs = ["live/*"]
  name = "live-${parts[1]}"
  backend "s3" {
    key = "${dir}/terraform.tfstate"
  }
}
`

// A backend block is merged with that of defaults where both have one type; a
// backend of another type, and a managed state, take nothing of theirs.
func TestOtherBackend(t *testing.T) {
	t.Setenv("TFOPS_TEST_KEY", "s3cret")
	c := load(t, overridden, nil)
	made, err := c.Generators[0].Make(workspace.Origin{Generator: "live", Branch: "main", Dir: "live/net"})
	if err != nil {
		t.Fatal(err)
	}
	key := cty.StringVal("s3cret").WithMarks(workspace.Secret)
	bucket, region, common := cty.StringVal("states"), cty.StringVal("eu-west-1"), []string{"common.tfbackend"}
	for i, want := range []struct {
		backend string
		config  map[string]cty.Value
		files   []string
	}{
		{"s3", map[string]cty.Value{"bucket": bucket, "access_key": key, "key": cty.StringVal("a.tfstate")}, common},
		{"http", map[string]cty.Value{"address": cty.StringVal("https://states.example.com/a")}, nil},
		{"managed", nil, nil},
		{"s3", map[string]cty.Value{"bucket": bucket, "access_key": key, "region": region}, common},
		{"s3", map[string]cty.Value{"bucket": bucket, "access_key": key, "region": region,
			"key": cty.StringVal("live/net/terraform.tfstate")}, common},
	} {
		w := append(slices.Clone(c.Workspaces), made)[i]
		if w.Backend != want.backend || !slices.Equal(w.BackendConfigFiles, want.files) ||
			len(w.BackendConfig) != len(want.config) {
			t.Errorf("%s: %s %v %v", w.Name, w.Backend, w.BackendConfig, w.BackendConfigFiles)
		}
		for name, v := range want.config {
			if got, ok := w.BackendConfig[name]; !ok || !withoutSources(got).RawEquals(v) {
				t.Errorf("%s: %s is %#v", w.Name, name, got)
			}
		}
	}
}

func TestOtherBackendMistakes(t *testing.T) {
	const repo = "repository \"r\" {\n  url = \"https://git.example.com/x.git\"\n}\n"
	const head = repo + "workspace \"w\" {\n  repository = \"r\"\n  "
	const s3, managed = "defaults {\n  backend \"s3\" {\n    bucket = \"b\"\n  }\n}\n",
		"defaults {\n  backend = \"managed\"\n}\n"
	for text, want := range map[string]string{
		head + `backend = "s3"`:                                            `a backend of another type is a block: backend "s3"`,
		head + `backend = "managd"`:                                        `backend is "managed"`,
		head + `backend "managed" {}`:                                      `backend = "managed"`,
		head + `backend "remote" {}`:                                       "made and applied on its server",
		head + `backend "cloud" {}`:                                        "made and applied on its server",
		head + `backend "S3" {}`:                                           "The label is the type of a backend",
		head + `backend "azurem" {}`:                                       `Did you mean "azurerm"?`,
		head + `backend {}`:                                                "backend block without a type",
		head + "backend \"s3\" {}\n  backend \"gcs\" {}":                   "second backend block",
		head + "backend = \"managed\"\n  backend \"gcs\" {}":               "two backends",
		head + "backend \"s3\" {}\n  backend_config = {}":                  "Write them into that block",
		head + "backend = \"managed\"\n  backend_config = { key = \"x\" }": "Remove backend_config.",
		head + "backend = \"managed\"\n  backend_config_files = [\"x\"]":   "Remove backend_config_files.",
		head + "backend \"s3\" {\n    assume_role {\n    }\n  }":           "assume_role = { … }",
		head + "backend \"s3\" {\n    key = dir\n  }":                      "a workspaces block has the variable dir",
		s3 + head + `backend_config = { key = "x" }`:                       `Write a block backend "s3" { … } here`,
		managed + head + `backend_config = { key = "x" }`:                  `Write a block backend "TYPE" { … } here`,
		managed + head + `backend_config_files = ["x"]`:                    `Write a block backend "TYPE" { … } here`,
		s3 + strings.Replace(head, "workspace \"w\" {", "workspaces \"w\" {\n  name = dir",
			1) + `backend_config = { key = dir }`: `Write a block backend "s3" { … } here`,
	} {
		_, err := Load(write(t, text+"\n}\n", nil))
		var p *Problems
		if !errors.As(err, &p) {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var out strings.Builder
		if err := p.Render(&out, false, 0); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v\n%s", text, err, out.String())
		}
	}
	// A backend that only a newer engine has is no mistake.
	load(t, head+"backend \"wormhole\" {}\n}\n", nil)
}
