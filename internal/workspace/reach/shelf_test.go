package reach

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tfops/tfops/internal/workspace"
)

// source is a file of which facts are read.
type source struct {
	kind fileKind
	text string
}

// kindsOfFiles are every form of expression in every place that it can stand, in both
// syntaxes, the files of the corpus, and data of each kind.
func kindsOfFiles(t *testing.T) []source {
	t.Helper()
	list := []source{
		{dataYAML, "a: &x [1, 0x2, yes, ~]\nb: {<<: {c: d}, 3: *x}\n"}, {dataJSON, `{"a": [1.5, null, true, {"": "b"}]}`}, {dataCSV, "a,b\n1,2\n"},
		{values, "a = 1\nb = { c = [\"x\", -2] }\n"}, {valuesJSON, `{"a": "${x}", "b": [1]}`}, {versions, "terraform 1.2.3\n"},
		{template, "${file(\"a\")} %{ for x in y }${x}%{ endfor }"}, {code, "broken {"}, {codeJSON, "{"},
		{code, "terraform {\n backend \"s3\" {\n  key = \"a\"\n  n = 1e999\n  ok = true\n  none = null\n  list = " +
			"[1, { a = \"b\" }]\n  x = var.y\n  deep {\n   a = 1\n  }\n }\n}\n"},
	}
	for i, f := range forms {
		for j, p := range places {
			form := around(f.text, readsOf[(i+j)%len(readsOf)])
			b := p.put(strings.ReplaceAll(form, "NAME", "x"), i)
			list = append(list, source{code, b.native()})
			if !f.native {
				doc := map[string]any{}
				b.json(doc)
				raw, err := json.Marshal(doc)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, source{codeJSON, string(raw)})
			}
		}
	}
	cases, err := filepath.Glob("testdata/reach/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatal(cases, err)
	}
	for _, file := range cases {
		arch, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range arch.Files {
			list = append(list, source{kindOf(f.Name), string(f.Data)})
		}
	}
	return list
}

// What is kept says what was read: every sample is the same after it was written
// and read, and no two texts are taken for one.
func TestFactsAreKeptAsTheyAre(t *testing.T) {
	for _, s := range kindsOfFiles(t) {
		f := readFile(s.kind, []byte(s.text))
		raw := encodeFacts(f)
		again, err := decodeFacts(raw)
		if err != nil {
			t.Fatalf("%q: %v", s.text, err)
		}
		if !bytes.Equal(encodeFacts(again), raw) || again.root != f.root || again.unread != f.unread ||
			len(again.refs) != len(f.refs) {
			t.Fatalf("%q: other facts after they were kept", s.text)
		}
		if other := encodeFacts(readFile(s.kind, []byte(s.text))); !bytes.Equal(other, raw) {
			t.Fatalf("%q: other bytes the second time", s.text)
		}
	}
}

