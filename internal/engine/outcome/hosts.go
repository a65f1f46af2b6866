package outcome

import (
	"slices"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

// mostHosts is how many hosts a workspace remembers.
const mostHosts = 1000

// knowHosts remembers whom the engine of an approved plan spoke to, while it was made and applied: none of
// them is new any more.
func knowHosts(d *run.Tx, res job.Result) {
	known := slices.Clone(d.Record.Hosts)
	if d.Run.Plan != nil {
		known = append(known, d.Run.Plan.Hosts...)
	}
	known = append(known, res.Hosts...)
	slices.Sort(known)
	known = slices.Compact(known)
	d.Record.Hosts = known[:min(len(known), mostHosts)]
}
