package reach

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
)

// factsVersion is raised whenever the facts of some file change, or how they are
// written: what an older version kept is then read anew. TestFactsAreVersioned fails
// where that was forgotten.
const factsVersion = 4

// encoder writes the facts of a file. Equal facts have equal bytes, and an
// expression that stands in several places is written once.
type encoder struct {
	out   []byte
	exprs map[*expr]int
	texts map[string]int
}

// encodeFacts are the facts of a file as decodeFacts reads them.
func encodeFacts(f *facts) []byte {
	w := encoder{exprs: map[*expr]int{}, texts: map[string]int{}}
	w.flag(f.root)
	w.int(f.line)
	w.text(f.unread)
	w.flag(f.refused)
	w.int(len(f.calls))
	for _, c := range f.calls {
		w.text(c.name)
		w.text(c.written)
		w.int(c.line)
		w.expr(c.source)
		w.bindings(c.args)
	}
	for _, list := range [][]binding{f.locals, f.vars, f.attrs, f.values} {
		w.bindings(list)
	}
	w.int(len(f.refs))
	for _, r := range f.refs {
		w.text(r.fn)
		w.text(r.text)
		w.text(r.path)
		w.int(int(r.from))
		w.int(r.line)
		w.flag(r.dir)
		w.expr(r.arg)
		w.expr(r.pattern)
	}
	w.int(len(f.names))
	for _, n := range f.names {
		w.text(n.text)
		w.int(n.line)
		w.flag(n.dir)
	}
	w.backends(f.backends)
	remotes := make([]Backend, len(f.remotes))
	for i, r := range f.remotes {
		remotes[i] = Backend(r)
	}
	w.backends(remotes)
	return w.out
}

func (w *encoder) int(n int) { w.out = binary.AppendUvarint(w.out, uint64(n)) }

func (w *encoder) flag(b bool) {
	if b {
		w.out = append(w.out, 1)
		return
	}
	w.out = append(w.out, 0)
}

// text writes a text, or the number of one that was written before.
func (w *encoder) text(s string) {
	if i, ok := w.texts[s]; ok {
		w.int(i)
		return
	}
	w.int(len(w.texts))
	w.texts[s] = len(w.texts)
	w.int(len(s))
	w.out = append(w.out, s...)
}

// expr writes an expression, or the number of one that was written before. Nil is 0.
func (w *encoder) expr(e *expr) {
	if e == nil {
		w.int(0)
		return
	}
	if i, ok := w.exprs[e]; ok {
		w.int(i)
		return
	}
	i := len(w.exprs) + 1
	w.exprs[e] = i
	w.int(i)
	w.out = append(w.out, byte(e.op))
	w.int(int(e.size))
	w.int(int(e.from))
	w.text(e.text)
	w.list(e.args)
	w.flag(e.object != nil)
	if e.object != nil {
		w.int(len(e.object.keys))
		for _, k := range e.object.keys {
			w.text(k)
		}
		w.list(e.object.computed)
	}
}

func (w *encoder) list(list []*expr) {
	w.int(len(list))
	for _, e := range list {
		w.expr(e)
	}
}

func (w *encoder) bindings(list []binding) {
	w.int(len(list))
	for _, b := range list {
		w.text(b.name)
		w.expr(b.expr)
		w.expr(b.typ)
	}
}

func (w *encoder) backends(list []Backend) {
	w.int(len(list))
	for _, b := range list {
		for _, s := range []string{b.Type, b.Workspace, b.Name, b.File} {
			w.text(s)
		}
		w.int(b.Line)
		w.flag(b.Partial)
		w.flag(b.Config != nil)
		if b.Config != nil {
			w.settings(b.Config)
		}
	}
}

// Kinds of settings; see Backend.
const (
	noSetting byte = iota
	isNull
	isFalse
	isTrue
	isNumber
	isText
	isList
	isMap
)

func (w *encoder) settings(m map[string]any) {
	w.int(len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		w.text(k)
		w.setting(m[k])
	}
}

func (w *encoder) setting(v any) {
	switch v := v.(type) {
	case nil:
		w.out = append(w.out, isNull)
	case bool:
		w.out = append(w.out, isFalse)
		if v {
			w.out[len(w.out)-1] = isTrue
		}
	case float64:
		w.out = binary.LittleEndian.AppendUint64(append(w.out, isNumber), math.Float64bits(v))
	case string:
		w.out = append(w.out, isText)
		w.text(v)
	case []any:
		w.out = append(w.out, isList)
		w.int(len(v))
		for _, e := range v {
			w.setting(e)
		}
	case map[string]any:
		w.out = append(w.out, isMap)
		w.settings(v)
	default:
		w.out = append(w.out, noSetting) // which no one reads: the file is parsed each time
	}
}

