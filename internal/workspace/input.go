package workspace

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// OutputRef names an output of a workspace's root module.
type OutputRef struct{ Workspace, Output string }

// String is the reference as the configuration writes it.
func (r OutputRef) String() string { return "workspace." + r.Workspace + ".outputs." + r.Output }

// ParseOutputRef reads what String wrote.
func ParseOutputRef(text string) OutputRef {
	text = strings.TrimPrefix(text, "workspace.")
	i := strings.LastIndex(text, ".outputs.")
	if i < 0 {
		return OutputRef{}
	}
	return OutputRef{text[:i], text[i+len(".outputs."):]}
}

// Input is a variable whose value is made of outputs of other workspaces, as
// they were last applied.
type Input struct {
	Source string      // the expression as written: the part of it that is fixed
	Refs   []OutputRef // what it is made of, sorted, each once
	// Value makes the variable. outputs gives the value of each of Refs, marked
	// with Secret when it is sensitive, and the mark follows it.
	Value func(outputs func(OutputRef) cty.Value) (cty.Value, error)
}
