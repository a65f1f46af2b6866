package engine

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
)

const stateOfA = "terraform {\n  backend \"s3\" {\n    bucket = \"states\"\n    key = \"a\"\n  }\n}\nresource " +
	"\"terraform_data\" \"x\" {}\n"
const readsA = "data \"terraform_remote_state\" \"net\" {\n  backend = \"s3\"\n  config = {\n    bucket = " +
	"\"states\"\n    key = \"a\"\n  }\n}\nresource \"terraform_data\" \"x\" {}\n"

// What reads another workspace's state is planned after it, unless it says
// that nothing is to be inferred.
func TestInferredOrder(t *testing.T) {
	infers := func(d *fleet.Definition) { d.InferDependencies = true }
	bubble(t, func(t *testing.T, g *rig) {
		g.git.files["a/main.tf"] = &fstest.MapFile{Data: []byte(stateOfA)}
		g.git.files["b/main.tf"] = &fstest.MapFile{Data: []byte(readsA)}
		g.git.files["c/main.tf"] = &fstest.MapFile{Data: []byte(readsA)}
		g.start()
		g.commit("a/main.tf", "b/main.tf", "c/main.tf")
		g.want("a", run.AwaitingApproval)
		g.want("b", run.Pending)
		g.want("c", run.AwaitingApproval)
		up := g.view("b").Upstream
		if len(up) != 1 || !up[0].Inferred || !strings.Contains(up[0].Why, `data "terraform_remote_state" "net" in b/main.tf:1`) {
			t.Errorf("%+v", up)
		}
	}, define("a"), define("b", infers), define("c"))
}

// A module that is not there, or leaves the repository, is said in status; the
// others go on.
func TestModuleSourceThatLeaves(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.git.files["a/main.tf"] = &fstest.MapFile{Data: []byte("module \"x\" {\n  source = \"../../outside\"\n}\n")}
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.want("b", run.AwaitingApproval)
		if p := g.view("a").Problem; p == nil || !strings.Contains(p.Error(), "a/main.tf:") {
			t.Errorf("%v", p)
		}
	}, define("a"), define("b"))
}
