package runner

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/module"
	"github.com/tfops/tfops/internal/testrig"
)

// A name that the root module does not declare is refused before the engine
// runs, or is a warning where it may be meant for another module.
func TestUndeclaredVariables(t *testing.T) {
	if !testrig.Long(t, "variables that no module declares") {
		return
	}
	eachEngine(t, undeclaredVariables)
}

func undeclaredVariables(t *testing.T, engine job.EngineSpec) {
	const module = "variable \"region\" { default = \"eu\" }\nvariable \"instance_type\" { default = \"small\" " +
		"}\nvariable \"vpc_id\" { default = null }\nresource \"terraform_data\" \"a\" { input = var.region }\n"
	strict := func(vars string, files ...string) option {
		return func(j *job.Job, s *job.Secrets) { j.StrictVariables, s.Variables, j.VarFiles = true, vars, files }
	}
	with := func(change func(*job.Job), o option) option {
		return func(j *job.Job, s *job.Secrets) { o(j, s); change(j) }
	}
	for name, c := range map[string]struct {
		files map[string]string
		give  option
		wrong []string // in the message
		warns []string // in warnings
	}{
		"variables": {nil, strict("regoin = \"us\"\n"), []string{`the root module live declares no variable "regoin", which ` + "`variables` of the workspace" + ` sets (did you mean "region"?)`}, nil},
		"nothing near": {nil, strict("colour = \"red\"\nregion = \"us\"\n"),
			[]string{`"colour", which ` + "`variables` of the workspace sets"}, nil},
		"two of them": {nil, strict("colour = \"red\"\ninstancetype = \"x\"\n"), []string{`"colour"`, `"instancetype"`, `(did you mean "instance_type"?)`}, nil},
		"inputs": {nil, with(func(j *job.Job) { j.InputVariables = []string{"vpc"} }, strict("vpc = \"v\"\n")),
			[]string{"`inputs` of the workspace sets"}, nil},
		"defaults": {nil, with(func(j *job.Job) { j.SharedVariables = []string{"team"} }, strict("team = \"net\"\n")),
			nil,
			[]string{"`variables` of the defaults block sets a variable that the root module live does not declare", `"team"`}},
		"a slip in defaults": {nil, with(func(j *job.Job) { j.SharedVariables = []string{"regio"} },
			strict("regio = \"us\"\n")), []string{`"regio"`, `"region"`}, nil},
		"a shared file": {map[string]string{"common.tfvars": "region = \"us\"\nteam = \"net\"\nowner = \"li\"\n"},
			strict("", "../common.tfvars"), nil,
			[]string{"../common.tfvars sets 2 variables that the root module live does not declare", `"team", "owner"`}},
		"a slip in a file": {map[string]string{"live/a.tfvars": "team = 1\ninstance_tpye = \"x\"\n"},
			strict("", "a.tfvars"),
			[]string{`"instance_tpye", which a.tfvars sets in line 2 (did you mean "instance_type"?)`}, nil},
		"a slip in JSON": {map[string]string{"live/a.tfvars.json": `{"Region": "us"}`},
			strict("", "a.tfvars.json"), []string{`"Region"`, `"region"`}, nil},
		"no slip where the other has a value": {map[string]string{"live/a.tfvars": "regions = [\"a\"]\nregion = " +
			"\"us\"\n"}, strict("", "a.tfvars"), nil, []string{`"regions" (did you mean "region"?)`}},
		"nor where another file gives it": {map[string]string{"live/a.tfvars": "regions = [\"a\"]\n",
			"live/terraform.tfvars": "region = \"us\"\n"}, strict("", "a.tfvars"), nil, []string{`"regions"`}},
		"siblings are no slips": {map[string]string{"live/a.tfvars": "vpc_id_2 = \"x\"\n"},
			strict("", "a.tfvars"), nil, []string{`"vpc_id_2"`}},
		"what the engine finds": {map[string]string{"live/x.auto.tfvars": "regoin = \"us\"\n"},
			strict(""), nil, []string{`x.auto.tfvars sets a variable`, `(did you mean "region"?)`}},
		"of the applied commit": {nil, with(func(j *job.Job) { j.StrictVariables = false },
			strict("regoin = \"us\"\n")), nil, []string{`"regoin"`}},
		"JSON declares it": {map[string]string{"live/v.tf.json": `{"variable": {"colour": {"default": 1}}}`}, strict("colour = 2\n"), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, map[string]string{"live/main.tf": module})
			r.engine = engine
			for name, content := range c.files {
				r.write(name, content)
			}
			f, result := r.plan(c.give, func(j *job.Job, _ *job.Secrets) { j.Dir = "live" })
			if len(c.wrong) > 0 {
				must(t, result, job.Failed, job.CauseBadInput, "declares no variable")
				for _, want := range c.wrong {
					if !strings.Contains(result.Message, want) {
						t.Errorf("%s\nwithout %s", result.Message, want)
					}
				}
				if durable.Exists(filepath.Join(f.dir, job.StartedFile)) || result.EngineName != "" {
					t.Error("the engine was started")
				}
				return
			}
			must(t, result, job.Succeeded, "", "")
			said := warningsIn(result)
			if (len(c.warns) == 0) != (said == "") {
				t.Errorf("warnings: %s", said)
			}
			for _, want := range c.warns {
				if !strings.Contains(said, want) {
					t.Errorf("%s\nwithout %s", said, want)
				}
			}
			if strings.Contains(said, "Value for undeclared") {
				t.Errorf("said twice: %s", said)
			}
		})
	}
}

