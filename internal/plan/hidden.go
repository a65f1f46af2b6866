package plan

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/tfops/tfops/internal/plan/values"
	"github.com/tfops/tfops/internal/redact"
)

// priorState is the state that a plan starts from, with what its data sources
// have read.
type priorState struct {
	Values struct {
		RootModule priorModule `json:"root_module"`
	} `json:"values"`
}

type priorModule struct {
	Resources []struct {
		Address         string          `json:"address"`
		DependsOn       []string        `json:"depends_on"`
		Mode            string          `json:"mode"`
		Type            string          `json:"type"`
		Provider        string          `json:"provider_name"`
		Values          json.RawMessage `json:"values"`
		SensitiveValues json.RawMessage `json:"sensitive_values"`
	} `json:"resources"`
	ChildModules []priorModule `json:"child_modules"`
}

// marked is what a plan marks as sensitive, by where it was met: that decides what else of the
// plan can tell that it is none.
type marked struct {
	resources values.Hid // in the changes, in what data sources read, and in variables
	outputs   values.Hid // in outputs: most of them are resources, whose own masks say more
}

// seeds are what is looked for elsewhere, as it is known from masks, the provider's schema and
// names. What the configuration has as a constant, and what is too common, is none; nor is
// what a mask of a whole object hid and the plan shows where the engine would have marked it.
type seeds struct {
	plan []string // in the plan
	log  []string // in what the engine and its providers print, longest first
}

// shown is what of a plan is not hidden: after the masks, and before copies are looked for.
type shown struct {
	value      any
	configured []string // the arguments that the configuration sets; nil: all of it
}

func (r *reading) seeds(doc *document) seeds {
	all := marked{resources: r.redactor.Hid, outputs: r.outputsHid}
	doc.sensitiveVariables(&all.resources)
	constants := doc.Configuration.constants()
	loose := slices.Concat(all.resources.Loose, all.outputs.Loose, all.resources.Open, all.outputs.Open)
	set, anywhere := map[string]bool{}, map[string]bool{}
	if len(loose) > 0 {
		set, anywhere = r.visible(doc, redact.NewFinder(loose))
	}
	without := func(list []string, public ...map[string]bool) []string {
		return slices.DeleteFunc(slices.Clone(list), func(v string) bool {
			return constants[v] || slices.ContainsFunc(public, func(p map[string]bool) bool { return p[v] })
		})
	}
	s := seeds{log: slices.Concat(without(all.resources.Found), without(all.outputs.Found),
		without(all.resources.Loose, set))}
	s.plan = slices.Concat(s.log, without(r.known.Earlier))
	s.log = slices.Concat(s.log, without(all.resources.Open, set, anywhere), without(all.outputs.Loose, set, anywhere),
		without(all.outputs.Open, set, anywhere))
	for _, v := range slices.Concat(all.resources.Found, all.outputs.Found) {
		if constants[v] && redact.Random(v) { // a password in the code is one all the same where it is printed
			s.log = append(s.log, v)
		}
	}
	s.log = slices.DeleteFunc(s.log, func(v string) bool {
		return len(v) < values.WholeLength || redact.Common(v)
	})
	slices.SortFunc(s.log, values.LongestFirst)
	s.log = slices.Compact(s.log)
	return s
}

// visible tells which texts stand in what is not hidden: in arguments that the configuration
// sets, in variables and in outputs, where the engine follows marks through every expression;
// and anywhere, where a provider may repeat what it was given.
func (r *reading) visible(doc *document, texts *redact.Finder) (set, anywhere map[string]bool) {
	set, anywhere = map[string]bool{}, map[string]bool{}
	note := func(v any, in map[string]bool) {
		for _, text := range values.Texts(v, nil) {
			texts.Each(text, func(found string) { in[found] = true })
		}
	}
	for _, s := range r.shown {
		note(s.value, anywhere)
		if s.configured == nil {
			note(s.value, set)
			continue
		}
		if m, ok := s.value.(map[string]any); ok {
			for _, name := range s.configured {
				note(m[name], set)
			}
		}
	}
	for name, v := range doc.Variables {
		if v != nil && !doc.Configuration.sensitiveVariable(name) {
			note(v.Value, set)
		}
	}
	return set, anywhere
}

