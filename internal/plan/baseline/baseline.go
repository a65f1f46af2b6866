package baseline

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
)

// Baseline is what a run of tfops left. It holds secrets in plain text, so it is in memory or encrypted.
type Baseline struct {
	Serial  uint64            `json:"serial"`
	Lineage string            `json:"lineage"`
	State   map[string]Object `json:"state"`
	Outputs map[string]output `json:"outputs"`
	Looked  bool              `json:"looked"` // the world was looked at, too
	// World are the instances that differed from the state then; one without attributes was gone.
	World map[string]Object `json:"world,omitempty"`
	// Settled are the outputs as they come to in that world, where that is not what the state has.
	Settled map[string]json.RawMessage `json:"settled,omitempty"`
}

// Of is a state as it was left, of which nobody has looked at the world.
func Of(s *State) *Baseline {
	return &Baseline{Serial: s.Serial, Lineage: s.Lineage, State: s.objects(), Outputs: s.Outputs}
}

// Seen is a state as it was left, with the world as it was found then.
func Seen(found, refreshed *State) *Baseline {
	b := Of(found)
	b.Looked, b.World = true, map[string]Object{}
	world := refreshed.objects()
	for key, was := range b.State {
		if is, there := world[key]; !there || len(differing(was, is)) > 0 {
			b.World[key] = is
		}
	}
	return b
}

// Moved reports whether the world, or an output, was not what the state has.
func (b *Baseline) Moved() bool { return len(b.World) > 0 }

// ReadOutputs takes the outputs as they come to from raw, the JSON of the plan that looked.
func (b *Baseline) ReadOutputs(raw []byte) error {
	var doc struct {
		Changes map[string]struct {
			After json.RawMessage `json:"after"`
		} `json:"output_changes"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return err
	}
	b.Settled = map[string]json.RawMessage{}
	for name, c := range doc.Changes {
		if !same(c.After, b.Outputs[name].Value) {
			b.Settled[name] = c.After
		}
	}
	return nil
}

// maxUnpacked bounds how much is read of a baseline.
const maxUnpacked = 1 << 30

// Pack writes a baseline as it is kept.
func (b *Baseline) Pack() ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if err := errors.Join(json.NewEncoder(w).Encode(b), w.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Unpack reads what Pack wrote; nil where there is none, or it cannot be read: then nothing is known.
func Unpack(packed []byte) *Baseline {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	b := &Baseline{}
	if json.NewDecoder(io.LimitReader(r, maxUnpacked)).Decode(b) != nil || b.State == nil {
		return nil
	}
	return b
}

// differing are the attributes at the top level at which two objects differ.
func differing(a, b Object) map[string]bool {
	out := map[string]bool{}
	for name, v := range a.Attributes {
		if w, both := b.Attributes[name]; !both || !same(v, w) {
			out[name] = true
		}
	}
	for name := range b.Attributes {
		if _, both := a.Attributes[name]; !both {
			out[name] = true
		}
	}
	return out
}

// same reports whether two JSON values are the same, however they are written.
func same(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// like reports whether an object is as another one at some attributes.
func (o Object) like(other Object, names map[string]bool) map[string]bool {
	out := maps.Clone(names)
	for name := range names {
		if !same(o.Attributes[name], other.Attributes[name]) {
			delete(out, name)
		}
	}
	return out
}
