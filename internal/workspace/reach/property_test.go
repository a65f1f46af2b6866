package reach

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tfops/tfops/internal/testrig"
	"github.com/tfops/tfops/internal/workspace"
)

// world is what a random repository means. Its text is written from it, and
// what a workspace depends on is told from it without reading that text.
type world struct {
	mods  map[string]*worldMod // by directory
	files map[string]string    // all that is no code
	links map[string]string    // by path, to a neighbour's name
}

type worldMod struct {
	calls []worldCall
	reads []worldRead
	note  int // of a comment
}

type worldCall struct{ dir, pass string } // what is passed for the variable f: a name in data/, or nothing

type worldRead struct {
	kind int
	name string // in data/
}

var worldReads = []string{
	`file("${path.module}/../../data/%s")`,
	`filemd5("../../data/%s")`,
	`jsondecode(file("${local.base}/%s"))`,
	`fileset("${path.module}/../../data", "%.1s*")`,
	`"../../data/%s"`,
	`file("${path.root}/%s")`,
	`file(var.f)`,
	`templatefile("${path.module}/../../data/sub/${var.unset}", {name = 1})`,
	`[for n in ["%s", "b1"] : file(format("%%s/../../data/%%s", path.module, n))]`,
	`fileexists(true ? "${path.cwd}/../../data/%s" : "${dirname(path.module)}/../data/c1")`,
}

func (m *worldMod) text() string {
	var s strings.Builder
	fmt.Fprintf(&s, "# %d\nlocals {\n  base = \"${path.module}/../../data\"\n}\nvariable \"unset\" {}\nvariable "+
		"\"f\" {\n  default = \"../../data/c3\"\n}\n", m.note)
	for i, c := range m.calls {
		fmt.Fprintf(&s, "module \"m%d\" {\n  source = \"../../%s\"\n", i, c.dir)
		if c.pass != "" {
			fmt.Fprintf(&s, "  f = \"${path.module}/../../data/%s\"\n", c.pass)
		}
		s.WriteString("}\n")
	}
	for i, r := range m.reads {
		value := worldReads[r.kind]
		if strings.Contains(value, "%") {
			value = fmt.Sprintf(value, r.name)
		}
		fmt.Fprintf(&s, "resource \"terraform_data\" \"r%d\" {\n  input = %s\n}\n", i, value)
	}
	return s.String()
}

func (w *world) tree() fstest.MapFS {
	all := maps.Clone(w.files)
	for dir, m := range w.mods {
		all[dir+"/main.tf"] = m.text()
	}
	for p, target := range w.links {
		all[p] = "-> " + target
	}
	return files(all)
}