// sensitiveVariables adds the values of variables that the configuration calls
// sensitive.
func (d *document) sensitiveVariables(hid *values.Hid) {
	for name, v := range d.Variables {
		if v != nil && d.Configuration.sensitiveVariable(name) {
			hid.Mark(v.Value, nil)
		}
	}
}

// prior takes in what data sources have read; the values of the others are among the changes.
func (r *reading) prior(m priorModule) {
	for _, res := range m.Resources {
		if res.Mode != "data" {
			continue
		}
		var v, mask any
		if exact(res.Values, &v) != nil || len(res.SensitiveValues) > 0 && exact(res.SensitiveValues, &mask) != nil {
			continue // it was valid as a part of the whole, so this cannot be
		}
		if mask == nil {
			mask = map[string]any{}
		}
		r.redactor.Schema = r.schemas.Of(res.Provider, res.Mode, res.Type)
		red := r.redactor.Redact(values.Sides{After: v, AfterMask: mask})
		r.shown = append(r.shown, shown{red.After, []string{}})
	}
	for _, c := range m.ChildModules {
		r.prior(c)
	}
}

// constants are the texts that the configuration has as constants, and the defaults of its
// variables: everybody who can read the code knows them.
func (c configuration) constants() map[string]bool {
	found := map[string]bool{}
	add := func(raw json.RawMessage, all bool) {
		var v any
		if len(raw) > 0 && exact(raw, &v) == nil {
			values.Constants(v, all, found)
		}
	}
	for _, raw := range c.Providers {
		add(raw, false)
	}
	var module func(m *configModule)
	module = func(m *configModule) {
		for _, res := range m.Resources {
			add(res.Expressions, false)
		}
		for _, v := range m.Variables {
			if !v.Sensitive { // whoever calls it sensitive says that its default is a secret in spite of that
				add(v.Default, true)
			}
		}
		for _, o := range m.Outputs {
			add(o.Expression, false)
		}
		for _, call := range m.ModuleCalls {
			add(call.Expressions, false)
			if call.Module != nil {
				module(call.Module)
			}
		}
	}
	module(&c.RootModule)
	return found
}

// asked lists the providers whose schema tells how something in the plan is written, or what is sensitive:
// a mask says true of something that holds more than one value.
func (d *document) asked() []string {
	found := map[string]bool{}
	note := func(provider string, v, mask any) {
		if provider != BuiltinProvider && !found[provider] && values.Wholly(v, mask) {
			found[provider] = true
		}
	}
	changes := slices.Concat(d.ResourceChanges, d.ResourceDrift)
	for _, deferred := range d.DeferredChanges {
		if deferred != nil {
			changes = append(changes, deferred.ResourceChange)
		}
	}
	for _, rc := range changes {
		if rc != nil && rc.Change != nil {
			if rc.ProviderName != BuiltinProvider && (!rc.Change.Actions.NoOp() ||
				rc.Change.Importing != nil || rc.PreviousAddress != "" && rc.PreviousAddress != rc.Address) {
				found[rc.ProviderName] = true
			}
			note(rc.ProviderName, rc.Change.Before, rc.Change.BeforeSensitive)
			note(rc.ProviderName, rc.Change.After, rc.Change.AfterSensitive)
		}
	}
	d.PriorState.Values.RootModule.unclear(note)
	return slices.Sorted(maps.Keys(found))
}

func (m priorModule) unclear(note func(provider string, v, mask any)) {
	for _, res := range m.Resources {
		var v, mask any
		if res.Mode == "data" && len(res.SensitiveValues) > 0 && exact(res.Values, &v) == nil &&
			exact(res.SensitiveValues, &mask) == nil {
			note(res.Provider, v, mask)
		}
	}
	for _, c := range m.ChildModules {
		c.unclear(note)
	}
}
