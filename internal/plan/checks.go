package plan

import tfjson "github.com/hashicorp/terraform-json"

// checks lists the results of every instance of what was checked; what has no
// instance (count = 0, or never reached) is listed once.
func checks(list []tfjson.CheckResultStatic) []Check {
	out := []Check{}
	for _, obj := range list {
		kind := string(obj.Address.Kind)
		if len(obj.Instances) == 0 {
			out = append(out, Check{Address: obj.Address.ToDisplay, Kind: kind, Status: string(obj.Status)})
			continue
		}
		for _, inst := range obj.Instances {
			c := Check{Address: inst.Address.ToDisplay, Kind: kind, Status: string(inst.Status)}
			if c.Address == "" {
				c.Address = obj.Address.ToDisplay
			}
			for _, p := range inst.Problems {
				c.Problems = append(c.Problems, p.Message)
			}
			out = append(out, c)
		}
	}
	return out
}

func invocations(list []*tfjson.ActionInvocation) []Invocation {
	var out []Invocation
	for _, a := range list {
		if a == nil {
			continue
		}
		v := Invocation{Address: a.Address, Type: a.Type}
		if a.LifecycleActionTrigger != nil {
			v.Trigger = a.LifecycleActionTrigger.TriggeringResourceAddress
		}
		out = append(out, v)
	}
	return out
}
