package gitrepo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/local"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// largeFleet is a repository of 10,000 files as large fleets have them: 1,000
// root modules of four files, and 3,000 shared modules of two, in three layers.
// A root module reaches 30 others, of which every third reads a template.
func largeFleet() (map[string]string, []workspace.Workspace) {
	const roots, shared = 1000, 3000
	all := map[string]string{}
	var ws []workspace.Workspace
	call := func(dir string, n int) string {
		return fmt.Sprintf("module \"m%d\" {\n  source = \"%smodules/layer%d/m%04d\"\n  name   = local.name\n  tags "+
			"  = merge(var.tags, { part = \"m%d\" })\n}\n",
			n, dir, n/1000, n%1000, n)
	}
	for i := range roots {
		dir := fmt.Sprintf("live/team%02d/app%03d/", i%20, i/20)
		main := "locals {\n  name = \"${var.team}-${terraform.workspace}\"\n  env  = { for e in var.envs : e.name " +
			"=> e }\n}\n"
		for k := range 5 {
			main += call("../../../", (i*7+k*131)%1000)
		}
		all[dir+"main.tf"] = main + resources(i)
		all[dir+"variables.tf"] = "variable \"team\" {}\nvariable \"tags\" { default = {} }\nvariable \"envs\" { " +
			"default " +
			"= [] }\n"
		all[dir+"backend.tf"] = fmt.Sprintf("terraform {\n  backend \"s3\" {\n    bucket = \"states\"\n    key    = "+
			"\"app%d\"\n  }\n}\n", i)
		all[dir+"terraform.tfvars"] = fmt.Sprintf("team = \"team%02d\"\nenvs = [{ name = \"prod\", size = %d }]\n",
			i%20, i)
		ws = append(ws, workspace.Workspace{Name: fmt.Sprintf("app%04d", i), Dir: strings.TrimSuffix(dir, "/"),
			Engine: "terraform", InferDependencies: true})
	}
	for i := range shared {
		dir, main := fmt.Sprintf("modules/layer%d/m%04d/", i/1000, i%1000), "locals {\n  name = var.name\n}\n"
		for k := range 2 {
			if i < 2000 {
				main += call("../../../", (i/1000+1)*1000+(i*3+k*17)%1000)
			}
		}
		if i%3 == 0 {
			main += "output \"text\" {\n  value = " +
				"templatefile(\"${path.module}/../../../templates/${var.kind}.tpl\", { " +
				"name = var.name })\n}\n"
		}
		all[dir+"main.tf"] = main + resources(i)
		all[dir+"variables.tf"] = "variable \"name\" {}\nvariable \"tags\" { default = {} }\nvariable \"kind\" { " +
			"default " +
			"= \"plain\" }\n"
	}
	all["templates/plain.tpl"] = "hello ${name}"
	return all, ws
}

// resources are some forty lines of ordinary code.
func resources(n int) string {
	var b strings.Builder
	for i := range 4 {
		fmt.Fprintf(&b, `resource "aws_instance" "r%[1]d" {
  count         = var.tags == null ? 0 : %[2]d
  ami           = data.aws_ami.image[0].id
  instance_type = lookup(var.tags, "size", "t3.small")
  tags          = merge(var.tags, { Name = "${local.name}-%[1]d", index = count.index })
  user_data = <<-EOT
    #!/bin/sh
    echo ${local.name} > /etc/name
    systemctl restart app-%[2]d
  EOT
}
`, i, n)
	}
	return b.String()
}

// BenchmarkLargeFleet is the reach of a large fleet, as docs/BENCHMARKS.md tells
// it: the first look at a repository, the first of a process after a restart, "tfops
// affected" of a process of its own, and a commit in a process that has seen the one
// before.
func BenchmarkLargeFleet(b *testing.B) {
	files, ws := largeFleet()
	repo := gittest.NewRepo(b)
	from := repo.Commit("main", files)
	const changed = "modules/layer1/m0007/main.tf"
	to := repo.Commit("main", map[string]string{changed: files[changed] + "output \"more\" {\n  value = 1\n}\n"})
	m, dir := open(b, remote.Remote{URL: repo.Dir})
	fetch(b, m)
	forget := func() {
		if err := os.RemoveAll(filepath.Join(dir, "kept")); err != nil {
			b.Fatal(err)
		}
	}
	look := func(x *reach.Index, rev string) *reach.Graph {
		tree, err := m.Tree(rev)
		if err != nil {
			b.Fatal(err)
		}
		if roots := x.Graph(tree, nil).Roots(); len(roots) != len(ws) {
			b.Fatalf("%d root modules", len(roots))
		}
		return graphOf(b, x, m, rev, ws)
	}
	b.Run("look", func(b *testing.B) {
		for b.Loop() {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			forget()
			g := look(reach.NewIndex(), from)
			runtime.GC()
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(g)
			b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/1e6, "MB-kept")
			b.ReportMetric(float64(after.Sys)/1e6, "MB-of-the-process")
		}
	})
	b.Run("restart", func(b *testing.B) {
		look(reach.NewIndex(), from)
		for b.Loop() {
			look(reach.NewIndex(), to)
		}
	})
	b.Run("affected", func(b *testing.B) {
		for b.Loop() {
			checkout, err := local.OpenCheckout(repo.Dir)
			if err != nil {
				b.Fatal(err)
			}
			tree, err := checkout.Tree(to)
			if err != nil {
				b.Fatal(err)
			}
			paths, err := checkout.Changed(b.Context(), from, to)
			if err != nil {
				b.Fatal(err)
			}
			x := reach.NewIndex()
			x.Graph(tree, nil).Roots()
			if got := x.Graph(tree, ws).Affected(paths); len(got) == 0 || len(got) == len(ws) {
				b.Fatalf("%d are affected", len(got))
			}
		}
	})
	b.Run("commit", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			x := reach.NewIndex()
			look(x, from)
			b.StartTimer()
			if got := look(x, to).Affected([]string{changed}); len(got) == 0 || len(got) == len(ws) {
				b.Fatalf("%d are affected", len(got))
			}
		}
	})
}
