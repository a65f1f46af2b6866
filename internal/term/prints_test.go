package term_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/values"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/testrig"
)

// printedPlan is a plan of the corpus: what was applied, what is planned now, and what is asked of the engine.
type printedPlan struct {
	name                  string
	before, after, module string   // module is ./m, which the others may call
	args                  []string // of the plan
	taint                 string   // an address
	world                 bool     // things are what things says by now, and no more
	things                []string
	says                  string // what ours says more than Terraform; empty: it is the same text
	tofu                  bool   // OpenTofu is asked as well
}

// corpus reads the plans of a file.
func corpus(t *testing.T, file string) (list []printedPlan) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range strings.Split("\n"+string(b), "\n=== ")[1:] {
		parts := strings.Split(text, "\n--- ")
		head := strings.Split(strings.TrimSpace(parts[0]), "\n")
		c := printedPlan{name: head[0]}
		for _, line := range head[1:] {
			word, rest, _ := strings.Cut(line, " ")
			switch word {
			case "args":
				c.args = strings.Fields(rest)
			case "taint":
				c.taint = rest
			case "world":
				c.world = true
			case "thing":
				c.things = append(c.things, rest)
			case "says":
				c.says = rest
			case "tofu":
				c.tofu = true
			default:
				t.Fatalf("%s: %q is not known", c.name, line)
			}
		}
		for _, part := range parts[1:] {
			what, hcl, _ := strings.Cut(part, "\n")
			switch what {
			case "before":
				c.before = hcl
			case "after":
				c.after = hcl
			case "module":
				c.module = hcl
			default:
				t.Fatalf("%s: %q is not known", c.name, what)
			}
		}
		list = append(list, c)
	}
	return list
}

// printer is an engine that plans the corpus. What was applied before is applied at once for all plans, each
// as a module of its own, and each plan is given its part of the state.
type printer struct {
	engine, rc, dir, world string
	state                  map[string]any
	known                  plan.Known
}

func newPrinter(t *testing.T, engine string, list []printedPlan) *printer {
	t.Helper()
	p := &printer{engine: engine, rc: testrig.Provider(t), dir: t.TempDir(), world: t.TempDir()}
	root := testrig.RequiredProviders
	for i, c := range list {
		if c.before == "" {
			continue
		}
		root += fmt.Sprintf("module \"c%d\" {\n  source = \"./c%d\"\n}\n", i, i)
		if strings.Contains(c.before, "output \"o\"") {
			root += fmt.Sprintf("output \"c%d\" {\n  value = module.c%d.o\n  sensitive = %t\n}\n", i, i,
				strings.Contains(c.before, "sensitive = true"))
		}
		dir := filepath.Join(p.dir, fmt.Sprintf("c%d", i))
		write(t, filepath.Join(dir, "main.tf"), testrig.RequiredProviders+c.before)
		if c.module != "" {
			write(t, filepath.Join(dir, "m", "main.tf"), testrig.RequiredProviders+c.module)
		}
	}
	write(t, filepath.Join(p.dir, "main.tf"), root)
	p.run(t, p.dir, p.world, "init", "-input=false")
	p.run(t, p.dir, p.world, "apply", "-input=false", "-auto-approve")
	b, err := os.ReadFile(filepath.Join(p.dir, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &p.state); err != nil {
		t.Fatal(err)
	}
	schemas, err := values.ReadSchemas(p.run(t, p.dir, p.world, "providers", "schema", "-json"))
	if err != nil {
		t.Fatal(err)
	}
	p.known.Schemas = func([]string) values.Schemas { return schemas }
	return p
}

func (p *printer) run(t *testing.T, dir, world string, args ...string) []byte {
	t.Helper()
	ctx, cancel := testrig.Deadline(t)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.engine, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+p.rc, "TF_DATA_DIR="+filepath.Join(p.dir, "data"),
		"LAB_WORLD="+world)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", filepath.Base(p.engine), args, err, out, stderr.Bytes())
	}
	return out
}

// part is what of the state is the i-th plan's.
func (p *printer) part(t *testing.T, i int, c printedPlan) []byte {
	t.Helper()
	name := fmt.Sprintf("module.c%d", i)
	var resources []any
	for _, r := range p.state["resources"].([]any) {
		r := r.(map[string]any)
		if module, _ := r["module"].(string); module != name && !strings.HasPrefix(module, name+".") {
			continue
		}
		if c.taint == fmt.Sprintf("%s.%s", r["type"], r["name"]) {
			r["instances"].([]any)[0].(map[string]any)["status"] = "tainted"
		}
		resources = append(resources, r)
	}
	state := map[string]any{"version": 4, "terraform_version": p.state["terraform_version"], "serial": 1,
		"lineage": "l", "resources": resources, "outputs": map[string]any{}}
	if o := p.state["outputs"].(map[string]any)[fmt.Sprintf("c%d", i)]; o != nil {
		state["outputs"] = map[string]any{"o": o}
	}
	b, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.ReplaceAll(b, []byte(`"module":"`+name+`",`), nil)
	return bytes.ReplaceAll(b, []byte(name+"."), nil)
}

