package reach

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v3"

	"github.com/tfops/tfops/internal/rootmodule"
)

// decoders are the functions that make values of the content of a file.
var decoders = map[string]fileKind{"jsondecode": dataJSON, "yamldecode": dataYAML, "csvdecode": dataCSV}

// maxData is how many values are taken out of one file.
const maxData = 20_000

// maxDataFiles is how many files one expression may decode.
const maxDataFiles = 400

// content are the shapes of what a function decodes of the files that an
// expression reads; false where it is not known which files these are.
func (v *env) content(kind fileKind, read bound) (out []bound, known bool) {
	if read.op != opCall || read.text != "file" && read.text != "templatefile" || len(read.args) == 0 {
		return nil, false
	}
	plain := read.text == "templatefile" // its text is what is decoded only where nothing is put in
	for _, s := range read.env.texts(read.args[0]) {
		files, ok := v.r.files(s)
		if !ok || v.r.steps > maxSteps {
			return nil, false
		}
		for _, p := range files {
			f := v.r.read(p, kind)
			if f == nil || len(f.values) == 0 || plain && f.unread != "" {
				return nil, false
			}
			v.r.steps += f.line
			out = append(out, v.shapes(f.values[0].expr)...)
		}
	}
	return out, len(out) <= maxShapes
}

// files are the files of the tree that a text names where a function reads it.
// One that is not there fails the engine, or the code asks before.
func (r *resolver) files(s string) (found []string, known bool) {
	rest, anchored := strings.CutPrefix(s, anchor)
	switch {
	case anchored:
	case strings.HasPrefix(s, unknown), path.IsAbs(s), strings.HasPrefix(s, "~"), s == "":
		return nil, false
	default:
		rest = r.root + "/" + s
	}
	if strings.ContainsAny(rest, unknown+anchor) || r.graph == nil {
		return nil, false
	}
	p := path.Clean(rest)
	if !inside(p) {
		return nil, false
	}
	if !strings.Contains(p, pattern) {
		return []string{p}, true
	}
	glob, base := globbed(p)
	r.graph.matching(base, glob, func(p string) { found = append(found, p) })
	return found, len(found) <= maxDataFiles
}

// read is what a file holds as data; nil where it is not there, or only a link
// that cannot be followed leads to it.
func (r *resolver) read(p string, kind fileKind) *facts {
	real, _, err := r.graph.root.resolve(p)
	if err != nil {
		return nil
	}
	l := r.graph.root.leafAt(real)
	if l == nil || l.link {
		return &facts{values: []binding{{expr: null}}}
	}
	return r.scan.read(real, l.hash, kind)
}

// data notes the value of a file that is decoded; nothing where it is none.
// unread says that a template would put something in, and line how many values
// there are.
func (r *reader) data(kind fileKind) {
	if len(r.src) > rootmodule.MaxHCL {
		return
	}
	d := &decoding{left: maxData}
	value := d.decode(kind, r.src)
	if value == nil || d.left < 0 {
		return
	}
	if bytes.Contains(r.src, []byte("${")) || bytes.Contains(r.src, []byte("%{")) {
		r.facts.unread = "it has something to put in"
	}
	r.facts.line = maxData - d.left
	r.facts.values = []binding{{expr: value}}
}

// decoding makes expressions of data, as many as are left.
type decoding struct{ left int }

// decode is the value of a file; nil where it is none. What a parser does with
// a text that somebody chose is not trusted.
func (d *decoding) decode(kind fileKind, src []byte) (value *expr) {
	defer func() {
		if recover() != nil {
			value = nil
		}
	}()
	switch kind {
	case dataJSON:
		dec := json.NewDecoder(bytes.NewReader(src))
		dec.UseNumber()
		var doc any
		if dec.Decode(&doc) != nil {
			return nil
		}
		if _, err := dec.Token(); err != io.EOF {
			return nil
		}
		return d.json(doc)
	case dataYAML:
		var doc yaml.Node
		if yaml.Unmarshal(src, &doc) != nil {
			return nil
		}
		return d.yaml(&doc, 0)
	}
	return d.csv(src)
}

// one takes one value of those that are left.
func (d *decoding) one() bool { d.left--; return d.left >= 0 }

