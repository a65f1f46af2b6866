package plan

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/plan/baseline"
	"github.com/tfops/tfops/internal/plan/values"
)

// document is what is read of plan JSON. The rest (planned values, prior values
// of managed resources, the whole configuration) repeats the same values,
// secrets included, and is never decoded.
type document struct {
	FormatVersion     string                           `json:"format_version"`
	EngineVersion     string                           `json:"terraform_version"`
	Variables         map[string]*tfjson.PlanVariable  `json:"variables"` // only to know the secrets among them
	ResourceChanges   []*tfjson.ResourceChange         `json:"resource_changes"`
	ResourceDrift     []*tfjson.ResourceChange         `json:"resource_drift"`
	DeferredChanges   []*tfjson.DeferredResourceChange `json:"deferred_changes"`
	OutputChanges     map[string]*tfjson.Change        `json:"output_changes"`
	Checks            []tfjson.CheckResultStatic       `json:"checks"`
	Relevant          []relevant                       `json:"relevant_attributes"` // what the plan stands on
	ActionInvocations []*tfjson.ActionInvocation       `json:"action_invocations"`
	Configuration     configuration                    `json:"configuration"`
	// to know the secrets among what data sources read, and what depends on what
	PriorState priorState `json:"prior_state"`

	// Not every engine and version writes these; absent is not false.
	Complete  *bool `json:"complete"`
	Applyable *bool `json:"applyable"`
	Errored   *bool `json:"errored"`
}

// Known is what somebody knows of secrets who reads a plan.
type Known struct {
	// Schemas tells what providers say of their types: what is sensitive, what is a map, a set, a block. It is
	// called with those providers of which the plan shows something, or whose masks alone do not
	// tell: where a mask is true of a whole object. Of a provider that is
	// not in the answer everything in such an object counts as sensitive, unless the plan shows
	// it where the configuration sets it, and how something is written is guessed. May be nil.
	Schemas func(providers []string) values.Schemas
	// Earlier is what earlier plans hid: Read's hidden. A plan may show it where it is not
	// marked any more.
	Earlier []string
	// Left is what runs left of the state; it may be nil.
	Left *baseline.Known
}

// Read reads the plan from raw, the output of `terraform show -json` or `tofu
// show -json` for a saved plan, and redacts it. digest is the Digest of the
// plan file. The error is a fault and repeats nothing of raw's values.
//
// What an engine does not write is derived: without "applyable" a plan that
// changes something and did not fail can be applied; without "complete" a
// plan is complete unless it defers something.
//
// known may be empty. hidden is what the engine calls sensitive in raw, longest first: in plain
// text, so that it can be masked in what the engine and its providers print. Values of less than
// eight bytes are left out.
func Read(raw []byte, digest string, known Known) (p *Plan, hidden []string, err error) {
	doc, err := decode(raw)
	if err != nil {
		return nil, nil, err
	}
	r := &reading{blocks: doc.Configuration.blocks(), configured: doc.Configuration.resources(), known: known}
	if asked := doc.asked(); len(asked) > 0 && known.Schemas != nil {
		r.schemas = known.Schemas(asked)
	}
	return r.plan(doc, digest)
}

func (r *reading) plan(doc *document, digest string) (p *Plan, hidden []string, err error) {
	p = &Plan{FormatVersion: FormatVersion, EngineVersion: doc.EngineVersion, Digest: digest,
		Changes: []Change{}, Drift: []Change{}, Outputs: []Output{}, Checks: []Check{}}
	if p.Changes, err = r.changes(doc.ResourceChanges, concerns); err != nil {
		return nil, nil, err
	}
	if p.Drift, err = r.changes(doc.ResourceDrift, differs); err != nil {
		return nil, nil, err
	}
	doc.stands(p.Drift)
	if p.Deferred, err = r.deferred(doc.DeferredChanges); err != nil {
		return nil, nil, err
	}
	if p.Outputs, err = r.outputs(doc.OutputChanges); err != nil {
		return nil, nil, err
	}
	if p.Since, err = r.since(doc); err != nil {
		return nil, nil, err
	}
	p.Checks = checks(doc.Checks)
	p.Invocations = invocations(doc.ActionInvocations)
	doc.dependencies(p)
	p.Compared, p.Unseen = doc.managed(), doc.unseen(r.configured)
	r.prior(doc.PriorState.Values.RootModule)
	found := r.seeds(doc)
	r.hideCopies(p, found.plan)

	p.Counts = count(p.Changes, p.Outputs)
	p.Errored = doc.Errored != nil && *doc.Errored
	p.Complete = len(p.Deferred) == 0 && (doc.Complete == nil || *doc.Complete)
	p.Applyable = !p.Errored && p.HasChanges()
	if doc.Applyable != nil {
		p.Applyable = *doc.Applyable
	}
	p.Destroy = destroys(p.Changes)
	return p, found.log, nil
}

