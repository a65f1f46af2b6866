package baseline

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/tfops/tfops/internal/plan/values"
)

// Known is what a plan is held against: what runs left, and the states that it stands on.
type Known struct {
	Left     *Baseline // by the last run that ended well; nil: not known
	Half     *Baseline // by the last run that ended halfway since; nil: none has, or it is not known
	Found    *State    // the state as the plan found it
	InWorld  *State    // and as the world is
	objects  map[string]Object
	world    map[string]Object
	halfDone map[string]Object
}

// Since is what became of state and world, in the form of plan JSON: what was left is before, what is now
// after. It tells of what a plan is about and of nothing else.
type Since struct {
	Elsewhere []*tfjson.ResourceChange // what neither run left in the state
	Half      []*tfjson.ResourceChange // what the run that ended halfway left there
	World     []*tfjson.ResourceChange // what differs in the world, held against the world that was left
	// the same of outputs, and those that are what the world that was left makes them
	ElsewhereOutputs, HalfOutputs map[string]*tfjson.Change
	Settled                       []string
}

// Usable reports whether anything can be told.
func (k *Known) Usable() bool {
	return k != nil && k.Left != nil && k.Found != nil && k.InWorld != nil && k.Left.Lineage == k.Found.Lineage
}

// Since holds a plan against what was left.
func (k *Known) Since(planned, drifted []*tfjson.ResourceChange, outputs map[string]*tfjson.Change) Since {
	k.objects, k.world, k.halfDone = k.Found.objects(), k.InWorld.objects(), map[string]Object{}
	if k.Half != nil {
		k.halfDone = k.Half.State
	}
	s := Since{ElsewhereOutputs: map[string]*tfjson.Change{}, HalfOutputs: map[string]*tfjson.Change{}}
	outside := map[string]*tfjson.ResourceChange{}
	for _, rc := range drifted {
		if managed(rc) {
			outside[Key(rc.Address, rc.DeposedKey)] = rc
			if w := k.settled(rc); w != nil {
				s.World = append(s.World, w)
			}
		}
	}
	for _, rc := range planned {
		if managed(rc) && !rc.Change.Actions.NoOp() {
			s.state(k, rc, outside[Key(rc.Address, rc.DeposedKey)])
		}
	}
	for name, c := range outputs {
		s.output(k, name, c)
	}
	slices.Sort(s.Settled)
	return s
}

func managed(rc *tfjson.ResourceChange) bool {
	return rc != nil && rc.Change != nil && rc.Mode == tfjson.ManagedResourceMode
}

// settled is what differs in the world of an instance that was left, where the world differed then already;
// nil where it did not.
func (k *Known) settled(rc *tfjson.ResourceChange) *tfjson.ResourceChange {
	key := Key(rc.Address, rc.DeposedKey)
	then, moved := k.Left.World[key]
	left, there := k.Left.State[key]
	now, is := k.objects[key], k.world[key]
	if !k.Left.Looked || !moved || !there {
		return nil
	}
	if _, still := k.world[key]; then.Attributes == nil { // it was gone
		if still || len(differing(left, now)) > 0 {
			return nil
		}
		return change(rc, tfjson.ActionNoop, rc.Change.Before, rc.Change.Before, k.masks(key, rc))
	}
	before, _ := rc.Change.Before.(map[string]any)
	after, _ := rc.Change.After.(map[string]any)
	if before == nil || after == nil {
		return nil
	}
	was, same := maps.Clone(before), true
	asLeft := now.like(left, differing(left, then))
	for name := range differing(now, is) {
		switch {
		case !asLeft[name]:
			same = false
		case len(is.like(then, map[string]bool{name: true})) == 1:
			was[name] = after[name]
		default:
			was[name], same = plain(then.Attributes[name], is.Attributes[name], after[name]), false
		}
	}
	action := tfjson.ActionUpdate
	if same {
		action = tfjson.ActionNoop
	}
	return change(rc, action, was, after, k.masks(key, rc))
}

// state notes what differs in the state of an instance that a plan acts upon; outside is how it differs in the
// world, which may be nil.
func (s *Since) state(k *Known, rc, outside *tfjson.ResourceChange) {
	key := Key(rc.Address, rc.DeposedKey)
	if rc.PreviousAddress != "" {
		key = Key(rc.PreviousAddress, rc.DeposedKey)
	}
	left, was := k.Left.State[key]
	now, is := k.objects[key]
	half, halfIs := k.halfDone[key]
	to := &s.Elsewhere
	switch {
	case !was && !is:
		return
	case was != is:
		if k.Half != nil && halfIs == is {
			to = &s.Half
		}
		action := tfjson.ActionCreate
		if was {
			action = tfjson.ActionDelete
		}
		*to = append(*to, change(rc, action, nil, nil, nil))
		return
	}
	names := differing(left, now)
	byHalf := map[string]bool{}
	if halfIs {
		byHalf = now.like(half, names)
	}
	maps.DeleteFunc(names, func(name string, _ bool) bool { return byHalf[name] })
	tainted := left.Tainted != now.Tainted
	halfTainted := tainted && halfIs && half.Tainted == now.Tainted
	json := rc.Change.Before
	if outside != nil {
		json = outside.Change.Before
	}
	value, _ := json.(map[string]any)
	if c := k.moved(key, rc, outside, value, names, tainted && !halfTainted); c != nil {
		s.Elsewhere = append(s.Elsewhere, c)
	}
	if c := k.moved(key, rc, outside, value, byHalf, halfTainted); c != nil {
		s.Half = append(s.Half, c)
	}
}