// content is all that a root module is made of, as text, the naive way.
func (w *world) content(root string) string {
	seen := map[string]string{}
	for p, s := range w.files {
		base := path.Base(p)
		if path.Dir(p) == root && (base == ".terraform.lock.hcl" || strings.HasSuffix(base, ".tfvars") &&
			base != "some.tfvars") {
			seen[p] = s
		}
	}
	w.module(root, root, nil, seen)
	var out []string
	for p, s := range seen {
		out = append(out, p+"\n"+s)
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func (w *world) module(dir, root string, passed []string, seen map[string]string) {
	if target, ok := w.links[dir]; ok {
		seen[dir] = target
		dir = path.Join(path.Dir(dir), target)
	}
	m := w.mods[dir]
	if m == nil {
		seen[dir] = "absent"
		return
	}
	seen[dir+"/main.tf"] = m.text()
	for _, r := range m.reads {
		w.read(r, root, passed, seen)
	}
	for _, c := range m.calls {
		// One module may be called twice: each way is walked.
		w.module(c.dir, root, []string{c.pass}, seen)
	}
}

func (w *world) read(r worldRead, root string, passed []string, seen map[string]string) {
	one := func(p string) { seen[p] = w.files[p] + fmt.Sprint(w.files[p] != "") }
	some := func(match func(p string) bool) {
		for p := range w.files {
			if match(p) {
				one(p)
			}
		}
	}
	switch r.kind {
	case 3:
		some(func(p string) bool { return path.Dir(p) == "data" && strings.HasPrefix(path.Base(p), r.name[:1]) })
	case 5:
		one(root + "/" + r.name)
	case 6:
		name := "c3"
		if len(passed) > 0 && passed[0] != "" {
			name = passed[0]
		}
		one("data/" + name)
	case 7:
		some(func(p string) bool { return strings.HasPrefix(p, "data/sub/") })
	case 8:
		one("data/" + r.name)
		one("data/b1")
	case 9:
		one("data/" + r.name)
		one("data/c1") // the text does not say which of the two
	default:
		one("data/" + r.name)
	}
}

var worldNames = []string{"a1", "a2", "b1", "b2", "c1", "c2", "c3"}

func newWorld(r *rand.Rand) *world {
	w := &world{map[string]*worldMod{}, map[string]string{}, map[string]string{}}
	for i := range 6 {
		w.mods[fmt.Sprintf("modules/m%d", i)] = w.randomMod(r, i+1)
	}
	for i := range 5 {
		w.mods[fmt.Sprintf("live/r%d", i)] = w.randomMod(r, 0)
	}
	for range 12 {
		w.change(r)
	}
	return w
}

// randomMod makes a module that calls modules from first on, so that none
// calls itself.
func (w *world) randomMod(r *rand.Rand, first int) *worldMod {
	m := &worldMod{note: r.IntN(100)}
	for i := first; i < 8; i++ {
		if r.IntN(3) == 0 {
			dir := fmt.Sprintf("modules/m%d", i) // two of them are not there
			if i == 7 {
				dir = "modules/l0"
			}
			c := worldCall{dir: dir}
			if r.IntN(2) == 0 {
				c.pass = pick(r, worldNames)
			}
			m.calls = append(m.calls, c)
		}
	}
	for range r.IntN(3) {
		m.reads = append(m.reads, worldRead{r.IntN(len(worldReads)), pick(r, worldNames)})
	}
	return m
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// change makes one random change.
func (w *world) change(r *rand.Rand) {
	value := fmt.Sprint(r.IntN(1000))
	live := fmt.Sprintf("live/r%d/", r.IntN(5))
	switch r.IntN(13) {
	case 0, 1, 2:
		w.files["data/"+pick(r, worldNames)] = value
	case 3:
		delete(w.files, "data/"+pick(r, worldNames))
	case 4:
		w.files["data/sub/"+pick(r, worldNames)] = value
	case 5:
		w.files[live+pick(r, []string{".terraform.lock.hcl", "x.auto.tfvars", "terraform.tfvars",
			"some.tfvars"})] = "# " + value
	case 6:
		w.files[live+pick(r, worldNames)] = value
	case 7:
		i := r.IntN(7) // also one that some call and that was not there
		w.mods[fmt.Sprintf("modules/m%d", i)] = w.randomMod(r, i+1)
	case 8:
		w.mods[strings.TrimSuffix(live, "/")] = w.randomMod(r, 0)
	case 9:
		delete(w.mods, fmt.Sprintf("modules/m%d", r.IntN(7)))
	case 10:
		w.files[pick(r, []string{"README.md", live + "README.md", "modules/m1/x.json", "other/main.tf"})] = "# " + value
	case 11:
		w.links["modules/l0"] = "m6" // m6 calls nothing but, perhaps, the link
		if r.IntN(2) == 0 {
			w.links["modules/l0"] = "m9"
		}
	case 12:
		delete(w.links, "modules/l0")
	}
	if m := w.mods["modules/m6"]; m != nil { // or it would call itself
		m.calls = nil
	}
}

func (w *world) clone() *world {
	return &world{maps.Clone(w.mods), maps.Clone(w.files), maps.Clone(w.links)}
}

// The affected workspaces are those whose full transitive content differs, no
// more and no fewer, for random trees and random commits; and a graph that was
// made from the one before is the same as one made anew.
func TestAffectedIsWhatDiffers(t *testing.T) {
	touched, untouched := 0, 0
	worlds := map[bool]int{false: 150, true: 15}[testrig.Race]
	for seed := range uint64(worlds) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(r)
		var ws []workspace.Workspace
		for i := range 5 {
			ws = append(ws, workspace.Workspace{Name: fmt.Sprintf("r%d", i), Dir: fmt.Sprintf("live/r%d", i)})
		}
		index := NewIndex()
		index.Graph(newHashes(w.tree()), ws)
		for step := range 6 {
			old := w
			w = old.clone()
			for range 1 + r.IntN(3) {
				w.change(r)
			}
			before, after := old.tree(), w.tree()
			g := index.Graph(newHashes(after), ws)
			var want []string
			for _, s := range ws {
				if old.content(s.Dir) != w.content(s.Dir) {
					want = append(want, s.Name)
				}
			}
			paths := difference(before, after)
			if got := names(g.Affected(paths)); got != strings.Join(want, " ") {
				t.Fatalf("seed %d, step %d: %q touches %q, want %q\n%s", seed, step, paths, got, want, dump(after))
			}
			if got, again := reachText(g, ws), reachText(NewIndex().Graph(after, ws), ws); got != again {
				t.Fatalf("seed %d, step %d: %q: the graph made from the one before says\n%s\na new one\n%s", seed, step,
					paths, got, again)
			}
			touched, untouched = touched+len(want), untouched+len(ws)-len(want)
		}
	}
	if touched < 3*worlds || untouched < 3*worlds {
		t.Errorf("the worlds say too little: %d touched, %d not", touched, untouched)
	}
}

func dump(tree fs.FS) string {
	var s strings.Builder
	_ = fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b := tree.(fstest.MapFS)[p]
			fmt.Fprintf(&s, "-- %s --\n%s\n", p, b.Data)
		}
		return err
	})
	return s.String()
}
