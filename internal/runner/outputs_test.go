package runner

import (
	"encoding/json"
	"strings"
	"testing"

	"path/filepath"
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

func (f *flight) outputs() map[string]Output {
	f.rig.t.Helper()
	var all map[string]Output
	if err := json.Unmarshal(f.rig.decrypt(filepath.Join(f.dir, OutputsFile)), &all); err != nil {
		f.rig.t.Fatal(err)
	}
	return all
}

// An apply leaves the outputs as they are in the state then, sensitive ones
// too; a plan leaves those of the last apply.
func TestOutputs(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": withOutputs})
	wanted := func(j *Job, _ *Secrets) { j.Outputs = true }
	first := r.planned(wanted)
	if got := first.outputs(); len(got) != 0 {
		t.Errorf("before the first apply: %+v", got)
	}
	f := first.startApply(wanted)
	must(t, f.wait(), Succeeded, "", "")
	got := f.outputs()
	if string(got["plain"].Value) != `"one"` || got["plain"].Sensitive ||
		string(got["hidden"].Value) != `"canary-of-an-output"` || !got["hidden"].Sensitive || string(got["list"].Value) != `["a",1]` {
		t.Errorf("after the apply: %+v", got)
	}
	for _, name := range []string{EventsFile, LogFile, resultFile} {
		if strings.Contains(f.read(name), "canary-of-an-output") {
			t.Errorf("the sensitive output is in %s", name)
		}
	}
	second, result := r.plan(wanted, func(_ *Job, s *Secrets) { s.Variables = `input = "two"` })
	must(t, result, Succeeded, "", "")
	if got := second.outputs(); string(got["plain"].Value) != `"one"` || string(got["hidden"].Value) != `"canary-of-an-output"` || !got["hidden"].Sensitive || string(got["list"].Value) != `["a",1]` {
		t.Errorf("after a plan: %+v", got)
	}
}

// Nobody asked: nothing is read and nothing is kept.
func TestNoOutputs(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": withOutputs})
	f := r.planned().startApply()
	must(t, f.wait(), Succeeded, "", "")
	if exists(filepath.Join(f.dir, OutputsFile)) {
		t.Error("the outputs are kept")
	}
}
