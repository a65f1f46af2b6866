package runner

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
)

const withOutputs = `
variable "input" { default = "one" }
resource "terraform_data" "a" { input = var.input }
output "plain" { value = terraform_data.a.output }
output "list" { value = ["a", 1] }
output "hidden" {
  value     = "canary-of-an-output"
  sensitive = true
}
`

func (f *flight) outputs() map[string]job.Output {
	f.rig.t.Helper()
	var all map[string]job.Output
	if err := json.Unmarshal(f.rig.decrypt(filepath.Join(f.dir, job.OutputsFile)), &all); err != nil {
		f.rig.t.Fatal(err)
	}
	return all
}

// An apply leaves the outputs as they are in the state then, sensitive ones
// too; a plan leaves those of the last apply.
func TestOutputs(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": withOutputs})
	wanted := func(j *job.Job, _ *job.Secrets) { j.Outputs = true }
	first := r.planned(wanted)
	if got := first.outputs(); len(got) != 0 {
		t.Errorf("before the first apply: %+v", got)
	}
	f := first.startApply(wanted)
	must(t, f.wait(), job.Succeeded, "", "")
	got := f.outputs()
	if string(got["plain"].Value) != `"one"` || got["plain"].Sensitive ||
		string(got["hidden"].Value) != `"canary-of-an-output"` || !got["hidden"].Sensitive || string(got["list"].Value) != `["a",1]` {
		t.Errorf("after the apply: %+v", got)
	}
	for _, name := range []string{job.EventsFile, job.LogFile, job.ResultFile} {
		if strings.Contains(f.read(name), "canary-of-an-output") {
			t.Errorf("the sensitive output is in %s", name)
		}
	}
	second, result := r.plan(wanted, func(_ *job.Job, s *job.Secrets) { s.Variables = `input = "two"` })
	must(t, result, job.Succeeded, "", "")
	if got := second.outputs(); string(got["plain"].Value) != `"one"` ||
		string(got["hidden"].Value) != `"canary-of-an-output"` || !got["hidden"].Sensitive || string(got["list"].Value) != `["a",1]` {
		t.Errorf("after a plan: %+v", got)
	}
}

// Nobody asked: nothing is read and nothing is kept.
func TestNoOutputs(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": withOutputs})
	f := r.planned().startApply()
	must(t, f.wait(), job.Succeeded, "", "")
	if durable.Exists(filepath.Join(f.dir, job.OutputsFile)) {
		t.Error("the outputs are kept")
	}
}
