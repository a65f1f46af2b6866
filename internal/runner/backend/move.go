package backend

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/workspace"
)

// Holding says how much a state holds.
func Holding(resources int) string {
	return workspace.StateRef{Resources: resources, Counted: true}.Holds()
}

// Moving is what is done with the new state.
type Moving int

const (
	WriteIt     Moving = iota // there is none yet
	ReplaceIt                 // there is one of another lineage, which is known and may go
	OverwriteIt               // there is something that is no state, and it may go
	KeepIt                    // it is the old one already, or what became of it
)

// WhatToMove decides what is done with the new state. There is no way to
// overwrite one that holds something else.
func WhatToMove(name string, old, there []byte) (Moving, error) {
	from, err := ReadState(old)
	if err != nil {
		return 0, diagnostics.Refuse(job.CauseState,
			"see what a state that is lost or cut can be restored from: tfops state restore "+name,
			"the old state cannot be "+
				"copied: %w", err)
	}
	if len(bytes.TrimSpace(there)) == 0 {
		return WriteIt, nil
	}
	to, err := ReadState(there)
	switch {
	case err != nil:
		return 0, diagnostics.Refuse(job.CauseState, "look at it, and move it away if nobody needs it",
			"there is something where the new state would be, and it is not overwritten: %w", err)
	case SameContent(old, there, false):
		return KeepIt, nil // a move that was killed may not have come to its lineage
	case from.Lineage != to.Lineage && to.Resources > 0:
		return 0, diagnostics.Refuse(job.CauseState,
			"look whose it is (`terraform state list` in the root module); to go on with it: tfops approve RUN "+
				"--accept-new-state -m WHY",
			"the new state has another lineage (%s, not %s) and holds %d resources: it is not "+
				"overwritten", to.Lineage, from.Lineage, to.Resources)
	case from.Lineage != to.Lineage:
		return ReplaceIt, nil
	case to.Serial >= from.Serial && to.Resources == 0 && from.Resources > 0:
		return 0, diagnostics.Refuse(job.CauseState,
			"if that was meant: tfops approve RUN --accept-new-state -m WHY; to put the old one there all the same: "+
				"tfops state import "+name+" FILE --replace -m WHY",
			"the new state is the old one, or what became of it (serial %d, that one has %d), and holds no "+
				"resources, while the old one holds %d: they were destroyed there, or taken out", to.Serial,
			from.Serial, from.Resources)
	case to.Serial == from.Serial:
		return 0, diagnostics.Refuse(job.CauseState,
			"look at both (`terraform state pull`) and decide which is right; to put the old one there all the "+
				"same: tfops state import "+name+" FILE --replace -m WHY",
			"the new state has the lineage and the serial (%d) of the old one, and holds something else", to.Serial)
	case to.Serial > from.Serial:
		return KeepIt, nil
	}
	return WriteIt, nil
}

// WhatToImport decides what is done with the state that an import would write.
func WhatToImport(name string, replace bool, brought, there []byte) (Moving, error) {
	from, err := ReadState(brought)
	if err != nil {
		return 0, diagnostics.Refuse(job.CauseBadInput, "tfops state import "+name+" FILE",
			"what was brought is no state: %w", err)
	}
	if len(bytes.TrimSpace(there)) == 0 {
		return WriteIt, nil
	}
	to, err := ReadState(there)
	switch {
	case err != nil && !replace:
		return 0, diagnostics.Refuse(job.CauseState, replaceCommand(name),
			"there is something where the state would be, and it is not overwritten: %w", err)
	case err == nil && SameContent(brought, there, true):
		return KeepIt, nil
	case err != nil:
		return OverwriteIt, nil
	case replace:
		return ReplaceIt, nil
	case to.Resources > 0:
		return 0, diagnostics.Refuse(job.CauseState, replaceCommand(name),
			"the state there holds %s (serial %d, lineage %s): it is not "+
				"overwritten", Holding(to.Resources), to.Serial, to.Lineage)
	case from.Lineage == to.Lineage && from.Serial < to.Serial:
		return 0, diagnostics.Refuse(job.CauseState, replaceCommand(name),
			"the state there holds no resources and is newer than what was brought (serial %d, not %d): what that "+
				"holds was destroyed since, or taken out", to.Serial, from.Serial)
	}
	return ReplaceIt, nil
}

