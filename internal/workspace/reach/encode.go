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
const factsVersion = 5

// codec writes the facts of a file, or reads them: what they consist of is said once. Equal facts
// have equal bytes, and an expression or a text that stands in several places is written once.
// What does not fit ends reading. While it writes it changes nothing, since facts are shared.
type codec struct {
	writing bool
	buf     []byte // what was written, or what is left to read
	exprs   []*expr
	texts   []string
	exprNo  map[*expr]int  // while it writes: of those that were written
	textNo  map[string]int // the same
	depth   int
	bad     bool
}

var errNoFacts = errors.New("these are no facts of a file")

// encodeFacts are the facts of a file as decodeFacts reads them.
func encodeFacts(f *facts) []byte {
	c := codec{writing: true, exprNo: map[*expr]int{}, textNo: map[string]int{}}
	c.facts(f)
	return c.buf
}

// decodeFacts reads the facts of a file.
func decodeFacts(in []byte) (*facts, error) {
	c, f := codec{buf: in}, &facts{}
	c.facts(f)
	if c.bad || len(c.buf) > 0 {
		return nil, errNoFacts
	}
	return f, nil
}

func (c *codec) facts(f *facts) {
	c.flag(&f.root)
	num(c, &f.line)
	c.text(&f.unread)
	c.flag(&f.refused)
	listOf(c, &f.calls, func(call *callFacts) {
		c.text(&call.name)
		c.text(&call.written)
		num(c, &call.line)
		c.expr(&call.source)
		listOf(c, &call.args, c.binding)
	})
	for _, list := range []*[]binding{&f.locals, &f.vars, &f.attrs, &f.values} {
		listOf(c, list, c.binding)
	}
	listOf(c, &f.refs, func(r *ref) {
		c.text(&r.fn)
		c.text(&r.text)
		c.text(&r.path)
		num(c, &r.from)
		num(c, &r.line)
		c.flag(&r.dir)
		c.expr(&r.arg)
		c.expr(&r.pattern)
	})
	listOf(c, &f.names, func(n *name) {
		c.text(&n.text)
		num(c, &n.line)
		c.flag(&n.dir)
	})
	listOf(c, &f.backends, c.backend)
	listOf(c, &f.remotes, func(s *RemoteState) { c.backend((*Backend)(s)) })
}

func (c *codec) binding(b *binding) {
	c.text(&b.name)
	c.expr(&b.expr)
	c.expr(&b.typ)
}

func (c *codec) backend(b *Backend) {
	for _, s := range []*string{&b.Type, &b.Workspace, &b.Name, &b.File} {
		c.text(s)
	}
	num(c, &b.Line)
	c.flag(&b.Partial)
	given := b.Config != nil
	if c.flag(&given); given {
		c.settings(&b.Config)
	}
}

// listOf is a list of what one is; none has no list.
func listOf[T any](c *codec, list *[]T, one func(*T)) {
	n := len(*list)
	num(c, &n)
	if !c.writing {
		c.bad = c.bad || n > len(c.buf) // each takes a byte at least
		if n == 0 || c.bad {
			return
		}
		*list = make([]T, n)
	}
	for i := range *list {
		if one(&(*list)[i]); c.bad {
			return
		}
	}
}

func num[T ~uint8 | ~uint16 | ~uint32 | ~int](c *codec, n *T) {
	if c.writing {
		c.buf = binary.AppendUvarint(c.buf, uint64(*n))
		return
	}
	v, size := binary.Uvarint(c.buf)
	if size <= 0 || v > math.MaxUint32 {
		c.bad, c.buf = true, nil
		return
	}
	*n, c.buf = T(v), c.buf[size:]
}

func (c *codec) flag(b *bool) {
	var n byte
	if *b {
		n = 1
	}
	if num(c, &n); !c.writing {
		*b = n == 1
	}
}

