package engine

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/run"
)

// missingIn is a rig whose workspaces a, b and c have code of their own.
func missingIn(g *rig, x trees.Exported, code map[string]string) {
	g.git.mu.Lock()
	defer g.git.mu.Unlock()
	g.git.missing = x
	for path, text := range code {
		g.git.files[path] = &fstest.MapFile{Data: []byte(text)}
	}
}

const readsLogo = `resource "terraform_data" "x" { input = filebase64("${path.module}/../assets/logo.png") }`

// TestWhatIsMissingWaitsForAPerson: only where the workspace reads it, whatever
// apply says, and with the reason above the plan.
func TestWhatIsMissingWaitsForAPerson(t *testing.T) {
	for name, c := range map[string]struct {
		missing trees.Exported
		code    string
		held    bool
	}{
		"pointer, read":              {trees.Exported{LFSPointers: []string{"assets/logo.png"}}, readsLogo, true},
		"pointer, another file":      {trees.Exported{LFSPointers: []string{"assets/icon.png"}}, readsLogo, false},
		"pointer, by fileset":        {trees.Exported{LFSPointers: []string{"assets/x/icon.png"}}, `output "o" { value = fileset("${path.module}/../assets", "**/*.png") }`, true},
		"pointer, not the pattern's": {trees.Exported{LFSPointers: []string{"assets/icon.jpg"}}, `output "o" { value = fileset("${path.module}/../assets", "*.png") }`, false},
		"submodule, fileset over it": {trees.Exported{Submodules: []string{"files"}}, `output "o" { value = fileset("${path.module}/../files", "*") }`, true},
		"submodule, fileset into it": {trees.Exported{Submodules: []string{"files/sub"}}, `output "o" { value = fileset("${path.module}/../files", "**/*.json") }`, true},
		"submodule, beside":          {trees.Exported{Submodules: []string{"files/sub"}}, `output "o" { value = fileset("${path.module}/../files", "*.json") }`, false},
		"submodule, file in it":      {trees.Exported{Submodules: []string{"files"}}, `output "o" { value = try(file("${path.module}/../files/a/b.txt"), "") }`, true},
		"submodule, nobody's":        {trees.Exported{Submodules: []string{"docs/theme"}}, readsLogo, false},
		"cannot be told": {trees.Exported{LFSPointers: []string{"assets/logo.png"}}, `variable "f" {}
output "o" { value = file("${path.module}/../assets/${var.f}") }`, true},
		"name left out, cannot be told": {trees.Exported{Names: []trees.LeftOut{{Path: "assets/.git", Why: "a name"}}}, `variable "f" {}
output "o" { value = file("${path.module}/../assets/${var.f}") }`, true},
		"link in docs": {trees.Exported{Links: []trees.LeftOut{{Path: "docs/l", Why: "a link"}}}, readsLogo, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				missingIn(g, c.missing, map[string]string{"a/main.tf": c.code})
				g.start()
				g.commit("a/main.tf")
				if !c.held {
					if r := g.want("a", run.Applied); len(r.Warnings)+len(r.Confirm) > 0 {
						t.Errorf("it says %q, %q", r.Warnings, r.Confirm)
					}
					return
				}
				r := g.want("a", run.AwaitingApproval)
				if len(r.Warnings) != 1 || len(r.Confirm) != 1 {
					t.Fatalf("it says %q, %q", r.Warnings, r.Confirm)
				}
				if v := g.view("a"); !strings.Contains(v.Wait.Sentence(), r.Confirm[0]) ||
					v.Wait.Command != "tfops approve "+r.ID {
					t.Errorf("it waits for %+v", v.Wait)
				}
				g.approve(ana, r)
				g.want("a", run.Applied)
			}, define("a", auto))
		})
	}
}

