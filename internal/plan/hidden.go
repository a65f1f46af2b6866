package plan

import (
	"encoding/json"
	"slices"

	"github.com/tfops/tfops/internal/plan/values"
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
		Mode            string          `json:"mode"`
		Values          json.RawMessage `json:"values"`
		SensitiveValues json.RawMessage `json:"sensitive_values"`
	} `json:"resources"`
	ChildModules []priorModule `json:"child_modules"`
}

// hidden lists what the engine calls sensitive: what masks hid in the changes,
// sensitive variables, and what data sources read. Short values are left out,
// since they would be found in anything.
func (d *document) hidden(found []string) []string {
	all := d.PriorState.Values.RootModule.hidden(d.sensitiveVariables(slices.Clone(found)))
	all = slices.DeleteFunc(all, func(v string) bool { return len(v) < values.WholeLength })
	slices.SortFunc(all, values.LongestFirst)
	return slices.Compact(all)
}

// sensitiveVariables adds the values of variables that the configuration calls
// sensitive to list.
func (d *document) sensitiveVariables(list []string) []string {
	for name, v := range d.Variables {
		if v != nil && d.Configuration.sensitiveVariable(name) {
			list = values.Texts(v.Value, list)
		}
	}
	return list
}

func (m priorModule) hidden(list []string) []string {
	for _, r := range m.Resources {
		if r.Mode != "data" || len(r.SensitiveValues) == 0 {
			continue // the values of the others are among the changes
		}
		var v, mask any
		if exact(r.Values, &v) != nil || exact(r.SensitiveValues, &mask) != nil {
			continue // it was valid as a part of the whole, so this cannot be
		}
		red := values.Redactor{}
		red.Redact(values.Sides{After: v, AfterMask: mask})
		list = append(list, red.Found...)
	}
	for _, c := range m.ChildModules {
		list = c.hidden(list)
	}
	return list
}