func warningsIn(r job.Result) string {
	var all []string
	for _, d := range r.Diagnostics {
		if d.Severity == "warning" {
			all = append(all, d.String())
		}
	}
	return strings.Join(all, "\n\n")
}

// What the engine says names no path of ours: not of a file in memory, nor of
// the directory that a commit was exported to.
func TestMessagesNameNoPathOfOurs(t *testing.T) { eachEngine(t, messagesNameNoPathOfOurs) }

func messagesNameNoPathOfOurs(t *testing.T, engine job.EngineSpec) {
	r := newRig(t, nil)
	r.engine = engine
	inLive := func(j *job.Job, _ *job.Secrets) { j.Dir = "live" }
	r.write("live/main.tf", "variable \"count_of\" { type = number }\nresource \"terraform_data\" \"a\" { input = "+
		"var.count_of }\n")
	f, wrong := r.plan(inLive, func(_ *job.Job, s *job.Secrets) { s.Variables = "count_of = \"many\"\n" })
	must(t, wrong, job.Failed, job.CauseEngine, "")
	text := fmt.Sprintf("%s %s", wrong.Diagnostics, f.read(job.EventsFile))
	// OpenTofu names no file
	if strings.Contains(text, "/proc/") || engine.Name == "terraform" &&
		!strings.Contains(text, module.WorkspaceVariables) {
		t.Errorf("the file in memory: %s", text)
	}
	f, wrong = r.plan(inLive, func(_ *job.Job, s *job.Secrets) { s.Variables = "count_of = [\n" })
	must(t, wrong, job.Failed, job.CauseEngine, "")
	if text := fmt.Sprintf("%s %s", wrong.Diagnostics, f.read(job.EventsFile)); strings.Contains(text, "/proc/") {
		t.Errorf("a file that does not parse: %s", text)
	}

	r.write("live/main.tf", `
resource "terraform_data" "a" { input = 1 }
check "c" {
  assert {
    condition     = terraform_data.a.input == 2
    error_message = "see ${abspath(path.module)}/README.md and `+r.workspaceDir()+`/x"
  }
}
`)
	f, warned := r.plan(inLive, func(j *job.Job, s *job.Secrets) { j.StrictVariables = true })
	must(t, warned, job.Succeeded, "", "")
	if said := warningsIn(warned); said == "" || strings.Contains(said, r.base) {
		t.Errorf("warnings: %s", said)
	}
	for line := range strings.Lines(f.read(job.EventsFile)) {
		var m diagnostics.Message
		if json.Unmarshal([]byte(line), &m) == nil && m.Diagnostic != nil && strings.Contains(line, r.base) {
			t.Errorf("in the log: %s", line)
		}
	}
}
