package config

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/workspace"
)

// A workspace has lower limits than all, never higher ones.
func TestLimits(t *testing.T) {
	c := load(t, `
runner {
  memory = "2GiB"
  tasks  = 512
}
repository "r" {
  url = "https://git.example.com/x.git"
}
defaults {
  repository = "r"
  disk       = "1.5GB"
}
workspace "a" {
  dir    = "a"
  memory = "512MiB"
  cpu    = 1.5
  tasks  = 1000
}
workspace "b" {
  dir  = "b"
  disk = "1MiB"
}
`, nil)
	for i, want := range []workspace.Limits{
		{Memory: 512 << 20, Tasks: 512, CPU: 1.5, Disk: 1_500_000_000},
		{Memory: 2 << 30, Tasks: 512, Disk: 1 << 20},
	} {
		if got := c.Runner.Limits.Tightened(c.Workspaces[i].Limits); got != want {
			t.Errorf("%s: %+v, want %+v", c.Workspaces[i].Name, got, want)
		}
	}
}

// The stricter network of two counts, hosts are checked where they are written, and bound nothing where the
// network is open: that is said.
func TestNetwork(t *testing.T) {
	const text = `
runner {
  network = "NETWORK"
}
repository "r" {
  url = "https://git.example.com/x.git"
}
defaults {
  repository = "r"
  hosts      = ["registry.terraform.io"]
}
workspace "a" {
  dir   = "a"
  hosts = ["*.example.com:8443", "[::1]:80"]
}
workspace "b" {
  dir     = "b"
  network = "listed"
}
workspace "c" {
  dir     = "c"
  network = "none"
}
`
	for network, want := range map[string][]workspace.Network{
		"open":   {workspace.OpenNetwork, workspace.ListedNetwork, workspace.NoNetwork},
		"listed": {workspace.ListedNetwork, workspace.ListedNetwork, workspace.NoNetwork},
		"none":   {workspace.NoNetwork, workspace.NoNetwork, workspace.NoNetwork},
	} {
		c := load(t, strings.Replace(text, "NETWORK", network, 1), nil)
		for i, w := range c.Workspaces {
			if got := c.Runner.Network.Stricter(w.Network); got != want[i] {
				t.Errorf("%s in %s: %s", w.Name, network, got)
			}
			said := slices.ContainsFunc(c.Warnings, func(p *hcl.Diagnostic) bool {
				return strings.Contains(p.Detail,
					`"`+w.Name+`"`)
			})
			if said != (want[i] != workspace.ListedNetwork) {
				t.Errorf("%s in %s: %+v", w.Name, network, c.Warnings)
			}
		}
		if a := c.Workspaces[0].Hosts; len(a) != 2 || len(c.Workspaces[1].Hosts) != 1 {
			t.Errorf("hosts: %q %q", a, c.Workspaces[1].Hosts)
		}
	}
}

func TestLimitMistakes(t *testing.T) {
	for line, want := range map[string]string{
		`memory = "lots"`:    `Write memory as a number with a unit, for example "512MiB"`,
		`memory = 2`:         "Write memory as a number with a unit",
		`memory = "1MiB"`:    "memory must be at least 64MiB",
		`memory = "-2GiB"`:   "Write memory as a number with a unit",
		`cpu = 0`:            "cpu must be a number from 0.1",
		`cpu = "all"`:        "cpu must be a number",
		`file_size = "1KB"`:  "file_size must be at least 1MiB",
		`tasks = 3`:          "tasks must be a whole number from 32",
		`disk = "1KiB"`:      "disk must be at least 1MiB",
		`network = "closed"`: "network is one of",
		`hosts = []`:         "has no attribute of this name",
		`memory_max = "1GB"`: "has no attribute of this name",
	} {
		_, err := Load(write(t, "runner {\n  "+line+"\n}\n", nil))
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
}
