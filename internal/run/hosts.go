package run

import (
	"slices"

	"github.com/tfops/tfops/internal/workspace"
)

// Spoke has a plan remember which hosts its engine spoke to, and which of them nothing that was approved
// or applied in this workspace did before.
func (p *PlanSummary) Spoke(hosts []string, rec workspace.Record) {
	p.Hosts, p.NewHosts = hosts, nil
	for _, h := range hosts {
		if !slices.Contains(rec.Hosts, h) {
			p.NewHosts = append(p.NewHosts, h)
		}
	}
}
