package e2e

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/testrig"
)

// handModules are root modules that depend on how they are run: on what lies beside them,
// on paths, on links and modes, on modules. MODULES is a repository of modules, COMMIT a commit of it.
var handModules = map[string]map[string]string{
	"value":      {"main.tf": root(`"one"`)},
	"file":       {"main.tf": root(`file("${path.module}/a.txt")`), "a.txt": "a"},
	"file-root":  {"main.tf": root(`file("${path.root}/a.txt")`), "a.txt": "a"},
	"file-plain": {"main.tf": root(`file("a.txt")`), "a.txt": "a"},
	"beside":     {"main.tf": root(`file("${path.module}/../shared/s.txt")`)},
	"template": {"main.tf": root(`templatefile("${path.module}/t.tftpl", { names = ["a", "b"], part = "${path.module}/part.txt" })`),
		"t.tftpl": "%{ for n in names }${n} %{ endfor }${file(part)}\n", "part.txt": "part"},
	"fileset":      {"main.tf": root(`{ for f in fileset(path.module, "conf/**") : f => filesha256("${path.module}/${f}") }`), "conf/a": "a", "conf/b/c": "c", "conf/.hidden": "h"},
	"fileset-flat": {"main.tf": root(`sort(fileset(path.root, "*.{txt,sh}"))`), "a.txt": "a", "run.sh": gittest.Executable("#!/bin/sh\n")},
	"hashes":       {"main.tf": root(`[filemd5("a.bin"), filebase64sha256("a.bin"), filesha512("a.bin"), filebase64("a.bin")]`), "a.bin": "\x00\x01\xff\n\r\n"},
	"names":        {"main.tf": root(`sort(fileset("${path.module}/odd", "**"))`), "odd/a b": "1", "odd/ä.txt": "2", "odd/日本": "3", "odd/-x": "4"},
	"link":         {"main.tf": root(`file("link.txt")`), "real.txt": "real", "link.txt": gittest.Symlink("real.txt")},
	"link-beside":  {"main.tf": root(`file("s.txt")`), "s.txt": gittest.Symlink("../shared/s.txt")},
	"link-dir":     {"main.tf": root(`file("here/s.txt")`), "here": gittest.Symlink("../shared")},
	"json":         {"main.tf.json": `{"terraform": {"backend": {"local": {}}}, "resource": {"terraform_data": {"x": {"input": "${file(\"a.txt\")}"}}}}`, "a.txt": "a"},
	"override": {"main.tf": root(`"before"`), "x_override.tf": "resource \"terraform_data\" \"x\" {\n  input = " +
		"\"after\"\n}\n"},
	"tfvars": {"main.tf": root("[var.a, var.b]") + "variable \"a\" {}\nvariable \"b\" {}\n",
		"terraform.tfvars": "a = \"one\"\n", "b.auto.tfvars": "b = \"two\"\n"},
	"tfvars-json": {"main.tf": root("var.a") + "variable \"a\" {}\n", "terraform.tfvars.json": `{"a": ["x", {"y": 1}]}`},
	"decoded": {"main.tf": root(`[yamldecode(file("a.yml"))["k"], jsondecode(file("a.json"))[0], csvdecode(file("a.csv"))[0].h]`),
		"a.yml": "k: v\n", "a.json": "[1]", "a.csv": "h\nv\n"},
	"where": {"main.tf": root(`[path.module, path.root, terraform.workspace]`)},
	"module": {"main.tf": called("./m"), "m/main.tf": "output \"v\" { value = \"${path.module}: " +
		"${file(\"${path.module}/a.txt\")}\" }\n", "m/a.txt": "a"},
	"module-beside": {"main.tf": called("../shared/m")},
	"module-nested": {"main.tf": called("./m"), "m/main.tf": "module \"n\" {\n  source = \"./n\"\n}\noutput \"v\" { " +
		"value = module.n.v }\n",
		"m/n/main.tf": "output \"v\" { value = [path.module, fileset(path.module, \"*.txt\")] }\n", "m/n/a.txt": "a"},
	"module-each": {"main.tf": "terraform {\n  backend \"local\" {}\n}\nmodule \"m\" {\n  for_each = toset([\"a\", " +
		"\"b\"])\n  source   = \"./m\"\n  name     = each.key\n}\n",
		"m/main.tf": "variable \"name\" {}\nresource \"terraform_data\" \"x\" {\n  count = 2\n  input = " +
			"\"${var.name}${count.index} ${path.module}\"\n}\n"},
	"remote":        {"main.tf": called("git::file://MODULES//one?ref=main")},
	"remote-pinned": {"main.tf": called("git::file://MODULES//one?ref=COMMIT")},
	"remote-tag":    {"main.tf": called("git::file://MODULES//two?ref=v1")},
	"remote-nested": {"main.tf": called("git::file://MODULES//three?ref=main")},
	"remote-twice": {"main.tf": called("git::file://MODULES//one?ref=main") +
		"module \"again\" {\n  source = \"git::file://MODULES//two?ref=main\"\n}\n" +
		"resource \"terraform_data\" \"again\" {\n  input = module.again.v\n}\n"},
	"cwd":           {"main.tf": root(`path.cwd`)},
	"absolute":      {"main.tf": root(`abspath(path.root)`)},
	"absolute-name": {"main.tf": root(`[basename(abspath(path.module)), dirname(abspath("x/y"))]`)},
	"absolute-deep": {"main.tf": called("./m"), "m/main.tf": "output \"v\" { value = abspath(path.module) }\n"},
}

