package reach

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/workspace"
)

// decoding cases: what a file that is decoded says which file is read. DATA is
// the path of the data, and the files that are read are f/NAME-*. Beside each
// lies a file that is not: f/decoy.
var decodings = []struct {
	name, data, code string
	native           bool // the data is a file of its own directory
}{
	{"yaml list", "repos:\n  - {name: a, path: f/NAME-a}\n  - name: b\n    path: f/NAME-b\n",
		`{ for r in yamldecode(file("DATA")).repos : r.name => file(r.path) }`, false},
	{"yaml map by its keys", "NAME-a: {}\nNAME-b: {}\n", `[for k, v in yamldecode(file("${path.module}/DATA")) : file("f/${k}")]`, false},
	{"yaml anchors and merges", "base: &b {path: f/NAME-a}\none:\n  <<: *b\n  name: x\ntwo: [*b]\n",
		`[file(yamldecode(file("DATA")).one.path), file(yamldecode(file("DATA"))["two"][0]["path"])]`, false},
	{"yaml numbers as names", "files: [1, 2]\n", `[for n in yamldecode(file("DATA")).files : file("f/NAME-${n}")]`, false},
	{"json", `{"a": {"list": [{"p": "NAME-a"}, {"p": "NAME-b"}]}}`, `[for x in jsondecode(file("DATA"))["a"].list[*].p : file("${path.module}/f/${x}")]`, false},
	{"json through try and merge", `{"p": "NAME-a"}`, `file("f/${merge({ p = "none" }, try(jsondecode(file("DATA")), {})).p}")`, false},
	{"json with a byte that is escaped", `{"p": "NAME\u002da"}`, `file("f/${jsondecode(file("DATA")).p}")`, false},
	{"csv", "name,path\nx,f/NAME-a\ny,\"f/NAME-b\"\n", `{ for row in csvdecode(file("DATA")) : row.name => file(row.path) }`, false},
	{"csv by column", "name\nNAME-a\n", `[for n in csvdecode(file("DATA"))[*].name : filemd5("f/${n}")]`, false},
	{"a template without anything to put in", "p: NAME-a\n", `file("f/${yamldecode(templatefile("DATA", { x = 1 })).p}")`, false},
	{"a condition around it", "p: NAME-a\n", `fileexists("DATA") ? file("f/${yamldecode(file("DATA")).p}") : ""`, false},
	{"nested data", "files: [d/NAME-more.yml]\n", `[for f in yamldecode(file("DATA")).files : file(yamldecode(file(f)).path)]`, false},
	{"data of a fileset", "path: f/NAME-a\n", `[for f in fileset("d", "NAME*.yaml") : file(yamldecode(file("d/${f}")).path)]`, false},
	{"a merge over a fileset", "NAME-a: 1\n", `[for k, v in merge([for f in fileset(path.module, "d/NAME*.yaml") : yamldecode(file(f))]...) : file("f/${k}")]`, false},
	{"flattened", "teams:\n  x: {keys: [NAME-a, NAME-b]}\n",
		`[for e in flatten([for t, v in yamldecode(file("DATA")).teams : [for k in v.keys : { t = t, k = k }]]) : file("f/${e.k}")]`, false},
	{"lookup with a default", "x: {}\n", `file("f/${lookup(yamldecode(file("DATA")).x, "path", "NAME-a")}")`, false},
	{"yaml words", "on: NAME-a\n", `file("f/${values(yamldecode(file("DATA")))[0]}")`, false},
}

// Files that are read by paths out of files that are decoded: what the engine
// opens is in the reach, and the reach is no wider.
func TestTheEngineOpensWhatDataNames(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755),
			os.WriteFile(file, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("f/decoy", "")
	write("d/decoy", "")
	for i, c := range decodings {
		name := fmt.Sprintf("n%d", i)
		put := strings.NewReplacer("NAME", name, "DATA", "d/"+name+".yaml")
		write("d/"+name+".yaml", put.Replace(c.data))
		write("d/"+name+"-more.yml", "path: f/"+name+"-a\n")
		for _, end := range []string{"a", "b", "1", "2"} {
			write("f/"+name+"-"+end, "x")
		}
		write(name+".tf", put.Replace(fmt.Sprintf("# %s\nlocals { %s = %s }\noutput %q { value = local.%s }\n", c.name,
			name, c.code, name, name)))
		// The same through a resource with each.
		write(name+"_each.tf", put.Replace(fmt.Sprintf("resource \"terraform_data\" %q {\n  for_each = { x = %s }\n "+
			" input    = each.value\n}\n", name, c.code)))
	}
	opened := opens(t, filepath.Join(dir, "f"), func() {
		engine(t, dir, "init", "-no-color")
		engine(t, dir, "apply", "-auto-approve", "-no-color")
	})
	g := NewIndex().Graph(os.DirFS(dir).(fs.ReadLinkFS), []workspace.Workspace{{Name: "w", Dir: "."}})
	r := g.reaches[0]
	for i := range decodings {
		if !opened[fmt.Sprintf("n%d-a", i)] && !opened[fmt.Sprintf("n%d-1", i)] {
			t.Errorf("the engine does not open a file of %q", decodings[i].name)
		}
	}
	for name := range opened {
		if r.touch("f/"+name) == nil {
			t.Errorf("the engine opens f/%s, which is not seen", name)
		}
	}
	if len(r.widened) > 0 {
		t.Errorf("widened: %+v", r.widened)
	}
	for i := range decodings { // a file that no data names
		for _, end := range []string{"a", "b", "1", "2"} {
			if name := fmt.Sprintf("n%d-%s", i, end); !opened[name] && r.touch("f/"+name) != nil &&
				decodings[i].name != "lookup with a default" {
				t.Errorf("%s: f/%s counts, and the engine does not open it: %v", decodings[i].name, name,
					r.touch("f/"+name))
			}
		}
	}
	for _, p := range []string{"f/decoy", "d/decoy", "x"} {
		if chain := r.touch(p); chain != nil {
			t.Errorf("%s counts: %v", p, chain)
		}
	}
}
