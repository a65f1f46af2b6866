// Package fleettest makes workspaces for tests.
package fleettest

import (
	"time"

	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/workspace"
)

// Define is a workspace in directory "a" unless the test says otherwise.
func Define(name string, change ...func(*fleet.Definition)) fleet.Definition {
	d := fleet.Definition{Workspace: workspace.Workspace{Name: name, Repository: "infra", Branch: "main", Dir: name,
		TerraformWorkspace: "default", Apply: workspace.Manual, Engine: "terraform", KeepRuns: 50, KeepDays: 90,
		PlanTimeout: time.Hour, ApplyTimeout: time.Hour, LockTimeout: time.Minute, ApplyOffline: true}}
	for _, c := range change {
		c(&d)
	}
	return d
}

// Auto has it applied without anybody's doing.
func Auto(d *fleet.Definition) { d.Apply = workspace.Auto }