// decode reads raw without losing the precision of numbers.
func decode(raw []byte) (*document, error) {
	const next = "make the plan again; if it fails again, check that the engine's version is one that tfops supports"
	doc := &document{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(doc); err != nil {
		return nil, fault.New(fault.Invalid, next, "the engine's plan JSON cannot be read: %s",
			values.DecodeProblem(err))
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fault.New(fault.Invalid, next, "the engine's plan JSON cannot be read: something follows its end")
	}
	if err := (&tfjson.Plan{FormatVersion: doc.FormatVersion}).Validate(); err != nil {
		return nil, fault.New(fault.Invalid, "use an engine whose plan format tfops supports ("+
			tfjson.PlanFormatVersionConstraints+")",
			"the engine's plan JSON has format version %q, which tfops does not know", doc.FormatVersion)
	}
	return doc, nil
}

// reading is what the parts of one Read share.
type reading struct {
	blocks     values.Blocks
	configured map[string]configured
	known      Known
	schemas    values.Schemas
	redactor   values.Redactor
	outputsHid values.Hid // what was hidden in outputs
	shown      []shown
	originals  []original // of every change, for what is lost by hiding copies
}

// original remembers what a change was before it was redacted.
type original struct {
	values values.Sides
	found  []string // marked in it
	loose  []string // in something in it that is marked as a whole
}

func (r *reading) changes(list []*tfjson.ResourceChange, keep func(*Change) bool) ([]Change, error) {
	out := []Change{}
	for _, rc := range list {
		if rc == nil || rc.Change == nil || rc.Mode == "ephemeral" {
			continue // an ephemeral resource is opened and closed: it changes nothing
		}
		c, o, err := r.change(rc)
		if err != nil {
			return nil, err
		}
		if keep(&c) {
			out = append(out, c)
			r.originals = append(r.originals, o)
		}
	}
	return out, nil
}

// concerns reports whether a planned change belongs into Plan.Changes.
func concerns(c *Change) bool {
	return c.Action != NoOp || c.PreviousAddress != "" || c.ImportID != ""
}

// differs reports whether an entry of resource_drift tells of a difference: a
// move alone is listed there too.
func differs(c *Change) bool { return c.Action != NoOp }

func (r *reading) change(rc *tfjson.ResourceChange) (Change, original, error) {
	tc := rc.Change
	action, first, err := actionOf(tc.Actions, rc.Address)
	if err != nil {
		return Change{}, original{}, err
	}
	marked, loose := len(r.redactor.Found), len(r.redactor.Loose)
	was := sidesOf(tc)
	r.redactor.Schema = r.schemas.Of(rc.ProviderName, string(rc.Mode), rc.Type)
	red := r.redactor.Redact(was)
	c := Change{
		Address: rc.Address, Module: rc.ModuleAddress, Mode: string(rc.Mode), Type: rc.Type, Name: rc.Name,
		Provider: rc.ProviderName, Deposed: rc.DeposedKey, Action: action, CreateFirst: first,
		Reason: string(rc.ActionReason),
		Before: red.Before, After: red.After, Unknown: values.Trim(red.Unknown),
		ReplacePaths: values.Paths(tc.ReplacePaths, red),
	}
	if rc.PreviousAddress != rc.Address {
		c.PreviousAddress = rc.PreviousAddress
	}
	if tc.Importing != nil {
		c.ImportID = importID(tc.Importing)
	}
	builtin := c.Provider == BuiltinProvider
	if c.Blocks = r.blocks.Of(c.Type, builtin, c.Before, c.After); !builtin {
		c.Layout.Schema = r.redactor.Schema.Met(c.Before, c.After, c.Unknown)
		c.Layout.HiddenSets = values.HiddenSets(was, r.redactor.Schema)
	}
	c.Layout.Marked, c.Layout.Unmarked = values.Remarked("", was)
	of := r.configured[values.WithoutKeys(c.Address)]
	c.Configured = of.names
	if action == Create {
		c.Causes.Constant = slices.Sorted(maps.Keys(of.fixed))
	}
	names := append([]string{}, c.Configured...) // never nil, which would be all
	r.shown = append(r.shown, shown{red.Before, names}, shown{red.After, names})
	return c, original{was, r.redactor.Found[marked:], r.redactor.Loose[loose:]}, nil
}

func sidesOf(c *tfjson.Change) values.Sides {
	return values.Sides{Before: c.Before, After: c.After, Unknown: c.AfterUnknown,
		BeforeMask: c.BeforeSensitive, AfterMask: c.AfterSensitive}
}

// importID is what names the object that is imported: its ID, or its identity
// as JSON where the provider uses one.
func importID(i *tfjson.Importing) string {
	if i.ID != "" {
		return i.ID
	}
	if i.Identity != nil {
		if b, err := json.Marshal(i.Identity); err == nil {
			return string(b)
		}
	}
	return "(known after apply)"
}

// actionOf reads the engine's list of actions. An action that is not known
// here is an error: a plan that is only half understood must not be approved.
func actionOf(list tfjson.Actions, address string) (a Action, createFirst bool, err error) {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = string(s)
	}
	switch joined := strings.Join(names, ","); joined {
	case "no-op", "create", "read", "update", "delete", "forget":
		return Action(joined), false, nil
	case "delete,create":
		return Replace, false, nil
	case "create,delete", "create,forget":
		return Replace, true, nil
	case "forget,create":
		return Replace, false, nil
	default:
		return "", false, fault.New(fault.Invalid, "update tfops, or use an engine of a version that it supports",
			"the plan does %q to %s, which tfops does not know", joined, address)
	}
}