func replaceCommand(name string) string {
	return "to put it in its place all the same: tfops state import " + name + " FILE --replace -m WHY"
}

// NeverWritten reports whether a pull printed what stands for no state: of a backend that has
// none yet, some engines print nothing, and some, as for http, an empty one of no lineage.
func NeverWritten(state []byte) bool {
	var doc struct {
		Serial    uint64            `json:"serial"`
		Lineage   *string           `json:"lineage"`
		Outputs   map[string]any    `json:"outputs"`
		Resources []json.RawMessage `json:"resources"`
	}
	return json.Unmarshal(state, &doc) == nil && doc.Lineage != nil && *doc.Lineage == "" && doc.Serial == 0 &&
		len(doc.Resources)+len(doc.Outputs) == 0
}

// Following is a state as one that comes after another: with its lineage and the next serial.
func Following(state, before []byte) ([]byte, error) {
	head, err := ReadState(before)
	if err != nil {
		return nil, err
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(state, &doc); err != nil {
		return nil, err
	}
	if doc["lineage"], err = json.Marshal(head.Lineage); err != nil {
		return nil, err
	}
	if doc["serial"], err = json.Marshal(head.Serial + 1); err != nil {
		return nil, err
	}
	return json.Marshal(doc)
}

// Pushing is how a state is written.
type Pushing struct {
	Force bool          // whatever is there
	Wait  time.Duration // for the lock
	Next  string        // what to do where the engine refuses
}

// SameContent reports whether two states hold the same. Engines write the rest of a file
// as they like, and newer ones add to each resource: only what every one of them carries
// over counts.
func SameContent(a, b []byte, lineage bool) bool {
	fa := contentOf(a, lineage)
	return fa != nil && bytes.Equal(fa, contentOf(b, lineage))
}

// contentOf is what a state holds, in one form; nil of what is no state.
func contentOf(state []byte, lineage bool) []byte {
	type instance struct {
		Key          any               `json:"index_key"`
		Status       string            `json:"status"`
		Deposed      string            `json:"deposed"`
		Version      int               `json:"schema_version"`
		Attributes   any               `json:"attributes"`
		Flat         map[string]string `json:"attributes_flat"`
		Private      string            `json:"private"`
		Dependencies []string          `json:"dependencies"`
	}
	type resource struct {
		Module    string     `json:"module"`
		Mode      string     `json:"mode"`
		Type      string     `json:"type"`
		Name      string     `json:"name"`
		Provider  string     `json:"provider"`
		Instances []instance `json:"instances"`
	}
	var c struct {
		Lineage   string         `json:"lineage"`
		Outputs   map[string]any `json:"outputs"`
		Resources []resource     `json:"resources"`
	}
	dec := json.NewDecoder(bytes.NewReader(state))
	dec.UseNumber()
	if dec.Decode(&c) != nil {
		return nil
	}
	if !lineage {
		c.Lineage = ""
	}
	form := func(v any) string {
		b, _ := json.Marshal(v) // of what was decoded; keys are sorted
		return string(b)
	}
	var all []string
	for _, r := range c.Resources {
		var instances []string
		for _, i := range r.Instances {
			slices.Sort(i.Dependencies)
			instances = append(instances, form(i))
		}
		slices.Sort(instances)
		r.Instances = nil
		all = append(all, form(r)+form(instances))
	}
	slices.Sort(all)
	if len(c.Outputs) == 0 {
		c.Outputs = nil
	}
	for _, o := range c.Outputs {
		if m, ok := o.(map[string]any); ok && m["sensitive"] == false {
			delete(m, "sensitive")
		}
	}
	return []byte(form([]any{c.Lineage, c.Outputs, all}))
}
