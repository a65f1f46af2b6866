package reach

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/rootmodule"
)

// facts are what one file says of others. They say nothing of where the file
// lies, so that equal files share them, and never change.
type facts struct {
	root     bool // it has a backend, a provider, a resource or a call of a module
	calls    []callFacts
	locals   []binding
	vars     []binding // with their defaults; a nil expr is none
	attrs    []binding // attributes of resources that hold paths, TYPE.NAME.ATTRIBUTE
	values   []binding // of a var file
	refs     []ref
	names    []name // sorted
	backends []Backend
	remotes  []RemoteState
	unread   string // why all this may be incomplete
	refused  bool   // no engine reads it either, so what it does not say is of no account
	line     int    // where
}

// binding is a name and what it stands for.
type binding struct {
	name string
	expr *expr
	typ  *expr // of a variable: what its type fills in; nil: nothing
}

// callFacts is a module block.
type callFacts struct {
	name    string
	source  *expr // nil: it has none, and a block of the same name in another file may
	written string
	args    []binding
	line    int
}

// ref is an expression that reads a file or may name one.
type ref struct {
	fn      string // the function that reads; "" when it only may name a file
	arg     *expr
	pattern *expr  // of fileset
	text    string // the attribute that it stands in, as a person is shown it
	path    string // what it reads, as written, where that may take more than the text to tell
	from    uint32 // where path begins
	line    int
	dir     bool // it may name a directory, too
}

// name is literal text that names a file if there is one of that name.
type name struct {
	text string // relative, clean
	line int
	dir  bool // or a directory
}

// readers are the functions that read the file that their first argument names.
var readers = map[string]bool{
	"file": true, "filebase64": true, "filemd5": true, "filesha1": true, "filesha256": true, "filesha512": true,
	"filebase64sha256": true, "filebase64sha512": true, "fileexists": true, "templatefile": true, "fileset": true,
}

// textual functions make of a path what is none any more.
var textual = map[string]bool{
	"basename": true, "replace": true, "regex": true, "regexall": true, "split": true, "md5": true, "sha1": true,
	"sha256": true, "sha512": true,
	"base64sha256": true, "base64sha512": true, "length": true, "startswith": true, "endswith": true,
	"strcontains": true, "substr": true, "trim": true,
	"lower": true, "upper": true, "title": true, "uuidv5": true, "strrev": true, "parseint": true, "contains": true,
	"index": true,
}

// reader collects the facts of a file.
type reader struct {
	src   []byte
	texts []byte // what the places of expressions are in
	facts *facts
	names map[string]name
	seen  map[string]bool // refs that have been noted
	muted map[*expr]bool  // expressions that have been collected where only reads count
}

// place is what is known of where an expression stands.
type place struct {
	text string
	line int
	dir  bool // the attribute's name says that it names a directory
	mute bool // only what reads files counts, not what might name one
}

var dirAttr = lazyregexp.New(`(^|_)(dir|directory|folder|path|paths|source|chart|root|src|cwd|workdir|` +
	`context|manifests?|overlays?|bundle)$|^(code|site)$`)

// pathAttr are the attributes of resources that hold paths for others to use.
var pathAttr = lazyregexp.New(`^(output_path|filename|path|source|source_file|source_dir|dir|directory)$`)

// collect notes what an expression reads, and what it may name. It goes down
// into every part of it: whatever becomes of the value, a file that is read on
// the way counts.
func (r *reader) collect(e *expr, at place) {
	if at.mute && len(e.args)+len(e.computed()) > 0 {
		if r.muted[e] { // names of loops stand for the same expression many times
			return
		}
		r.muted[e] = true
	}
	switch e.op {
	case opText:
		r.words(e, at)
	case opConcat:
		r.concat(e, at)
	case opModule, opRoot, opLocal, opVar, opAttr:
		r.may(e, at)
	case opTuple, opObject, opEither:
		for i, a := range e.args {
			within := at
			if e.op == opObject && i < len(e.keys()) && dirAttr().MatchString(e.keys()[i]) {
				within.dir = true
			}
			r.collect(a, within)
		}
		at.dir = false
		r.collectAll(e.computed(), at)
	case opGet, opElems, opKeys:
		r.may(e, at)
		r.collectAll(e.args, at.muted())
	case opCall:
		r.call(e, at)
	}
}

func (r *reader) collectAll(list []*expr, at place) {
	for _, e := range list {
		r.collect(e, at)
	}
}

func (p place) muted() place { p.mute = true; return p }