// atTheSamePath are those whose values hold the path of the tree: by hand they are the
// same where the tree lies at the same place.
var atTheSamePath = []string{"cwd", "absolute", "absolute-name", "absolute-deep"}

func root(value string) string {
	return "terraform {\n  backend \"local\" {}\n}\nresource \"terraform_data\" \"x\" {\n  input = " + value + "\n}\n"
}

func called(source string) string {
	return "module \"m\" {\n  source = \"" + source + "\"\n}\n" + root("module.m.v")
}

// byHand is a clone in which a person runs the engine, with the states of two workspaces
// for each module: one that the person applies, and one that tfops does.
type byHand struct {
	*lab
	names []string
}

// TestByHandEqualsByTfops applies root modules by hand in a clone and has tfops plan them, and the other
// way round: neither finds anything to do.
func TestByHandEqualsByTfops(t *testing.T) {
	if !testrig.Long(t, "by hand against by tfops") {
		return
	}
	t.Parallel()
	h := &byHand{lab: newLab(t)}
	h.names = slices.Sorted(maps.Keys(handModules))
	if os.Getenv("TFOPS_LONG") == "" {
		h.names = []string{"absolute", "fileset", "link-beside", "module-nested", "remote", "template"}
	}
	modules := gittest.NewRepoAt(t, h.path("modules.git"))
	at := modules.Commit("main", map[string]string{
		"one/main.tf": "output \"v\" { value = \"${path.module}: ${file(\"${path.module}/a.txt\")}\" }\n",
		"one/a.txt":   "a",
		"two/main.tf": "output \"v\" { value = [for f in fileset(path.module, \"*.tftpl\") : " +
			"templatefile(\"${path.module}/${f}\", { x = path.module })] }\n", "two/t.tftpl": "${x}",
		"three/main.tf": "module \"n\" {\n  source = \"../one\"\n}\noutput \"v\" { value = [path.module, " +
			"module.n.v] }\n",
	})
	modules.Tag("v1", at)
	files := map[string]string{"shared/s.txt": "shared",
		"shared/m/main.tf": "output \"v\" { value = \"${path.module} ${file(\"${path.module}/a.txt\")}\" }\n",
		"shared/m/a.txt":   "a"}
	config := "runner {\n  concurrency = 2\n}\n"
	for _, name := range h.names {
		for file, text := range handModules[name] {
			files[name+"/"+file] = strings.NewReplacer("MODULES", modules.Dir, "COMMIT", at).Replace(text)
		}
		for _, who := range []string{"hand", "tfops"} {
			config += fmt.Sprintf("workspace %q {\n  repository     = \"infra\"\n  dir            = %q\n  apply     "+
				"     = \"auto\"\n  backend_config = { path = %q }\n}\n",
				who+"-"+name, name, h.state(who, name))
		}
	}
	h.repo.Commit("main", files)
	h.configure(config)
	h.applyByHand()
	h.serve()
	for _, name := range h.names {
		h.until(name+" has come to its end", func() bool {
			runs := h.runsOf("tfops-" + name)
			return len(runs) > 0 && runs[0].FinishedAt != nil && len(h.runsOf("hand-"+name)) > 0 &&
				h.runsOf("hand-" + name)[0].FinishedAt != nil
		})
		if r := h.runsOf("hand-" + name)[0]; r.Status != "planned_and_finished" || r.Plan == nil || r.Plan.Add+
			r.Plan.Change+r.Plan.Delete+r.Plan.Replace != 0 {
			t.Errorf("%s was applied by hand, and tfops finds something to do: %s %+v %+v", name, r.Status, r.Plan,
				r.Error)
		}
		if r := h.runsOf("tfops-" + name)[0]; r.Status != "applied" {
			t.Errorf("%s is %s: %+v", name, r.Status, r.Error)
		}
	}
	h.terminate()
	h.planByHand()
}