func (d *decoding) json(doc any) *expr {
	if !d.one() {
		return hole
	}
	switch doc := doc.(type) {
	case nil:
		return null
	case string:
		return text(doc)
	case bool:
		return convertLiteral(cty.BoolVal(doc))
	case json.Number:
		return number(doc.String())
	case []any:
		out := &expr{op: opTuple}
		for _, e := range doc {
			out.args = append(out.args, d.json(e))
		}
		return out
	case map[string]any:
		out := &expr{op: opObject}
		for _, k := range slices.Sorted(maps.Keys(doc)) {
			d.pair(out, k, d.json(doc[k]))
		}
		return out
	}
	return hole
}

// pair adds a key that is known. The empty one would stand for any.
func (d *decoding) pair(o *expr, key string, value *expr) {
	if key == "" {
		o.addKey(text(""))
	}
	o.add(key, value)
}

func number(s string) *expr {
	if len(s) > 50 {
		return hole
	}
	v, err := cty.ParseNumberVal(s)
	if err != nil {
		return hole
	}
	return convertLiteral(v)
}

// maxDataDepth is how deep values of YAML are followed, aliases with them.
const maxDataDepth = 200

func (d *decoding) yaml(n *yaml.Node, depth int) *expr {
	if !d.one() || depth > maxDataDepth {
		return hole
	}
	switch n.Kind {
	case yaml.DocumentNode, yaml.AliasNode:
		if n.Kind == yaml.AliasNode {
			return d.yaml(n.Alias, depth+1)
		}
		if len(n.Content) == 1 {
			return d.yaml(n.Content[0], depth+1)
		}
	case yaml.SequenceNode:
		out := &expr{op: opTuple}
		for _, c := range n.Content {
			out.args = append(out.args, d.yaml(c, depth+1))
		}
		return out
	case yaml.MappingNode:
		out := &expr{op: opObject}
		for i := 0; i+1 < len(n.Content); i += 2 {
			d.yamlPair(out, n.Content[i], n.Content[i+1], depth)
		}
		return out
	case yaml.ScalarNode:
		return yamlScalar(n)
	}
	return hole
}

func (d *decoding) yamlPair(out *expr, key, value *yaml.Node, depth int) {
	v := d.yaml(value, depth+1)
	if key.Tag == "!!merge" {
		for _, m := range mergeable(v) {
			for i, a := range m.args {
				d.pair(out, m.keys()[i], a)
			}
			out.addKey(m.computed()...)
		}
		return
	}
	if k := d.yaml(key, depth+1); k.op == opText || k.op == opNumber {
		d.pair(out, k.text, v)
		return
	}
	out.addKey(hole)
	out.add("", v)
}

// mergeable are the maps that a merge key names: one, or those of a list.
func mergeable(v *expr) []*expr {
	if v.op == opTuple {
		return v.args
	}
	return []*expr{v}
}

// yamlScalar is a scalar. Readers of YAML differ about some words.
func yamlScalar(n *yaml.Node) *expr {
	switch n.ShortTag() {
	case "!!str":
		switch strings.ToLower(n.Value) {
		case "y", "yes", "on", "n", "no", "off":
			return &expr{op: opEither, args: []*expr{text(n.Value), text("true"), text("false")}}
		}
		return text(n.Value)
	case "!!null":
		return null
	case "!!bool":
		return convertLiteral(cty.BoolVal(strings.EqualFold(n.Value, "true")))
	case "!!int", "!!float":
		if digits := strings.TrimLeft(n.Value, "+-"); len(digits) > 1 && digits[0] == '0' && digits[1] != '.' {
			return hole // octal for some
		}
		return number(n.Value)
	}
	return hole
}

func (d *decoding) csv(src []byte) *expr {
	in := csv.NewReader(bytes.NewReader(src))
	head, err := in.Read()
	if err != nil {
		return nil
	}
	out := &expr{op: opTuple}
	for {
		row, err := in.Read()
		if err == io.EOF {
			return out
		}
		if err != nil {
			return nil
		}
		o := &expr{op: opObject}
		for i, cell := range row {
			if !d.one() {
				return nil
			}
			d.pair(o, head[i], text(cell))
		}
		out.args = append(out.args, o)
	}
}
