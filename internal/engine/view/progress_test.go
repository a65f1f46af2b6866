package view

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/plan"
)

// What events tell of an apply that ended halfway: with the provisioner that was at work, until it ended.
func TestProgress(t *testing.T) {
	event := func(kind, address, more string) string {
		return fmt.Sprintf(`{"type":%q,"hook":{"resource":{"addr":%q}%s}}`, kind, address, more)
	}
	const create, script = `,"action":"create"`, `,"provisioner":"local-exec"`
	w := &walked{}
	for _, line := range []string{"not JSON \"hook\"", `{"type":"apply_start"}`,
		event("apply_start", "x.done", create), event("provision_start", "x.done", script),
		event("provision_complete", "x.done", script), event("apply_complete", "x.done", create),
		event("apply_start", "x.failed", create), event("provision_start", "x.failed", script),
		event("apply_errored", "x.failed", create),
		event("apply_start", "x.at", create), event("provision_start", "x.at", script),
		event("apply_start", "x.after", create), event("provision_start", "x.after", script),
		event("provision_complete", "x.after", script), event("apply_complete", "x.unknown", create)} {
		if err := w.event([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	p := &plan.Plan{}
	for _, name := range []string{"done", "failed", "at", "after", "later"} {
		p.Changes = append(p.Changes, plan.Change{Address: "x." + name, Action: plan.Create})
	}
	said := func(steps []Step) string {
		var all []string
		for _, s := range steps {
			all = append(all, strings.TrimSpace(s.Address+" "+s.Action+" "+s.Provisioner))
		}
		return strings.Join(all, ", ")
	}
	got := w.against(p)
	for want, steps := range map[string][]Step{"x.done create": got.Finished, "x.failed create": got.Failed,
		"x.at create local-exec, x.after create": got.UnderWay, "x.later create": got.NotBegun} {
		if said(steps) != want {
			t.Errorf("%q, want %q", said(steps), want)
		}
	}
}
