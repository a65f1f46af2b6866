package reach

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/workspace"
)

var update = flag.Bool("update", false, "write the golden parts of testdata anew")

// hashes is a tree whose file system knows its content by hashes, as Git's does.
type hashes struct {
	fstest.MapFS
	sums map[string]string
}

func newHashes(m fstest.MapFS) hashes {
	h := hashes{m, map[string]string{}}
	h.sum(".")
	return h
}

func (h hashes) sum(dir string) string {
	entries, _ := h.MapFS.ReadDir(dir)
	all := sha256.New()
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		s := ""
		if e.IsDir() {
			s = h.sum(p)
		} else {
			content := sha256.Sum256(h.MapFS[p].Data)
			s = string(content[:])
			h.sums[p] = s
		}
		fmt.Fprintf(all, "%q %v %x\n", e.Name(), e.Type(), s)
	}
	h.sums[dir] = string(all.Sum(nil))
	return h.sums[dir]
}

func (h hashes) TreeHash(dir string) (string, bool) { s, ok := h.sums[dir]; return s, ok }

func (h hashes) ReadDir(dir string) ([]fs.DirEntry, error) {
	entries, err := h.MapFS.ReadDir(dir)
	for i, e := range entries {
		entries[i] = hashedEntry{e, h.sums[path.Join(dir, e.Name())]}
	}
	return entries, err
}

type hashedEntry struct {
	fs.DirEntry
	sum string
}

func (e hashedEntry) Hash() string { return e.sum }

// difference lists the files that differ between two trees, as Git does.
func difference(a, b fstest.MapFS) []string {
	paths := []string{}
	for p := range maps.Keys(merged(a, b)) {
		x, y := a[p], b[p]
		if x == nil || y == nil || string(x.Data) != string(y.Data) || x.Mode != y.Mode {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

func merged(a, b fstest.MapFS) fstest.MapFS {
	m := maps.Clone(a)
	maps.Copy(m, b)
	return m
}

// A case of testdata/reach begins with the workspaces, one a line:
//
//	workspace NAME DIR [engine=E] [var_file=F] [var.NAME=TEXT] [input=NAME] [watch=GLOB] [ignore=GLOB]
//
// Its files are those of commit A in A/, and what commit B changes in B/:
// "(deleted)" takes a file away, and "-> TARGET" is a symbolic link. What B
// touches and why is in the file "affected", what is in the reach of each
// workspace after B in "reach".
func TestCorpus(t *testing.T) {
	cases, err := filepath.Glob("testdata/reach/*.txtar")
	if err != nil || len(cases) < 25 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { corpusCase(t, file) })
	}
}

func corpusCase(t *testing.T, file string) {
	arch, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ws, a, b := corpusTrees(t, arch)
	fresh := NewIndex().Graph(b, ws)
	index := NewIndex()
	index.Graph(newHashes(a), ws)
	graph := index.Graph(newHashes(b), ws)
	got := map[string]string{"affected": affectedText(graph, difference(a, b)), "reach": reachText(graph, ws)}
	if again := reachText(fresh, ws); again != got["reach"] {
		t.Errorf("the graph made from the one before differs from a new one:\n%s\nnot\n%s", got["reach"], again)
	}
	if again := affectedText(fresh, difference(a, b)); again != got["affected"] {
		t.Errorf("what a graph made anew touches differs:\n%s\nnot\n%s", got["affected"], again)
	}
	for _, name := range []string{"affected", "reach"} {
		i := slices.IndexFunc(arch.Files, func(f txtar.File) bool { return f.Name == name })
		if i < 0 {
			i = len(arch.Files)
			arch.Files = append(arch.Files, txtar.File{Name: name})
		}
		if string(arch.Files[i].Data) != got[name] && !*update {
			t.Errorf("%s:\n%s\nwant\n%s", name, got[name], arch.Files[i].Data)
		}
		arch.Files[i].Data = []byte(got[name])
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(arch), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func corpusTrees(t *testing.T, arch *txtar.Archive) (ws []workspace.Workspace, a, b fstest.MapFS) {
	for line := range strings.Lines(string(arch.Comment)) {
		f := strings.Fields(line)
		if len(f) > 2 && f[0] == "workspace" {
			ws = append(ws, corpusWorkspace(t, f[1:]))
		}
	}
	was, is := map[string]string{}, map[string]string{}
	for _, f := range arch.Files {
		content := string(f.Data)
		if strings.HasPrefix(content, "-> ") {
			content = strings.TrimSpace(content)
		}
		if p, ok := strings.CutPrefix(f.Name, "A/"); ok {
			was[p] = content
			is[p] = content
		}
	}
	for _, f := range arch.Files {
		if p, ok := strings.CutPrefix(f.Name, "B/"); ok {
			is[p] = string(f.Data)
			switch {
			case strings.HasPrefix(is[p], "(deleted)"):
				delete(is, p)
			case strings.HasPrefix(is[p], "-> "):
				is[p] = strings.TrimSpace(is[p])
			}
		}
	}
	return ws, files(was), files(is)
}

func corpusWorkspace(t *testing.T, f []string) workspace.Workspace {
	w := workspace.Workspace{Name: f[0], Dir: f[1], Engine: "terraform", Variables: map[string]cty.Value{},
		Inputs: map[string]workspace.Input{}}
	for _, o := range f[2:] {
		k, v, _ := strings.Cut(o, "=")
		name, isVar := strings.CutPrefix(k, "var.")
		switch {
		case isVar:
			w.Variables[name] = cty.StringVal(v).WithMarks(workspace.Secret)
		case k == "engine":
			w.Engine = v
		case k == "var_file":
			w.VarFiles = append(w.VarFiles, v)
		case k == "input":
			w.Inputs[v] = workspace.Input{}
		case k == "watch":
			w.Watch = append(w.Watch, v)
		case k == "ignore":
			w.Ignore = append(w.Ignore, v)
		default:
			t.Fatalf("no such option: %s", o)
		}
	}
	return w
}

func affectedText(g *Graph, paths []string) string {
	var s strings.Builder
	for _, t := range g.Affected(paths) {
		fmt.Fprintf(&s, "%s: %s\n", t.Workspace, t)
	}
	return s.String()
}

func reachText(g *Graph, ws []workspace.Workspace) string {
	var s strings.Builder
	for _, w := range ws {
		r, ok := g.Reach(w.Name)
		if !ok {
			return "no reach of " + w.Name
		}
		fmt.Fprintf(&s, "%s\n", w.Name)
		var lines []string
		for _, i := range r.Items {
			lines = append(lines, fmt.Sprintf("  %s: %s: %s\n", i.Path, i.Kind, Touched{Chain: i.Chain}))
		}
		for _, w := range r.Widened {
			lines = append(lines, fmt.Sprintf("  widened to %s by %s:%d: %s\n", w.To, w.File, w.Line, w.Expression))
		}
		for _, g := range r.Ignored {
			lines = append(lines, fmt.Sprintf("  without %s\n", g))
		}
		for _, p := range g.Problems(w.Dir) {
			lines = append(lines, fmt.Sprintf("  problem %s\n", p))
		}
		slices.Sort(lines)
		s.WriteString(strings.Join(lines, ""))
	}
	return s.String()
}