// plans plans the i-th plan, and returns how the engine prints it, and how we do.
func (p *printer) plans(t *testing.T, i int, c printedPlan) (want, got string) {
	t.Helper()
	dir, world := t.TempDir(), p.world
	write(t, filepath.Join(dir, "main.tf"), testrig.RequiredProviders+c.after)
	lock, err := os.ReadFile(filepath.Join(p.dir, ".terraform.lock.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ".terraform.lock.hcl"), string(lock))
	if c.before != "" {
		write(t, filepath.Join(dir, "terraform.tfstate"), string(p.part(t, i, c)))
	}
	if c.world {
		world = t.TempDir()
	}
	for _, text := range c.things {
		var thing struct{ Name string }
		if err := json.Unmarshal([]byte(text), &thing); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(world, thing.Name+".json"), text)
	}
	args := []string{"plan", "-input=false", "-lock=false", "-out=p"}
	if !slices.Contains(c.args, "-refresh=true") {
		args = append(args, "-refresh=false")
	}
	p.run(t, dir, world, append(args, c.args...)...)
	want = tidy(stripColours(string(p.run(t, dir, world, "show", "p"))))
	raw := p.run(t, dir, world, "show", "-json", "p")
	pl, _, err := plan.Read(raw, "sha256:d", p.known)
	if err != nil {
		t.Fatal(err)
	}
	pl.EngineName, pl.RefreshOnly = filepath.Base(p.engine), slices.Contains(c.args, "-refresh-only")
	pl.Destroy = pl.Destroy || slices.Contains(c.args, "-destroy")
	kept, err := json.Marshal(pl) // as a run keeps it
	if err != nil {
		t.Fatal(err)
	}
	var read plan.Plan
	if err := json.Unmarshal(kept, &read); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	term.New(&out, &errs, term.Options{Color: term.ColorNever}).Plan(nil, &read)
	if errs.Len() > 0 {
		t.Errorf("stderr: %s", errs.String())
	}
	return want, tidy(out.String())
}

// TestPlansReadAsTheEnginesPrintThem holds a corpus against `show` of the real engines: at least 95 of 100
// plans are the same text, and of each other one a reason is given, and ours has all of the engine's words.
func TestPlansReadAsTheEnginesPrintThem(t *testing.T) {
	list := corpus(t, filepath.Join("testdata", "prints.txt"))
	said := 0
	for _, c := range list {
		if c.says != "" {
			said++
		}
	}
	if n := len(list); n < 100 || said*20 > n {
		t.Errorf("%d plans, of which %d are another text", n, said)
	}
	t.Run("terraform", func(t *testing.T) { printsAlike(t, testrig.Terraform(t), list, testrig.Every(t, 5)) })
	t.Run("tofu", func(t *testing.T) {
		tofu, ok := testrig.Tofu(t)
		if !ok {
			return // it says so
		}
		list := slices.DeleteFunc(slices.Clone(list), func(c printedPlan) bool { return !c.tofu })
		if len(list) < 10 {
			t.Errorf("only %d plans", len(list))
		}
		printsAlike(t, tofu, list, testrig.Every(t, 5))
	})
}

func printsAlike(t *testing.T, engine string, list []printedPlan, every int) {
	var some []printedPlan
	for i := 0; i < len(list); i += every {
		some = append(some, list[i])
	}
	p := newPrinter(t, engine, some)
	for i, c := range some {
		t.Run(c.name, func(t *testing.T) {
			want, got := p.plans(t, i, c)
			more := c.says != "" && filepath.Base(engine) != "tofu" // which says it itself
			switch {
			case len(want) < 50:
				t.Errorf("the engine printed only %q", want)
			case !more && got != want:
				t.Errorf("%s", firstDifference(got, want))
			case more && got == want:
				t.Errorf("it is the same text: it says nothing more")
			case !has(strings.Fields(got), strings.Fields(want)) && !strings.HasPrefix(want, "No changes."):
				t.Errorf("ours has not all of the engine's words\n%s", firstDifference(got, want))
			}
		})
	}
}

// has reports whether all words are in a text, in their order; what is hidden there may be any word, and what is
// empty may be null.
func has(text, words []string) bool {
	for _, w := range text {
		w = strings.TrimRight(w, ".,")
		if len(words) == 0 {
			break
		}
		if is := strings.TrimRight(words[0], ".,"); w == is || w == "(sensitive" || w == `""` && is == "null" {
			words = words[1:]
		}
	}
	return len(words) == 0
}
