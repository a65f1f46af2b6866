package validation

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/workspace"
)

// A host that the code names and the workspace does not list is warned of where the network is listed; what
// cannot be told is not guessed.
func TestUnlistedHosts(t *testing.T) {
	const providers = `
terraform {
  required_providers {
    aws   = { source = "hashicorp/aws", version = "~> 5.0" }
    own   = { "source" = "reg.example.com:8443/acme/own" }
    old   = "1.0"
    comp  = { source = local.x }
    built = { source = "terraform.io/builtin/terraform" }
  }
}
`
	for name, c := range map[string]struct {
		code    string
		adjust  func(*workspace.Workspace)
		mirrors bool
		want    []string
	}{
		"nothing needed": {"output \"o\" { value = 1 }", nil, false, nil},
		"providers":      {providers, nil, false, []string{"registry.terraform.io", "reg.example.com:8443"}},
		"of OpenTofu": {providers, func(w *workspace.Workspace) { w.Engine = "tofu" }, false,
			[]string{"registry.opentofu.org", "reg.example.com:8443"}},
		"mirrors": {providers, nil, true, nil},
		"listed": {providers, func(w *workspace.Workspace) {
			w.Hosts = []string{"*.terraform.io", "reg.example.com:*"}
		}, false, nil},
		"open": {providers, func(w *workspace.Workspace) { w.Network = workspace.OpenNetwork }, false, nil},
		"http": {`terraform {
  backend "http" { address = "http://localhost:8080/state" }
}`, nil, false, []string{"localhost:8080"}},
		"http listed": {`terraform {
  backend "http" { address = "http://localhost:8080/state" }
}`, func(w *workspace.Workspace) { w.Hosts = []string{"localhost:8080"} }, false, nil},
		"s3": {`terraform {
  backend "s3" { region = "eu-west-1" }
}`, nil, false, []string{"s3.eu-west-1.amazonaws.com"}},
		"s3 elsewhere": {`terraform {
  backend "s3" {
    region    = "eu-west-1"
    endpoints = { s3 = "https://minio.example.com" }
  }
}`, nil, false, nil},
		"another backend in its place": {`terraform {
  backend "gcs" {}
}`, func(w *workspace.Workspace) { w.Backend = "managed" }, false, nil},
		"cloud": {`terraform {
  cloud {
    hostname = "tfe.example.com"
  }
}`, nil, false, []string{"tfe.example.com"}},
		"modules": {`
module "a" { source = "acme/net/aws" }
module "b" { source = "git::https://git.example.com/acme/net.git?ref=v1" }
module "c" { source = "./local" }
module "d" { source = "git::ssh://git@ssh.example.com/x.git" }
module "e" { source = "reg.example.com/acme/net/aws//sub" }
module "f" { source = "github.com/acme/net" }
module "g" { source = "https://files.example.com:8443/net.zip" }
module "h" { source = "git@ssh.example.com:acme/net.git" }
`, nil, false, []string{"registry.terraform.io", "git.example.com", "reg.example.com", "github.com",
			"files.example.com:8443"}},
	} {
		w := workspace.Workspace{Name: "w", Repository: "r", Branch: "main", Dir: ".", Engine: "terraform",
			Network: workspace.ListedNetwork}
		if c.adjust != nil {
			c.adjust(&w)
		}
		cfg := &config.Config{Engines: map[string]config.Engine{}}
		if c.mirrors {
			cfg.Engines["terraform"] = config.Engine{CLIConfig: "~/.terraformrc"}
		}
		x := &Expansion{fleet: &fleet.Fleet{Workspaces: []fleet.Definition{{Workspace: w}}}}
		b := atHand{repository: "r", branch: "main", tree: fstest.MapFS{"main.tf": {Data: []byte(c.code)}}}
		var got []string
		for _, p := range x.unlisted(cfg, b) {
			_, rest, _ := strings.Cut(p.Summary, "may not reach ")
			host, _, _ := strings.Cut(rest, ",")
			if got = append(got, host); p.Severity != "warning" || !strings.Contains(p.Detail, host) {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
