package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
)

// canonical writes the report as it is, a workspace at a time.
func canonical(w io.Writer, r *Report) error {
	head := *r
	head.Workspaces = []Section{}
	j := newJSONWriter(w)
	j.splice(head, `"workspaces": []`, func(yield func(any) bool) {
		for i := range r.Workspaces {
			if !yield(&r.Workspaces[i]) {
				return
			}
		}
	})
	j.text("\n")
	return j.err
}

// jsonWriter writes indented JSON, without HTML's escapes, in which every
// character shows.
type jsonWriter struct {
	*sticky
	b      bytes.Buffer
	e      *json.Encoder
	indent string // of the value that is written
}

func newJSONWriter(w io.Writer) *jsonWriter {
	j := &jsonWriter{sticky: &sticky{w: w}}
	j.e = json.NewEncoder(&j.b)
	j.e.SetEscapeHTML(false)
	return j
}

// encoded is good until the next call.
func (j *jsonWriter) encoded(v any) []byte {
	j.b.Reset()
	j.e.SetIndent(j.indent, "  ")
	if err := j.e.Encode(v); err != nil && j.err == nil {
		j.err = err
	}
	return visible(bytes.TrimSuffix(j.b.Bytes(), []byte("\n")))
}

// splice writes head with items in the place of the first empty list of that
// name, so that only one item is held as text at a time. An item is written as
// it is, or by itself if it is a function. A name cannot be mistaken: within
// strings JSON has no bare quotes.
func (j *jsonWriter) splice(head any, list string, items iter.Seq[any]) {
	before, after, ok := bytes.Cut(bytes.Clone(j.encoded(head)), []byte(list))
	if !ok && j.err == nil {
		j.err = fmt.Errorf("the report has no %s", list)
	}
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	outer := j.indent
	inner := string(line[:len(line)-len(bytes.TrimLeft(line, " "))])
	j.write(before)
	j.text(list[:len(list)-1])
	n := 0
	for item := range items {
		if n++; n > 1 {
			j.text(",")
		}
		j.indent = inner + "  "
		j.text("\n" + j.indent)
		if own, ok := item.(func()); ok {
			own()
		} else {
			j.write(j.encoded(item))
		}
		if j.err != nil {
			return
		}
	}
	if j.indent = outer; n > 0 {
		j.text("\n" + inner)
	}
	j.text("]")
	j.write(after)
}

// sticky is a writer that remembers its first error and then does nothing.
type sticky struct {
	w   io.Writer
	err error
}

func (s *sticky) write(b []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
}

func (s *sticky) text(t string) {
	if s.err == nil {
		_, s.err = io.WriteString(s.w, t)
	}
}

func (s *sticky) textf(format string, args ...any) { s.text(fmt.Sprintf(format, args...)) }
