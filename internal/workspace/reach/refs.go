package reach

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// ref covers what an expression of a module reads or may name.
func (b *builder) ref(mod int, file string, f *ref) {
	v := b.envs[mod]
	why := Link{What: f.text, File: file, Line: f.line}
	before := b.at
	b.at = &underway{mod: mod, ref: f, entry: b.entryFor(f.path)}
	defer func() { b.at = before }()
	if f.fn == "templatestring" {
		if b.tofu { // Terraform lets no function of a template's text read a file
			b.templateText(mod, f, why)
		}
		return
	}
	for _, s := range v.texts(f.arg) {
		switch {
		case f.fn == "fileset":
			b.fileset(mod, f, s, why)
		case f.fn != "":
			b.read(mod, f, s, why)
		default:
			b.may(mod, f, s, why)
		}
	}
}

// may covers what a text names that is made of others: all of it, and its words, of which
// any may be a path, as in a command. maxLength bounds how many there are.
func (b *builder) may(mod int, f *ref, s string, why Link) {
	words := strings.ContainsAny(s, separators)
	if !words || !strings.Contains(s, unknown) { // a command with something unknown in it is no path with blanks
		b.mayWord(mod, f, s, why)
	}
	if !words {
		return
	}
	word := *f
	word.dir = false
	for _, w := range split(s) {
		if !climbs(w) {
			b.mayWord(mod, &word, w, why)
		}
	}
}

func (b *builder) mayWord(mod int, f *ref, s string, why Link) {
	if p, anchored := strings.CutPrefix(s, anchor); anchored {
		b.located(mod, f, p, why)
		if here, rest, list := strings.Cut(p, ":"); list && rest != "" && !strings.ContainsAny(rest, separators) {
			b.located(mod, f, here, why)
			for _, part := range parted(":" + rest) {
				b.mayName(mod, f, part, why)
			}
		}
		return
	}
	s = bare(s)
	for _, part := range parted(s) {
		b.mayName(mod, f, part, why)
	}
	b.mayName(mod, f, s, why)
}

// read covers what a function reads that is given this text.
func (b *builder) read(mod int, f *ref, s string, why Link) {
	rest, anchored := strings.CutPrefix(s, anchor)
	switch {
	case anchored:
	case strings.HasPrefix(s, unknown): // it can be any path at all
		b.at.all = meansNoInput(s)
		b.widen(mod, why, f.text, "", ".")
		return
	case path.IsAbs(s), strings.HasPrefix(s, "~"), s == "":
		return // not in the repository
	default:
		rest = b.dir + "/" + s // functions read from where the engine runs
	}
	b.located(mod, f, rest, why)
	if f.fn == "templatefile" && !(b.at.covered && strings.ContainsAny(rest, unknown+anchor)) {
		b.templates(mod, rest, why)
	}
}

// located covers a path from the repository's root, as far as it is known.
func (b *builder) located(mod int, f *ref, p string, why Link) {
	if strings.ContainsAny(p, unknown+anchor) {
		b.at.all = meansNoInput(p)
		dir := enclosing(p)
		if !inside(dir) {
			dir = "."
		}
		real, err := b.resolve(dir, mod, why)
		if err != nil {
			real = "."
		}
		if b.graph.root.at(real) == nil {
			b.absent(real, mod, why)
		}
		b.widen(mod, why, f.text, "", real)
		return
	}
	// A provider or a shell expands it.
	if f.fn == "" && strings.ContainsAny(p, patterned) && !strings.Contains(p, pattern) {
		marked := path.Clean(expanding.Replace(p))
		if g, _ := globbed(marked); doublestar.ValidatePattern(g) {
			b.glob(mod, marked, why)
		}
		if strings.ContainsAny(p, "*?") {
			return
		}
	}
	if strings.Contains(p, pattern) { // a name that fileset gave
		b.glob(mod, p, why)
		return
	}
	if inside(path.Clean(p)) {
		b.path(p, Read, mod, why)
	}
}

// expanding marks what makes a pattern of a path.
var expanding = strings.NewReplacer("*", pattern+"*", "?", pattern+"?", "[", pattern+"[", "]", pattern+"]", "{",
	pattern+"{", "}", pattern+"}")

// enclosing is the smallest directory that is known of a path.
func enclosing(p string) string {
	i := strings.IndexAny(p, unknown+anchor)
	dir := "."
	if j := strings.LastIndexByte(p[:i], '/'); j >= 0 {
		dir = p[:j]
	}
	for part := range strings.SplitSeq(p[i:], "/") {
		if part == ".." {
			dir += "/.."
		}
	}
	dir, _, _ = strings.Cut(dir, pattern)
	return path.Clean(dir)
}

