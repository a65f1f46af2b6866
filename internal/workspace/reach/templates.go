package reach

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
	glob, dir := "**", ""
	if strings.ContainsAny(p, unknown+anchor) {
		if dir = enclosing(p); dir == "." {
			return // the whole repository counts already
		}
	} else {
		glob, dir = globbed(path.Clean(p))
	}
	if !inside(dir) {
		return
	}
	real, _, err := b.graph.root.resolve(dir)
	if err != nil || b.seen["templates "+real+" "+glob] {
		return
	}
	b.seen["templates "+real+" "+glob] = true
	if real != dir {
		glob = "**" // the pattern goes on behind links
	}
	left := maxTemplates
	b.graph.matching(real, glob, func(p string) {
		if left--; left >= 0 {
			b.template(mod, p, why)
		}
	})
	if left < 0 {
		b.widen(mod, why, why.What, fmt.Sprintf("it may be any of more than %d templates, which may read other files",
			maxTemplates), ".")
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
		b.widen(mod, Link{What: why.What, File: file, Line: f.line}, f.unread,
			"what a template reads that cannot be read may be anything", ".")
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
