package formats

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/wording"
)

// canonical writes the report as it is, a workspace at a time.
func canonical(w io.Writer, r *report.Report) error {
	head := *r
	head.Workspaces = []report.Section{}
	j := newJSONWriter(w)
	j.splice(head, `"workspaces": []`, func(yield func(any) bool) {
		for i := range r.Workspaces {
			if !yield(&r.Workspaces[i]) {
				return
			}
		}
	})
	return j.end()
}

// jsonWriter writes indented JSON, without HTML's escapes, in which every
// character shows.
type jsonWriter struct {
	*bufio.Writer
	b      bytes.Buffer
	e      *json.Encoder
	indent string // of the value that is written
	err    error  // the first of encoding, or of writing an item
}

func newJSONWriter(w io.Writer) *jsonWriter {
	j := &jsonWriter{Writer: bufio.NewWriter(w)}
	j.e = json.NewEncoder(&j.b)
	j.e.SetEscapeHTML(false)
	return j
}

// end writes the last line feed.
func (j *jsonWriter) end() error {
	j.WriteString("\n")
	return cmp.Or(j.err, j.Flush())
}

// encoded is good until the next call.
func (j *jsonWriter) encoded(v any) []byte {
	j.b.Reset()
	j.e.SetIndent(j.indent, "  ")
	if err := j.e.Encode(v); err != nil && j.err == nil {
		j.err = err
	}
	return wording.Visible(bytes.TrimSuffix(j.b.Bytes(), []byte("\n")))
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
	j.Write(before)
	j.WriteString(list[:len(list)-1])
	n := 0
	for item := range items {
		if n++; n > 1 {
			j.WriteString(",")
		}
		j.indent = inner + "  "
		j.WriteString("\n" + j.indent)
		if own, ok := item.(func()); ok {
			own()
		} else {
			_, err := j.Write(j.encoded(item))
			j.err = cmp.Or(j.err, err)
		}
		if j.err != nil {
			return
		}
	}
	if j.indent = outer; n > 0 {
		j.WriteString("\n" + inner)
	}
	j.WriteString("]")
	j.Write(after)
}
