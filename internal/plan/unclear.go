package plan

import (
	"maps"
	"slices"
)

// unclear lists the providers whose schema tells what in the plan is sensitive: a mask says
// true of something that holds more than one value.
func (d *document) unclear() []string {
	found := map[string]bool{}
	note := func(provider string, v, mask any) {
		if provider != BuiltinProvider && !found[provider] && wholly(v, mask) {
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

// wholly reports whether a mask says true of an object or of a list of them.
func wholly(v, mask any) bool {
	switch v := v.(type) {
	case map[string]any:
		if mask == true {
			return len(v) > 0
		}
		m, _ := mask.(map[string]any)
		for key, sub := range m {
			if wholly(v[key], sub) {
				return true
			}
		}
	case []any:
		if mask == true {
			return slices.ContainsFunc(v, func(e any) bool { return wholly(e, true) })
		}
		m, _ := mask.([]any)
		for i := range min(len(m), len(v)) {
			if wholly(v[i], m[i]) {
				return true
			}
		}
	}
	return false
}
