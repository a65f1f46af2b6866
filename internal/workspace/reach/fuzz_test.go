package reach

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/workspace"
)

// growing is code whose texts grow with every step towards the end.
var growing = func() string {
	var s strings.Builder
	s.WriteString("locals {\n l0 = [for x in [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\"] : \"${x}\"]\n")
	for i := range 60 {
		fmt.Fprintf(&s, " l%d = [for x in local.l%d : \"${x}${x}/${local.l%d[x]}\"]\n r%d = file(local.l%d[0])\n", i+1,
			i, i, i, i+1)
	}
	s.WriteString("}\n")
	return s.String()
}()

// Whatever a file says, reading it ends soon and without a panic, and the file
// itself touches its workspace.
func FuzzModule(f *testing.F) {
	f.Add("main.tf", calls("./x", "../y"))
	f.Add("main.tf.json", `{"module": {"a": {"source": "../x"}}, "terraform": {"backend": {"s3": {}}}}`)
	f.Add("main.tf", "locals {\n a = <<EOT\n${file(\"../x\")}\nEOT\n}")
	f.Add("a.auto.tfvars", `a = "../x"`)
	f.Add("main.tofu", `module "a" { source = "${path.module}/../x/%s" }`)
	f.Add("main.tf.json", `{"module": [{"a": [{"source": 1}]}, null], "locals": {"a": "${file(local.a)}"}}`)
	f.Add("main.tf", "locals {\n a = \"${local.b}${local.b}\"\n b = [for k, v in local.a : merge(v, {(k) = "+
		"local.b[k]})]\n c = fileset(local.a, join(\"/\", local.b))\n}")
	f.Add("main.tf", "variable \"v\" {\n default = {a = [\"x\"]}\n}\nresource \"a\" \"b\" {\n for_each = var.v\n x "+
		"= file(\"${path.module}/${each.value[0]}/${a.b.path}/../..\")\n path = file(a.b.path)\n dynamic \"c\" {\n  "+
		"for_each = each.value\n  content {\n   y = fileset(dirname(c.value), \"{*\")\n  }\n }\n}")
	f.Add("main.tf", "module \"self\" {\n source = \"./\"\n v = var.v\n w = \"${var.w}x\"\n}\nvariable \"v\" "+
		"{}\nvariable \"w\" {}\nlocals { x = file(var.w) }")
	f.Add("main.tf", "data \"terraform_remote_state\" \"x\" {\n backend = \"s3\"\n workspace = "+
		"terraform.workspace\n config = {bucket = \"b\", key = var.k, (var.x) = 1}\n}\nterraform {\n backend \"s3\" "+
		"{\n  assume_role { x = [1, null, true] }\n }\n}")
	f.Add("main.tf", growing)
	f.Fuzz(func(t *testing.T, name, src string) {
		if len(src) > 1<<16 || !rootmodule.IsCode(name, true) && !rootmodule.IsAutoVars(name) ||
			strings.ContainsAny(name, "/\x00") || !fs.ValidPath(name) {
			return
		}
		tree := files(map[string]string{"other/main.tf": calls(), "w/link": "-> ../other"})
		tree["w/"+name] = &fstest.MapFile{Data: []byte(src)}
		tree["w/x.tpl"] = &fstest.MapFile{Data: []byte(src)}
		tree["w/more.tf"] = &fstest.MapFile{Data: []byte(`locals { tpl = templatefile("${path.module}/x.tpl", {}) }`)}
		ws := []workspace.Workspace{{Name: "w", Dir: "w", Engine: "tofu", VarFiles: []string{name},
			Variables: map[string]cty.Value{"v": cty.StringVal("x")}}}
		started := time.Now()
		g := NewIndex().Graph(newHashes(tree), ws)
		if rootmodule.IsCode(name, true) && name != "more.tf" {
			if got := names(g.Affected([]string{"w/" + name})); got != "w" {
				t.Errorf("its own file %s touches %q", name, got)
			}
		}
		g.Affected([]string{"other/x.json", "w", "", "..", "/", "w/link/x"})
		for _, d := range g.Roots() {
			if d != "w" && d != "other" {
				t.Errorf("discovered %q", d)
			}
		}
		if r, ok := g.Reach("w"); !ok || len(r.Items) == 0 {
			t.Errorf("reach %+v", r)
		}
		for _, p := range g.Problems("w") {
			if p.Where == "" || p.Message == "" || p.Next == "" {
				t.Errorf("problem %+v", p)
			}
		}
		g.Modules()
		g.Calls()
		g.Backend("w")
		g.RemoteStates("w")
		// What grows with no bound takes hours; a machine that is busy with other
		// tests takes many times as long as one that is not.
		if d := time.Since(started); d > time.Minute {
			t.Errorf("it took %s", d)
		}
	})
}
