package workspace

import (
	"fmt"
	"path"
	"strings"
)

// maxTemplates is how many files of a directory are read as templates, where
// the text does not tell which of them is one.
const maxTemplates = 1000

// templates covers what the templates read that a path can mean.
func (b *builder) templates(mod int, p string, why Link) {
	if !strings.ContainsAny(p, unknown+anchor+pattern) {
		b.template(mod, path.Clean(p), why)
		return
	}
	dir := enclosing(p)
	if i := strings.IndexAny(p, unknown+anchor); i < 0 {
		fixed, _, _ := strings.Cut(p, pattern)
		dir = path.Clean(fixed[:strings.LastIndexByte(fixed, '/')+1])
	}
	if !inside(dir) || dir == "." {
		return // the whole repository counts already
	}
	real, _, err := b.graph.root.resolve(dir)
	if err != nil || b.seen["templates "+real] {
		return
	}
	b.seen["templates "+real] = true
	left := maxTemplates
	b.templatesBelow(mod, real, b.graph.root.at(real), &left, why)
	if left < 0 {
		b.widen(mod, why, why.What, fmt.Sprintf("it may be any of more than %d templates, which may read other files", maxTemplates), ".")
	}
}

func (b *builder) templatesBelow(mod int, dir string, n *node, left *int, why Link) {
	if n == nil {
		return
	}
	for _, f := range n.files {
		if *left--; *left < 0 {
			return
		}
		b.template(mod, path.Join(dir, f.name), why)
	}
	for _, c := range n.dirs {
		b.templatesBelow(mod, path.Join(dir, c.name), c.node, left, why)
	}
}

// template covers what a template reads itself. It has no path.module, and
// what it is passed is not known here.
func (b *builder) template(mod int, p string, why Link) {
	real, _, err := b.graph.root.resolve(p)
	if err != nil || b.seen["template "+real] {
		return
	}
	b.seen["template "+real] = true
	if l := b.graph.root.leafAt(real); l != nil && !l.link {
		b.inTemplate(mod, real, b.scan.read(real, l.hash, template), why)
	}
}

func (b *builder) inTemplate(mod int, file string, f *facts, why Link) {
	before := b.at
	defer func() { b.at = before }()
	b.at = nil // what a template reads, nobody has said of the path to it
	if f.unread != "" {
		b.widen(mod, Link{What: why.What, File: file, Line: f.line}, f.unread, "what a template reads that cannot be read may be anything", ".")
	}
	for _, r := range f.refs {
		r.text = why.What
		if r.fn != "" {
			b.ref(mod, file, &r)
		}
	}
}

// templateText covers what a template reads that is the text of an expression,
// or of a file that an expression reads.
func (b *builder) templateText(mod int, f *ref, why Link) {
	for _, s := range b.envs[mod].shapes(f.arg) {
		if s.op == opCall && s.text == "file" && len(s.args) > 0 {
			for _, p := range s.env.texts(s.args[0]) {
				b.read(mod, &ref{fn: "templatefile", text: f.text, line: f.line}, p, why)
			}
			continue
		}
		for _, t := range s.env.texts(s.expr) {
			if strings.Contains(t, unknown) { // what is not known of it can read anything
				b.widen(mod, why, f.text, "", ".")
				continue
			}
			b.inTemplate(mod, why.File, readFile(template, []byte(t)), why)
		}
	}
}