// may notes an expression that can turn out to be a path.
func (r *reader) may(e *expr, at place) {
	if !at.mute && e.op != opAttr {
		r.ref(ref{arg: e, text: at.text, line: at.line, dir: at.dir}, e)
	}
}

// ref notes f, whose path is written by these expressions.
func (r *reader) ref(f ref, path ...*expr) {
	f.path, f.from = r.written(path)
	if key := refKey(f); key != "" {
		if r.seen[key] {
			return
		}
		r.seen[key] = true
	}
	r.facts.refs = append(r.facts.refs, f)
}

// written is the text between the first and the last of some expressions, with
// both; nothing where they can mean one path only.
func (r *reader) written(list []*expr) (text string, from uint32) {
	if !slices.ContainsFunc(list, mayTakeMore) {
		return "", 0
	}
	first, last := extent(list)
	if first >= last || last > len(r.texts) {
		return "", 0
	}
	return string(r.texts[first:last]), uint32(first)
}

// mayTakeMore reports whether an expression may take more than its own text to tell.
func mayTakeMore(e *expr) bool {
	switch e.op {
	case opText, opNumber, opNull, opModule, opRoot:
		return false
	case opConcat:
		return slices.ContainsFunc(e.args, mayTakeMore)
	}
	return true
}

// extent is where some expressions begin and end; 0 and 0 where none has a place.
func extent(list []*expr) (first, last int) {
	for _, e := range list {
		from, to := int(e.from), int(e.from)+int(e.size)
		if e.size == 0 {
			from, to = extent(e.args)
		}
		if to > from && (last == 0 || from < first) {
			first = from
		}
		last = max(last, to)
	}
	return first, last
}

// refKey is the same for refs that may name the same, written in the same way;
// empty for one that is noted wherever it stands.
func refKey(f ref) string {
	if f.fn != "" {
		return ""
	}
	k := keyWriter{left: maxKey, out: []byte{'f'}}
	if f.dir {
		k.out[0] = 'd'
	}
	if f.arg.op != opLocal && f.arg.op != opVar { // of these nothing else can be said
		k.text(f.path)
	}
	if k.expr(f.arg); k.left < 0 {
		return ""
	}
	return string(k.out)
}

// keyWriter writes an expression so that no two have the same text.
type keyWriter struct {
	out  []byte
	left int // how many expressions may follow
}

// maxKey is how many expressions within one another are compared.
const maxKey = 100

func (k *keyWriter) text(s string) {
	k.out = append(strconv.AppendInt(k.out, int64(len(s)), 10), ':')
	k.out = append(k.out, s...)
}

func (k *keyWriter) expr(e *expr) {
	if k.left--; k.left < 0 {
		return
	}
	k.out = append(k.out, '(', byte(e.op))
	k.text(e.text)
	for _, name := range e.keys() {
		k.text(name)
	}
	k.out = append(k.out, ')')
	for _, list := range [][]*expr{e.args, e.computed()} {
		k.out = append(strconv.AppendInt(k.out, int64(len(list)), 10), ';')
		for _, a := range list {
			k.expr(a)
		}
	}
}

func (r *reader) call(e *expr, at place) {
	switch {
	case readers[e.text] && len(e.args) > 0:
		r.read(e, at)
	case e.text == "templatestring" && len(e.args) > 0:
		r.ref(ref{fn: e.text, arg: e.args[0], text: at.text, line: at.line}, e.args[0])
		r.collect(e.args[0], at.muted())
		r.collectAll(e.args[1:], at)
	case e.text == "for":
		r.collect(e.args[0], at)
		r.collectAll(e.args[1:], at.muted())
	case e.text == "if":
		r.collect(e.args[0], at.muted())
		r.collectAll(e.args[1:], at)
	case strings.HasPrefix(e.text, "provider::"): // it may read what its arguments name, wherever it is called
		at.mute = false
		r.collectAll(e.args, at)
	case e.text == "join":
		r.may(e, at)
		at.dir = false
		r.collectAll(e.args, at)
	case pathFunctions[e.text] != nil && !computable[e.text]:
		r.may(e, at)
		r.collectAll(e.args, at.muted())
	case e.text == "split" && len(e.args) == 2:
		r.collect(e.args[0], at.muted())
		r.collect(e.args[1], at)
	case textual[e.text]:
		if computable[e.text] {
			r.may(e, at)
		}
		r.collectAll(e.args, at.muted())
	case e.text == "":
		at.dir = false
		fallthrough
	default:
		r.collectAll(e.args, at)
	}
}