// text is a text, or the number of one that stood before.
func (c *codec) text(s *string) {
	i, known := c.textNo[*s]
	if c.writing && !known {
		i = len(c.textNo)
		c.textNo[*s] = i
	}
	num(c, &i)
	switch {
	case c.writing && known:
		return
	case !c.writing && i < len(c.texts):
		*s = c.texts[i]
		return
	}
	n := len(*s)
	num(c, &n)
	switch {
	case c.writing:
		c.buf = append(c.buf, *s...)
	case i > len(c.texts) || n > len(c.buf):
		c.bad = true
	default:
		*s, c.buf = string(c.buf[:n]), c.buf[n:]
		c.texts = append(c.texts, *s)
	}
}

// maxEncoded is how many expressions may be within one another.
const maxEncoded = 100_000

// expr is an expression, or the number of one that stood before. Nil is 0.
func (c *codec) expr(p **expr) {
	i, known := c.exprNo[*p]
	if c.writing && !known && *p != nil {
		i = len(c.exprNo) + 1
		c.exprNo[*p] = i
	}
	num(c, &i)
	switch {
	case i == 0 || known || c.bad:
		return
	case !c.writing && i <= len(c.exprs):
		*p = c.exprs[i-1]
		return
	case !c.writing && i > len(c.exprs)+1 || c.depth == maxEncoded:
		c.bad = true
		return
	case !c.writing:
		*p = &expr{}
		c.exprs = append(c.exprs, *p)
	}
	c.depth++
	c.parts(*p)
	c.depth--
}

func (c *codec) parts(e *expr) {
	num(c, &e.op)
	num(c, &e.size)
	num(c, &e.from)
	c.text(&e.text)
	listOf(c, &e.args, c.expr)
	keyed := e.object != nil
	if c.flag(&keyed); keyed && !c.writing {
		e.object = &object{}
	}
	if keyed {
		listOf(c, &e.object.keys, c.text)
		listOf(c, &e.object.computed, c.expr)
	}
	c.bad = c.bad || e.op > opCall || slices.Contains(e.args, nil)
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

func kindOfSetting(v any) byte {
	switch v := v.(type) {
	case nil:
		return isNull
	case bool:
		if v {
			return isTrue
		}
		return isFalse
	case float64:
		return isNumber
	case string:
		return isText
	case []any:
		return isList
	case map[string]any:
		return isMap
	}
	return noSetting // which no one reads: the file is parsed each time
}

func (c *codec) settings(m *map[string]any) {
	keys, of := slices.Sorted(maps.Keys(*m)), *m
	if !c.writing {
		of = map[string]any{}
		*m = of
	}
	listOf(c, &keys, func(k *string) {
		c.text(k)
		v := of[*k]
		if c.setting(&v); !c.writing {
			of[*k] = v
		}
	})
}

func (c *codec) setting(p *any) {
	if c.depth == maxEncoded {
		c.bad = true
		return
	}
	c.depth++
	defer func() { c.depth-- }()
	kind := kindOfSetting(*p)
	num(c, &kind)
	var v any
	switch kind {
	case isNull:
	case isFalse, isTrue:
		v = kind == isTrue
	case isNumber:
		f, _ := (*p).(float64)
		c.float(&f)
		v = f
	case isText:
		s, _ := (*p).(string)
		c.text(&s)
		v = s
	case isList:
		list, _ := (*p).([]any)
		listOf(c, &list, c.setting)
		v = append([]any{}, list...)
	case isMap:
		m, _ := (*p).(map[string]any)
		c.settings(&m)
		v = m
	default:
		c.bad = true
	}
	if !c.writing {
		*p = v
	}
}

func (c *codec) float(f *float64) {
	switch {
	case c.writing:
		c.buf = binary.LittleEndian.AppendUint64(c.buf, math.Float64bits(*f))
	case len(c.buf) < 8:
		c.bad = true
	default:
		*f = math.Float64frombits(binary.LittleEndian.Uint64(c.buf))
		c.buf = c.buf[8:]
	}
}