// decoder reads what an encoder wrote. What does not fit ends it with an error.
type decoder struct {
	in    []byte
	exprs []*expr
	texts []string
	depth int
	bad   bool
}

var errNoFacts = errors.New("these are no facts of a file")

// decodeFacts reads the facts of a file.
func decodeFacts(in []byte) (*facts, error) {
	r := decoder{in: in}
	f := &facts{root: r.flag(), line: r.int(), unread: r.text(), refused: r.flag()}
	f.calls = many(&r, func() callFacts {
		return callFacts{name: r.text(), written: r.text(), line: r.int(), source: r.expr(), args: r.bindings()}
	})
	f.locals, f.vars, f.attrs, f.values = r.bindings(), r.bindings(), r.bindings(), r.bindings()
	f.refs = many(&r, func() ref {
		return ref{fn: r.text(), text: r.text(), path: r.text(), from: uint32(r.int()), line: r.int(), dir: r.flag(),
			arg: r.expr(), pattern: r.expr()}
	})
	f.names = many(&r, func() name { return name{r.text(), r.int(), r.flag()} })
	f.backends = r.backends()
	for _, b := range r.backends() {
		f.remotes = append(f.remotes, RemoteState(b))
	}
	if r.bad || len(r.in) > 0 {
		return nil, errNoFacts
	}
	return f, nil
}

// many reads a list of what one reads; none has no list.
func many[T any](r *decoder, one func() T) []T {
	n := r.int()
	if n > len(r.in) { // each takes a byte at least
		r.bad = true
	}
	if n == 0 || r.bad {
		return nil
	}
	list := make([]T, 0, n)
	for range n {
		if list = append(list, one()); r.bad {
			return nil
		}
	}
	return list
}

func (r *decoder) int() int {
	n, size := binary.Uvarint(r.in)
	if size <= 0 || n > math.MaxUint32 {
		r.bad, r.in = true, nil
		return 0
	}
	r.in = r.in[size:]
	return int(n)
}

func (r *decoder) flag() bool { return r.byte() == 1 }

func (r *decoder) byte() byte {
	if len(r.in) == 0 {
		r.bad = true
		return 0
	}
	b := r.in[0]
	r.in = r.in[1:]
	return b
}

func (r *decoder) text() string {
	i := r.int()
	if i < len(r.texts) {
		return r.texts[i]
	}
	n := r.int()
	if i > len(r.texts) || n > len(r.in) {
		r.bad = true
		return ""
	}
	s := string(r.in[:n])
	r.texts, r.in = append(r.texts, s), r.in[n:]
	return s
}

// maxEncoded is how many expressions may be within one another.
const maxEncoded = 100_000

func (r *decoder) expr() *expr {
	i := r.int()
	switch {
	case i == 0 || r.bad:
		return nil
	case i <= len(r.exprs):
		return r.exprs[i-1]
	}
	if r.depth++; i > len(r.exprs)+1 || r.depth > maxEncoded {
		r.bad = true
		return nil
	}
	defer func() { r.depth-- }()
	e := &expr{}
	r.exprs = append(r.exprs, e)
	e.op, e.size, e.from, e.text = op(r.byte()), uint16(r.int()), uint32(r.int()), r.text()
	if e.op > opCall {
		r.bad = true
	}
	e.args = many(r, r.expr)
	if r.flag() {
		e.object = &object{keys: many(r, r.text), computed: many(r, r.expr)}
	}
	if slices.Contains(e.args, nil) {
		r.bad = true
	}
	return e
}

func (r *decoder) bindings() []binding {
	return many(r, func() binding { return binding{r.text(), r.expr(), r.expr()} })
}

func (r *decoder) backends() []Backend {
	return many(r, func() Backend {
		b := Backend{Type: r.text(), Workspace: r.text(), Name: r.text(), File: r.text(), Line: r.int(),
			Partial: r.flag()}
		if r.flag() {
			b.Config = r.settings()
		}
		return b
	})
}

func (r *decoder) settings() map[string]any {
	m := map[string]any{}
	for n := r.int(); n > 0 && !r.bad; n-- {
		k := r.text()
		m[k] = r.setting()
	}
	return m
}

func (r *decoder) setting() any {
	if r.depth++; r.depth > maxEncoded {
		r.bad = true
		return nil
	}
	defer func() { r.depth-- }()
	switch r.byte() {
	case isNull:
		return nil
	case isFalse:
		return false
	case isTrue:
		return true
	case isNumber:
		if len(r.in) < 8 {
			break
		}
		bits := binary.LittleEndian.Uint64(r.in)
		r.in = r.in[8:]
		return math.Float64frombits(bits)
	case isText:
		return r.text()
	case isList:
		list := make([]any, 0, 4)
		for n := r.int(); n > 0 && !r.bad; n-- {
			list = append(list, r.setting())
		}
		return list
	case isMap:
		return r.settings()
	}
	r.bad = true
	return nil
}