type relevant struct {
	Resource  string `json:"resource"`
	Attribute []any  `json:"attribute"`
}

// stands notes what of drift the plan stands on.
func (d *document) stands(drift []Change) {
	of := map[string][][]any{}
	for _, a := range d.Relevant {
		of[a.Resource] = append(of[a.Resource], a.Attribute)
	}
	for i := range drift {
		c := &drift[i]
		for _, steps := range of[c.Address] {
			path := values.PathText(steps, values.Sides{Before: c.Before, After: c.After})
			c.Layout.Relevant = append(c.Layout.Relevant, path)
		}
	}
}

func (r *reading) deferred(list []*tfjson.DeferredResourceChange) ([]Change, error) {
	var out []Change
	for _, d := range list {
		if d == nil || d.ResourceChange == nil {
			continue
		}
		changes, err := r.changes([]*tfjson.ResourceChange{d.ResourceChange}, func(*Change) bool { return true })
		if err != nil {
			return nil, err
		}
		for _, c := range changes {
			c.Reason = d.Reason
			out = append(out, c)
		}
	}
	return out, nil
}

func (r *reading) outputs(list map[string]*tfjson.Change) ([]Output, error) {
	out := []Output{}
	redactor := values.Redactor{Hid: r.outputsHid}
	for _, name := range slices.Sorted(maps.Keys(list)) {
		c := list[name]
		if c == nil {
			continue
		}
		action, _, err := actionOf(c.Actions, "output."+name)
		if err != nil {
			return nil, err
		}
		red := redactor.Redact(sidesOf(c))
		r.shown = append(r.shown, shown{value: red.Before}, shown{value: red.After})
		if action == NoOp {
			continue
		}
		out = append(out, Output{Name: name, Action: action, Before: red.Before, After: red.After,
			Sensitive: c.BeforeSensitive == true || c.AfterSensitive == true, Unknown: values.Trim(red.Unknown)})
	}
	r.outputsHid = redactor.Hid
	return out, nil
}

// hideCopies hides what is marked wherever else it stands, and notes the
// differences that no reader can see any more.
func (r *reading) hideCopies(p *Plan, marked []string) {
	s := values.MarkedSecrets(marked)
	all := map[string]bool{}
	for _, v := range marked {
		all[v] = true
	}
	i := 0
	for _, list := range p.lists() {
		for j := range list {
			o := r.originals[i]
			i++
			c := &list[j]
			near := slices.DeleteFunc(slices.Concat(o.found, o.loose), func(v string) bool { return !all[v] })
			maskChange(s.Near(near), c)
			c.noteChanged(values.Lost("", o.values, values.Sides{Before: c.Before, After: c.After}))
		}
	}
	for _, list := range p.outputLists() {
		for i := range list {
			list[i].Before, list[i].After = s.Value(list[i].Before), s.Value(list[i].After)
		}
	}
	for i := range p.Checks {
		c := &p.Checks[i]
		c.Address, c.Problems = s.Address(c.Address), s.All(c.Problems)
	}
}

// destroys reports whether the changes are those of a plan made with -destroy,
// which plan JSON does not say: everything is deleted, and the engine gives no
// reason, where otherwise it names what is missing from the configuration.
func destroys(changes []Change) bool {
	deletes := 0
	for _, c := range changes {
		if c.Action == ReadData {
			continue
		}
		if c.Action != Delete || c.Reason != "" {
			return false
		}
		deletes++
	}
	return deletes > 0
}