func (h *byHand) state(who, name string) string { return h.path("states", who+"-"+name+".tfstate") }

// place is where a person runs a module: in a clone, or where tfops has the tree of a workspace.
func (h *byHand) place(who, name string) string {
	h.t.Helper()
	at := h.path("clone")
	if slices.Contains(atTheSamePath, name) {
		at = filepath.Join(h.data, "workspaces", who+"-"+name, "tree")
		h.shell("mkdir -p " + filepath.Dir(at) + " && chmod 700 " + h.data + " && rm -rf " + at)
	}
	if _, err := os.Stat(at); errors.Is(err, os.ErrNotExist) {
		h.shell("git clone -q " + h.repo.Dir + " " + at)
	}
	return at
}

func (h *byHand) eachByHand(do func(dir, name string), who string) {
	var workers sync.WaitGroup
	places := map[string]string{}
	for _, name := range h.names {
		places[name] = h.place(who, name)
	}
	for n := range 2 {
		workers.Go(func() {
			for i := n; i < len(h.names); i += 2 {
				name := h.names[i]
				do(filepath.Join(places[name], name), name)
			}
		})
	}
	workers.Wait()
	for _, name := range atTheSamePath { // nothing of it is left for tfops
		if places[name] != "" {
			h.shell("rm -rf " + places[name])
		}
	}
	if _, err := os.Stat(filepath.Join(h.data, "tfops.db")); err != nil { // it is to be new for tfops
		h.shell("rm -rf " + h.data)
	}
}

func (h *byHand) applyByHand() {
	h.eachByHand(func(dir, name string) {
		h.terraform(dir, "init", "-input=false", "-no-color", "-backend-config=path="+h.state("hand", name))
		h.terraform(dir, "apply", "-input=false", "-no-color", "-auto-approve")
	}, "hand")
}

func (h *byHand) planByHand() {
	h.eachByHand(func(dir, name string) {
		h.terraform(dir, "init", "-reconfigure", "-input=false", "-no-color", "-backend-config=path="+
			h.state("tfops", name))
		h.terraform(dir, "plan", "-input=false", "-no-color", "-detailed-exitcode")
	}, "tfops")
}

func (h *byHand) terraform(dir string, args ...string) {
	cmd := exec.Command("terraform", args...)
	cmd.Dir, cmd.Env = dir, h.env
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Errorf("terraform %v in %s: %v\n%s", args, dir, err, out)
	}
}