// read notes the call of a function that reads.
func (r *reader) read(e *expr, at place) {
	f := ref{fn: e.text, arg: e.args[0], text: at.text, line: at.line}
	rest := e.args[1:]
	if e.text == "fileset" {
		f.pattern = hole
		if len(rest) > 0 {
			f.pattern, rest = rest[0], append([]*expr{rest[0]}, rest[1:]...)
		}
		r.collect(f.pattern, at.muted())
		rest = rest[min(1, len(rest)):]
	}
	r.ref(f, nonNil(f.arg, f.pattern)...)
	r.collect(e.args[0], at.muted())
	r.collectAll(rest, at)
}

// concat notes the words of a text that is put together. A word is a path of
// its own, as in "bash ${path.module}/run.sh ${var.x}".
func (r *reader) concat(e *expr, at place) {
	all := words(e)
	if first := e.args[0].op; len(all) > 1 && (first == opModule || first == opRoot) {
		r.may(e, at) // a path may have blanks
	}
	for _, w := range all {
		switch {
		case w.op == opText && climbs(w.text):
		case w.op == opText:
			r.words(w, at)
		case w.op == opConcat && promising(w):
			r.may(w, at)
		case w.op != opConcat:
			r.collect(w, at)
			continue
		}
		if w.op == opConcat {
			for _, a := range w.args {
				if a.op != opText && a.op != opLocal && a.op != opVar && a.op != opModule && a.op != opRoot {
					r.collect(a, at.muted())
				}
			}
		}
	}
}

// promising reports whether a word can be a path whose beginning is known.
func promising(w *expr) bool {
	first := w.args[0]
	if first.op == opText && (strings.HasPrefix(first.text, "./") || strings.HasPrefix(first.text, "../")) {
		return true
	}
	return slices.ContainsFunc(w.args, func(a *expr) bool {
		return a.op != opText && a.op != opHole && a.op != opNumber && a.op != opAttr
	})
}

const separators = " \t\r\n\"'`;|&<>()=,"

// words splits a text that is put together where a shell would.
func words(e *expr) []*expr {
	var out, word []*expr
	flush := func() {
		if len(word) > 0 {
			out = append(out, concat(word))
		}
		word = nil
	}
	for _, a := range e.args {
		if a.op != opText {
			word = append(word, a)
			continue
		}
		rest := a.text
		for {
			i := strings.IndexAny(rest, separators)
			if i < 0 {
				break
			}
			if i > 0 {
				word = append(word, text(rest[:i]))
			}
			flush()
			rest = rest[i+1:]
		}
		if rest != "" {
			word = append(word, text(rest))
		}
	}
	flush()
	for i, w := range out {
		if w.op == opConcat && len(w.args) == 1 {
			out[i] = w.args[0]
		}
	}
	return out
}

// words notes the names in literal text: all of it, and each of its words that
// looks like a path.
func (r *reader) words(e *expr, at place) {
	if at.mute {
		return
	}
	if len(e.text) <= maxName && !strings.ContainsAny(e.text, "\n\r") {
		r.name(e.text, at.line, at.dir)
	}
	if !strings.ContainsAny(e.text, separators) {
		return
	}
	for _, w := range split(e.text) {
		if strings.ContainsAny(strings.TrimRight(w, "."), "./") && !climbs(w) {
			r.name(w, at.line, false)
		}
	}
}

// split is a text as the words that a shell makes of it.
func split(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune(separators, c) })
}

// bare is a name without what programs take before one: "file://" of AWS's command line, the @
// of curl.
func bare(name string) string {
	for _, before := range []string{"file://", "fileb://", "@"} {
		name = strings.TrimPrefix(name, before)
	}
	return name
}

// parted are the parts of a list of paths, or of "./conf:/etc/conf", that can be paths here; nil
// of what is one name.
func parted(name string) (parts []string) {
	if !strings.Contains(name, ":") || strings.Contains(name, "://") {
		return nil
	}
	for part := range strings.SplitSeq(name, ":") {
		if strings.ContainsAny(strings.TrimRight(part, "."), "./") && !path.IsAbs(part) {
			parts = append(parts, part)
		}
	}
	return parts
}

// globs reports whether a text can be a pattern of files, which a provider or a shell
// expands: one below a directory that it names, or of names with an ending. "*" alone, and
// "s3:*", stand for other things.
func globs(s string) bool {
	i := strings.IndexAny(s, patterned)
	if i < 0 || strings.ContainsAny(s, ":\\") || path.IsAbs(s) {
		return false
	}
	if strings.Contains(s[:i], "/") {
		return true
	}
	end := s[strings.LastIndexByte(s, '*')+1:]
	dot := strings.LastIndexByte(end, '.')
	return len(end) < len(s) && dot >= 0 && (dot == 0 || end[0] == '/') &&
		strings.ContainsFunc(end[dot:], unicode.IsLetter)
}