// Where the facts of a file change, what an older version kept must not be used: the
// version has to be raised, and then the list renewed with -update.
func TestFactsAreVersioned(t *testing.T) {
	const file = "testdata/facts.golden"
	short := func(b []byte) string { sum := sha256.Sum256(b); return fmt.Sprintf("%x", sum[:5]) }
	now := map[string]string{}
	for _, s := range kindsOfFiles(t) {
		now[short(append([]byte{byte(s.kind)}, s.text...))] = short(encodeFacts(readFile(s.kind, []byte(s.text))))
	}
	golden, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	version := fmt.Sprintf("version %d\n", factsVersion)
	lines, same := bytes.CutPrefix(golden, []byte(version))
	missing := len(now)
	for line := range strings.Lines(string(lines)) {
		content, facts, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch is, ok := now[content]; {
		case ok && is == facts:
			missing--
		case ok && same:
			t.Fatal("the facts of a file are others than before: raise factsVersion, then go test -run " +
				"TestFactsAreVersioned -update")
		}
	}
	if !*update && (missing > 0 || !same) {
		t.Fatalf("%d samples are new: go test -run TestFactsAreVersioned -update", missing)
	}
	if *update {
		var list []string
		for content, facts := range now {
			list = append(list, content+" "+facts+"\n")
		}
		slices.Sort(list)
		if err := os.WriteFile(file, []byte(version+strings.Join(list, "")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// shelved is a tree that keeps things, and counts the files that are read.
type shelved struct {
	hashes
	kept  *[]byte
	reads *atomic.Int64
}

func (s shelved) Kept(string) ([]byte, error) {
	if *s.kept == nil {
		return nil, fs.ErrNotExist
	}
	return *s.kept, nil
}

func (s shelved) Keep(_ string, content []byte) error { *s.kept = content; return nil }

func (s shelved) ReadFile(name string) ([]byte, error) {
	s.reads.Add(1)
	return s.hashes.ReadFile(name)
}

// shelfTree has enough files to be worth keeping.
func shelfTree() (fstest.MapFS, []workspace.Workspace) {
	all := map[string]string{}
	var ws []workspace.Workspace
	for i := range 400 {
		dir := fmt.Sprintf("live/w%03d", i)
		all[dir+"/main.tf"] = fmt.Sprintf("variable \"f\" {}\nmodule \"m\" {\n  source = \"../../mods/m%03d\"\n  p "+
			"= \"keys/%d\"\n}\noutput \"x\" {\n  value = file(var.f)\n}\n", i, i)
		all[dir+"/terraform.tfvars"] = fmt.Sprintf("f = \"../../data/%d.txt\"\n", i)
		all[fmt.Sprintf("mods/m%03d/main.tf", i)] = fmt.Sprintf("variable \"p\" {}\noutput \"x\" {\n  value = [%d, "+
			"file(\"${path.module}/${var.p}\")]\n}\n", i)
		ws = append(ws, workspace.Workspace{Name: fmt.Sprint("w", i), Dir: dir, Engine: "terraform"})
	}
	return files(all), ws
}

// After a restart files that were read before are not read again, whether code or
// values, and what they reach is the same.
func TestWhatWasReadIsKept(t *testing.T) {
	m, ws := shelfTree()
	tree := shelved{newHashes(m), new([]byte), new(atomic.Int64)}
	want := reachText(NewIndex().Graph(tree, ws), ws)
	if first := tree.reads.Load(); first < 1200 || *tree.kept == nil {
		t.Fatalf("%d files were read, %d bytes kept", first, len(*tree.kept))
	}
	tree.reads.Store(0)
	if got := reachText(NewIndex().Graph(tree, ws), ws); got != want {
		t.Error("the reach of what was kept is another one")
	}
	if n := tree.reads.Load(); n >= worthReading {
		t.Errorf("%d files were read again", n)
	}
	// A commit that changes one file costs this file, and is not taken for the one before.
	m["live/w007/main.tf"] = &fstest.MapFile{Data: []byte("output \"x\" {\n  value = file(\"other.txt\")\n}\n"),
		Mode: 0o644}
	next := shelved{newHashes(m), tree.kept, tree.reads}
	g := NewIndex().Graph(next, ws)
	if names(g.Affected([]string{"live/w007/other.txt"})) != "w7" ||
		names(g.Affected([]string{"mods/m007/keys/7"})) != "" {
		t.Error("the commit is taken for the one before")
	}
	// What only one of two branches has is kept when the other is written.
	one := NewIndex()
	one.Graph(tree, ws)
	one.memory.parsed.Store(worthKeeping)
	one.Graph(next, ws)
	tree.reads.Store(0)
	NewIndex().Graph(tree, ws)
	if n := tree.reads.Load(); n >= worthReading {
		t.Errorf("%d files of the first branch were read again", n)
	}
}

// What was kept is a cache: damaged in any way, cut, or made by another version, it
// costs time and changes nothing.
func TestDamagedFactsAreReadAnew(t *testing.T) {
	m, ws := shelfTree()
	tree := shelved{newHashes(m), new([]byte), new(atomic.Int64)}
	want := reachText(NewIndex().Graph(tree, ws), ws)
	whole := *tree.kept
	check := func(what string, raw []byte) {
		t.Helper()
		*tree.kept = raw
		if got := reachText(NewIndex().Graph(tree, ws), ws); got != want {
			t.Errorf("%s: the reach is another one", what)
		}
	}
	for i := 0; i < len(whole); i += 1 + len(whole)/10 {
		for _, bit := range []byte{1, 0x80} {
			raw := bytes.Clone(whole)
			raw[i] ^= bit
			check(fmt.Sprintf("bit %d of byte %d", bit, i), raw)
		}
		check(fmt.Sprintf("cut after %d", i), bytes.Clone(whole[:i]))
	}
	check("nothing", []byte{})
	check("another version", append([]byte("tfops facts 0\n"), whole...))
	check("twice", append(bytes.Clone(whole), whole...))
	if files := readShelf(whole); len(files) < 1200 {
		t.Fatalf("%d records", len(files))
	}
}

func FuzzDecodeFacts(f *testing.F) {
	f.Add(encodeFacts(readFile(code, []byte("module \"a\" {\n  source = \"./b\"\n  x = { (var.a) = "+
		"file(\"${path.module}/x\") }\n}\nterraform {\n  backend \"s3\" {\n    a = [1]\n  }\n}\n"))))
	f.Fuzz(func(t *testing.T, in []byte) {
		facts, err := decodeFacts(in)
		if err != nil {
			return
		}
		again, err := decodeFacts(encodeFacts(facts))
		if err != nil || !bytes.Equal(encodeFacts(again), encodeFacts(facts)) {
			t.Errorf("%q: other facts after they were kept: %v", in, err)
		}
	})
}
