package reach

import (
	"maps"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Backend is where a root module keeps its state, as far as its text says.
type Backend struct {
	Type string `json:"type"` // as the block's label; "cloud" for a cloud block
	// Config has the literal settings: string, bool, float64, []any and map[string]any; a block
	// is a list of maps.
	Config    map[string]any `json:"config,omitempty"`
	Workspace string         `json:"workspace,omitempty"` // of a terraform_remote_state; empty: the default one
	Name      string         `json:"name,omitempty"`      // of the terraform_remote_state
	File      string         `json:"file"`
	Line      int            `json:"line"`
	Partial   bool           `json:"partial,omitempty"` // some setting is not literal, and not in Config
}

// RemoteState is a terraform_remote_state: a state that a module reads.
type RemoteState Backend

// settings notes the backend of a terraform block.
func (r *reader) settings(b *hclsyntax.Block) {
	r.reads(b.Body) // OpenTofu evaluates what is in it
	for _, inner := range b.Body.Blocks {
		if !isBackend(inner.Type) {
			continue
		}
		r.facts.root = true
		found := Backend{Type: inner.Type, Config: map[string]any{}, Line: inner.TypeRange.Start.Line}
		if inner.Type == "backend" && len(inner.Labels) == 1 {
			found.Type = inner.Labels[0]
		}
		found.Partial = !literalBody(inner.Body, found.Config)
		r.facts.backends = append(r.facts.backends, found)
	}
}

func isBackend(typ string) bool { return typ == "backend" || typ == "cloud" }

// literalBody adds the literal settings of a block; false when some are not.
func literalBody(body *hclsyntax.Body, into map[string]any) bool {
	all := true
	for name, a := range body.Attributes {
		v, ok := literalValue(convertExpr(a.Expr, nil))
		if all = all && ok; ok {
			into[name] = v
		}
	}
	for _, b := range body.Blocks {
		config := map[string]any{}
		all = literalBody(b.Body, config) && all
		list, _ := into[b.Type].([]any)
		into[b.Type] = append(list, config)
	}
	return all
}

// literalValue is an expression as a plain value; false when something in it
// is not literal.
func literalValue(e *expr) (any, bool) {
	switch e.op {
	case opText:
		return strings.Clone(e.text), true
	case opNumber:
		switch e.text {
		case "true", "false":
			return e.text == "true", true
		}
		v, err := cty.ParseNumberVal(e.text)
		if err != nil {
			return nil, false
		}
		f, _ := v.AsBigFloat().Float64()
		return f, true
	case opNull:
		return nil, true
	case opTuple:
		list := make([]any, 0, len(e.args))
		all := true
		for _, a := range e.args {
			v, ok := literalValue(a)
			list, all = append(list, v), all && ok
		}
		return list, all
	case opObject:
		m, all := map[string]any{}, true
		for i, a := range e.args {
			v, ok := literalValue(a)
			if all = all && ok && e.keys()[i] != ""; ok && e.keys()[i] != "" {
				m[e.keys()[i]] = v
			}
		}
		return m, all
	}
	return nil, false
}

// remoteState notes a terraform_remote_state.
func (r *reader) remoteState(b *hclsyntax.Block) {
	if b.Type != "data" || len(b.Labels) != 2 || b.Labels[0] != "terraform_remote_state" {
		return
	}
	r.remote(b.Labels[1], b.TypeRange.Start.Line, attrsOf(b.Body))
}

func (r *reader) remote(name string, line int, list []attribute) {
	s := RemoteState{Name: name, Config: map[string]any{}, Line: line}
	if e := find(list, "backend", nil); e != nil && e.op == opText {
		s.Type = e.text
	} else {
		s.Partial = true
	}
	switch e := find(list, "workspace", nil); {
	case e == nil || e.op == opNull:
	case e.op == opText:
		s.Workspace = e.text
	default:
		s.Partial = true
	}
	if e := find(list, "config", nil); e != nil && e.op == opObject {
		v, all := literalValue(e)
		maps.Copy(s.Config, v.(map[string]any))
		s.Partial = s.Partial || !all
	} else if e != nil {
		s.Partial = true
	}
	r.facts.remotes = append(r.facts.remotes, s)
}