// patterned are the characters that make a pattern of a path.
const patterned = "*?[{"

// climbs reports whether a word is nothing but dots and slashes. As a text of
// its own ".." is a directory; among other words it is punctuation, or a step
// on a way that only a shell goes.
func climbs(word string) bool { return strings.Trim(word, "./") == "" }

// maxName is the length of a path, in bytes, from which on it is none.
const maxName = 255

func (r *reader) name(s string, line int, dir bool) {
	s = bare(s)
	for _, part := range parted(s) {
		r.name(part, line, dir)
	}
	if globs(s) || dir && s != "" && path.Clean(s) == "." {
		r.ref(ref{arg: text(strings.Clone(s)), text: shown([]byte(s)), line: line, dir: dir})
		return
	}
	if len(s) > maxName || strings.Contains(s, "://") || strings.ContainsAny(s, "\x00*?%$\\") || path.IsAbs(s) {
		return
	}
	dir = dir || strings.Contains(s, "/")
	clean := path.Clean(s)
	if clean == "." || s == "" || !strings.ContainsFunc(clean, func(c rune) bool { return c > '9' || c == '.' }) {
		return
	}
	n := name{strings.Clone(clean), line, dir}
	if old, ok := r.names[clean]; ok {
		n.line, n.dir = old.line, old.dir || dir
	}
	r.names[clean] = n
}

// readFile reads the facts of one file. kind tells how. A file that brings a
// parser down cannot be read, and the daemon goes on.
func readFile(kind fileKind, src []byte) (f *facts) {
	defer func() {
		if failed := recover(); failed != nil {
			f = &facts{unread: fmt.Sprintf("tfops fails to parse it, please report it: %v", failed), line: 1}
		}
	}()
	r := &reader{src: src, texts: src, facts: &facts{},
		names: map[string]name{}, seen: map[string]bool{}, muted: map[*expr]bool{}}
	switch {
	case kind == codeJSON || kind == valuesJSON:
		r.texts = nil
		r.json(kind)
	case kind == versions:
		r.versions()
	case kind == dataJSON || kind == dataYAML || kind == dataCSV:
		r.data(kind)
	case kind == template:
		r.template()
	default:
		body, err := rootmodule.ParseNative("", src)
		r.failed(err)
		if body != nil && kind == code {
			r.body(body)
		} else if body != nil {
			r.varFile(body)
		}
	}
	r.facts.names = slices.SortedFunc(maps.Values(r.names), func(a, b name) int { return cmp.Compare(a.text, b.text) })
	return r.facts
}

// failed notes why a text was not read, or not as a whole.
func (r *reader) failed(err error) {
	var diags hcl.Diagnostics
	if err != nil && !errors.As(err, &diags) {
		r.unread(1, "it is "+err.Error())
		return
	}
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			line := 1
			if d.Subject != nil {
				line = d.Subject.Start.Line
			}
			r.unread(line, "it cannot be parsed: "+d.Summary)
			r.facts.refused = true // the parser is the engines' own
			return
		}
	}
}

func (r *reader) unread(line int, why string) {
	if r.facts.unread == "" {
		r.facts.unread, r.facts.line = why, line
	}
}

// template notes what a template of templatefile reads itself.
func (r *reader) template() {
	if !bytes.Contains(r.src, []byte("file")) {
		return
	}
	e, err := rootmodule.ParseTemplate(r.src, hcl.InitialPos)
	var diags hcl.Diagnostics
	switch {
	case errors.As(err, &diags):
		return // the engine fails with it, and it is in the reach already
	case err != nil:
		r.failed(err)
		return
	}
	r.collect(convertExpr(e, &scope{name: "path"}), place{text: "a template", line: 1, mute: true})
}

func (r *reader) varFile(body *hclsyntax.Body) {
	for _, a := range attrsOf(body) {
		r.facts.values = append(r.facts.values, binding{name: a.name, expr: a.convert(nil)})
	}
}

// maxShown is how many bytes of an expression are shown to a person.
const maxShown = 120

// shown is the text of an expression on one line.
func shown(src []byte) string {
	s := strings.Join(strings.Fields(string(src[:min(len(src), 4*maxShown)])), " ")
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	return s
}
