package plan

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/plan/values"
)

// Unseen is something of the configuration that a plan cannot hold against
// the world.
type Unseen struct {
	Address  string `json:"address"`            // of the resource, without instance keys
	Argument string `json:"argument,omitempty"` // a write-only argument; empty: an ephemeral resource as a whole
}

// configured is what the configuration in plan JSON sets of one resource.
type configured struct {
	mode  string
	names []string        // arguments and blocks at the top level, sorted
	fixed map[string]bool // those that are set to a constant which is not null
}

// resources lists what the configuration sets, by address without instance keys.
func (c configuration) resources() map[string]configured {
	found := map[string]configured{}
	c.RootModule.resources("", found)
	return found
}

func (m *configModule) resources(prefix string, found map[string]configured) {
	for _, r := range m.Resources {
		expressions := map[string]json.RawMessage{}
		if len(r.Expressions) > 0 && json.Unmarshal(r.Expressions, &expressions) != nil {
			continue // what cannot be read is as if nothing were set
		}
		c := configured{mode: r.Mode, names: slices.Sorted(maps.Keys(expressions)), fixed: map[string]bool{}}
		for name, raw := range expressions {
			var e struct {
				Constant json.RawMessage `json:"constant_value"`
			}
			if json.Unmarshal(raw, &e) == nil && len(e.Constant) > 0 && string(e.Constant) != "null" {
				c.fixed[name] = true
			}
		}
		found[prefix+r.Address] = c
	}
	for name, call := range m.ModuleCalls {
		if call.Module != nil {
			call.Module.resources(prefix+"module."+name+".", found)
		}
	}
}

// unseen lists what no plan of this configuration can see. An argument is
// write-only when it is set and yet null in what the engine plans: the schema,
// which would tell, is not in plan JSON. Where it is set by an expression,
// which may itself be null, the name has to end as providers end such names.
func (d *document) unseen(resources map[string]configured) []Unseen {
	found := map[Unseen]bool{}
	for address, c := range resources {
		if c.mode == "ephemeral" {
			found[Unseen{Address: address}] = true
		}
	}
	for _, rc := range d.ResourceChanges {
		if rc == nil || rc.Change == nil || rc.Mode != "managed" {
			continue
		}
		address := values.WithoutKeys(rc.Address)
		c, ok := resources[address]
		after, isObject := rc.Change.After.(map[string]any)
		if !ok || !isObject {
			continue
		}
		unknown, _ := rc.Change.AfterUnknown.(map[string]any)
		for _, name := range c.names {
			v, has := after[name]
			if has && v == nil && !values.AnyTrue(unknown[name]) && (c.fixed[name] || strings.HasSuffix(name, "_wo")) {
				found[Unseen{address, name}] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b Unseen) int {
		return strings.Compare(a.Address+"\x00"+a.Argument, b.Address+"\x00"+b.Argument)
	})
}

// managed counts the resource instances that the plan held against the world:
// those that were there before it.
func (d *document) managed() int {
	n := 0
	for _, rc := range d.ResourceChanges {
		if rc != nil && rc.Change != nil && rc.Mode == "managed" && rc.Change.Before != nil {
			n++
		}
	}
	for _, rc := range d.ResourceDrift { // what is gone was compared too, and is planned as new
		if rc != nil && rc.Change != nil && rc.Change.After == nil {
			n++
		}
	}
	return n
}