// TestWhatIsLeftOutEndsWhoReadsIt, and nobody else.
func TestWhatIsLeftOutEndsWhoReadsIt(t *testing.T) {
	for name, c := range map[string]struct {
		left trees.LeftOut
		code string
	}{
		"code":         {trees.LeftOut{Path: "a/more.tf", Why: "a symbolic link"}, `output "o" { value = 1 }`},
		"lock file":    {trees.LeftOut{Path: "a/.terraform.lock.hcl", Why: "a symbolic link"}, `output "o" { value = 1 }`},
		"variables":    {trees.LeftOut{Path: "a/x.auto.tfvars", Why: "a symbolic link"}, `output "o" { value = 1 }`},
		"file":         {trees.LeftOut{Path: "assets/logo.png", Why: "a symbolic link"}, readsLogo},
		"fileset":      {trees.LeftOut{Path: "assets/x.png", Why: "a symbolic link"}, `output "o" { value = fileset("${path.module}/../assets", "*.png") }`},
		"directory":    {trees.LeftOut{Path: "assets", Why: "a symbolic link"}, readsLogo},
		"local module": {trees.LeftOut{Path: "c/m/more.tf", Why: "a symbolic link"}, `module "m" { source = "../c/m" }`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				missingIn(g, trees.Exported{Links: []trees.LeftOut{c.left}},
					map[string]string{"a/main.tf": c.code, "c/m/main.tf": "output \"o\" { value = 1 }"})
				g.start()
				g.commit("a/main.tf")
				r := g.want("a", run.Errored)
				if r.Failure == nil || !strings.Contains(r.Failure.Message, c.left.Path) || r.Failure.Next == "" {
					t.Errorf("it says %+v", r.Failure)
				}
				g.want("b", run.Applied)
				d, events, err := g.engine.txn.Load(context.Background(), g.last("b").ID)
				if err != nil || len(d.Run.Warnings) > 0 {
					t.Errorf("%+v, %v", d.Run.Warnings, err)
				}
				noted := false
				for _, ev := range events {
					noted = noted || strings.Contains(ev.Text, c.left.Path) && strings.Contains(ev.Text, c.left.Why)
				}
				if !noted {
					t.Errorf("the history does not say it: %+v", events)
				}
			}, define("a", auto), define("b", auto))
		})
	}
}

// TestMissingSubmodulesEndWhoReadsThem, with what to do next, and nobody else.
func TestMissingSubmodulesEndWhoReadsThem(t *testing.T) {
	refused := trees.MissingSubmodule{Path: "modules/net",
		Why: "is at https://other/x, and no submodule block allows that host", Next: "allow that host"}
	for name, code := range map[string]string{
		"module":  `module "m" { source = "../modules/net/vpc" }`,
		"file":    `output "o" { value = file("${path.module}/../modules/net/a.txt") }`,
		"fileset": `output "o" { value = fileset("${path.module}/../modules", "**/*.json") }`,
		"itself":  `module "m" { source = "../modules/net" }`,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				missingIn(g, trees.Exported{Missing: []trees.MissingSubmodule{refused}},
					map[string]string{"a/main.tf": code})
				g.start()
				g.commit("a/main.tf")
				r := g.want("a", run.Errored)
				if r.Failure == nil || !strings.Contains(r.Failure.Message, "modules/net") ||
					!strings.Contains(r.Failure.Message, refused.Why) ||
					!strings.Contains(r.Failure.Next, "allow that host; then tfops sync a") {
					t.Errorf("it says %+v", r.Failure)
				}
				if r := g.want("b", run.Applied); len(r.Warnings)+len(r.Confirm) > 0 {
					t.Errorf("b says %q, %q", r.Warnings, r.Confirm)
				}
			}, define("a", auto), define("b", auto))
		})
	}
	t.Run("cannot be told", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			missingIn(g, trees.Exported{Missing: []trees.MissingSubmodule{refused}},
				map[string]string{"a/main.tf": "variable \"f\" {}\noutput \"o\" { value = " +
					"file(\"${path.module}/../modules/${var.f}\") }"})
			g.start()
			g.commit("a/main.tf")
			if r := g.want("a", run.AwaitingApproval); len(r.Warnings) != 1 || len(r.Confirm) != 1 ||
				!strings.Contains(r.Warnings[0], refused.Why) {
				t.Errorf("it says %q, %q", r.Warnings, r.Confirm)
			}
		}, define("a", auto))
	})
	t.Run("its own directory", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			missingIn(g, trees.Exported{Missing: []trees.MissingSubmodule{refused}}, nil)
			g.start()
			g.commit("a/main.tf")
			if v := g.view("a"); v.Problem == nil || !strings.Contains(v.Problem.Error(), "submodule modules/net") {
				t.Errorf("the problem is %v", v.Problem)
			}
		}, define("a", auto, func(d *fleet.Definition) { d.Dir = "modules/net/live" }))
	})
}

// TestARuleIsEnoughForWhatIsHeld: who approves under a rule has seen the warning.
func TestARuleIsEnoughForWhatIsHeld(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		missingIn(g, trees.Exported{LFSPointers: []string{"assets/logo.png"}},
			map[string]string{"a/main.tf": readsLogo})
		g.start()
		g.commit("a/main.tf")
		r := g.want("a", run.AwaitingApproval)
		wantFault(t, g.vote(ana, r, true), "forbidden") // who wrote the commit
		g.approve(access.Actor{Name: "bo", Via: "socket"}, r)
		g.want("a", run.Applied)
	}, define("a", auto, func(d *fleet.Definition) { d.Rules = []approvals.Rule{{Name: "four", Require: 1}} }))
}