// fileset covers the files that match a pattern below a directory.
func (b *builder) fileset(mod int, f *ref, base string, why Link) {
	rest, anchored := strings.CutPrefix(base, anchor)
	switch {
	case anchored:
	case strings.HasPrefix(base, unknown):
		for _, g := range matched(b.envs[mod], []*expr{hole, f.pattern}) {
			b.at.all = b.at.all || meansNoInput(base+"/"+g)
		}
		b.widen(mod, why, f.text, "", ".")
		return
	case path.IsAbs(base), strings.HasPrefix(base, "~"):
		return
	default:
		rest = b.dir + "/" + base
	}
	if strings.Contains(rest, pattern) { // a name that fileset gave, and of which this lists the files
		b.located(mod, f, rest+"/"+unknown, why)
		return
	}
	for _, g := range matched(b.envs[mod], []*expr{hole, f.pattern}) {
		b.located(mod, f, rest+"/"+g, why)
	}
}

// glob covers the files that match a pattern, which has the marks of matched.
func (b *builder) glob(mod int, p string, why Link) {
	p = path.Clean(p)
	if !inside(p) {
		return
	}
	g, base := globbed(p)
	real, links, err := b.graph.root.resolve(base)
	if err != nil || !doublestar.ValidatePattern(g) {
		if inside(base) {
			b.widen(mod, why, why.What, "the files that it matches lie behind a link that leads nowhere", base)
		}
		return
	}
	for _, l := range links {
		b.cover(cover{path: l, kind: LinkKind, mod: mod, why: why})
	}
	b.absent(real, mod, why)
	if real != base { // the pattern goes on behind links
		b.path(real, Read, mod, why)
		return
	}
	b.cover(cover{path: base, kind: Pattern, pattern: g, mod: mod, why: why})
	b.follow(base, b.graph.root.at(base), mod) // the links that it may match
}

// globbed is a path that has the marks of matched as a pattern, and the
// directory that it starts from.
func globbed(p string) (glob, base string) {
	var g strings.Builder
	for i := 0; i < len(p); i++ {
		switch {
		case p[i:i+1] == pattern:
			i++
			g.WriteByte(p[i])
		case strings.IndexByte(`*?[]{}\`, p[i]) >= 0:
			g.WriteString(`\` + p[i:i+1])
		default:
			g.WriteByte(p[i])
		}
	}
	fixed, _, _ := strings.Cut(p, pattern)
	return g.String(), path.Clean(fixed[:strings.LastIndexByte(fixed, '/')+1])
}

// mayName covers text that is no literal where it stands, but known, and names
// a file if there is one.
func (b *builder) mayName(mod int, f *ref, s string, why Link) {
	explicit := strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../")
	known := !strings.ContainsAny(s, unknown+anchor+pattern)
	between := separators
	if strings.ContainsRune(s, '{') { // of a pattern's choices
		between = strings.ReplaceAll(separators, ",", "")
	}
	if !explicit && !known || len(s) > maxName || strings.ContainsAny(s, between) || strings.Contains(s, "://") ||
		path.IsAbs(s) {
		return
	}
	if known && strings.ContainsAny(s, "*?") || known && globs(s) {
		if globs(s) {
			for _, from := range b.envs.froms(mod) {
				b.located(mod, f, from+"/"+s, why)
			}
		}
		return
	}
	if f.dir && s != "" && path.Clean(s) == "." { // all of a directory
		for _, from := range b.envs.froms(mod) {
			b.located(mod, f, from, why)
		}
		return
	}
	if known && !explicit && !f.dir && !strings.ContainsAny(strings.TrimRight(s, "."), "./") {
		return
	}
	if clean := path.Clean(s); clean == "." ||
		!strings.ContainsFunc(clean, func(c rune) bool { return c > '9' || c == '.' }) {
		return
	}
	if known && b.plain(mod) && !strings.HasPrefix(path.Clean(s), "..") {
		b.named(mod, path.Clean(s), why)
		return
	}
	for _, from := range b.envs.froms(mod) {
		b.located(mod, f, from+"/"+s, why)
	}
}

// plain reports whether what a module names is where its text says: there is no
// symbolic link on the way to it, nor in it.
func (b *builder) plain(mod int) bool {
	for _, m := range []int{mod, 0} {
		n := b.graph.root.at(b.mods[m].dir)
		if b.envs[m].dir != b.mods[m].dir || n == nil || n.links {
			return false
		}
	}
	return true
}

// named notes text that names something if it is there. It is looked up when
// something changes: there is far more such text than there are files.
func (b *builder) named(mod int, text string, why Link) {
	key := coverKey{Read, text, b.mods[mod].dir}
	if !b.known[key] {
		b.known[key] = true
		b.texts = append(b.texts, namedText{text, mod, why})
	}
}

type envs []*env

// froms are the directories that relative text of a module can start from.
func (e envs) froms(mod int) []string {
	if e[mod].dir == e[0].dir {
		return []string{e[0].dir}
	}
	return []string{e[mod].dir, e[0].dir}
}