// moved is a change of some attributes in the state, of which value is what they are now; nil for none.
func (k *Known) moved(key string, rc, outside *tfjson.ResourceChange, value map[string]any, names map[string]bool,
	tainted bool) *tfjson.ResourceChange {
	if len(names) == 0 && !tainted || value == nil {
		return nil
	}
	was := maps.Clone(value)
	for name := range names {
		was[name] = plain(k.Left.State[key].Attributes[name], k.objects[key].Attributes[name], value[name])
	}
	return change(rc, tfjson.ActionUpdate, was, value, k.masks(key, rc, outside))
}

// output notes what differs of an output in the state, and what the world that was left makes of it.
func (s *Since) output(k *Known, name string, c *tfjson.Change) {
	if c == nil || c.Actions.NoOp() {
		return
	}
	left, now := k.Left.Outputs[name], k.Found.Outputs[name]
	if same(left.Value, now.Value) {
		if then, moved := k.Left.Settled[name]; moved && values.Equal(decoded(then), c.After) {
			s.Settled = append(s.Settled, name)
		}
		return
	}
	hidden := left.Sensitive || now.Sensitive || values.AnyTrue(c.BeforeSensitive) || values.AnyTrue(c.AfterSensitive)
	is := &tfjson.Change{Actions: tfjson.Actions{tfjson.ActionUpdate}, Before: decoded(left.Value), After: c.Before,
		BeforeSensitive: hidden, AfterSensitive: hidden}
	if k.Half != nil && same(k.Half.Outputs[name].Value, now.Value) {
		s.HalfOutputs[name] = is
		return
	}
	s.ElsewhereOutputs[name] = is
}

// masks hide, as a whole, the attributes at the top level in which anything is sensitive: what was left need
// not have the shape of what is there now.
func (k *Known) masks(key string, of ...*tfjson.ResourceChange) map[string]any {
	mask := map[string]any{}
	for _, o := range []Object{k.Left.State[key], k.objects[key], k.halfDone[key]} {
		for _, name := range o.Hidden {
			mask[name] = true
		}
	}
	for _, rc := range of {
		if rc == nil {
			continue
		}
		for _, m := range []any{rc.Change.BeforeSensitive, rc.Change.AfterSensitive} {
			within, ok := m.(map[string]any)
			if !ok && values.AnyTrue(m) {
				return nil // all of it is hidden, since such a mask fits no object
			}
			for name, v := range within {
				if values.AnyTrue(v) {
					mask[name] = true
				}
			}
		}
	}
	return mask
}

// change is of the instance of rc. A mask that is nil hides all of it.
func change(rc *tfjson.ResourceChange, action tfjson.Action, before, after any,
	mask map[string]any) *tfjson.ResourceChange {
	of := *rc
	of.PreviousAddress, of.ActionReason = "", ""
	var hides any = true
	if mask != nil {
		hides = mask
	}
	of.Change = &tfjson.Change{Actions: tfjson.Actions{action}, Before: before, After: after, BeforeSensitive: hides,
		AfterSensitive: hides, AfterUnknown: map[string]any{}}
	return &of
}

// plain is a value of a state as plan JSON writes it. A state says the type of a value beside it where the
// schema does not; is and shown are the same value in both forms, which tells.
func plain(raw, is json.RawMessage, shown any) any {
	v, twin := decoded(raw), decoded(is)
	if values.Equal(twin, shown) {
		return v
	}
	return untyped(v)
}

// untyped takes the types out of a value.
func untyped(v any) any {
	switch v := v.(type) {
	case map[string]any:
		_, typed := v["type"]
		if inner, ok := v["value"]; ok && typed && len(v) == 2 {
			return inner
		}
		out := map[string]any{}
		for name, e := range v {
			out[name] = untyped(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = untyped(e)
		}
		return out
	}
	return v
}

// decoded is a JSON value with its numbers as they are written; nil for none.
func decoded(raw json.RawMessage) (v any) {
	if len(raw) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return nil
	}
	return v
}
