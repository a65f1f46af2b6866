package codify_test

import (
	"encoding/json"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/codify"
	"github.com/tfops/tfops/internal/drift/codify/hclsource"
	"github.com/tfops/tfops/internal/plan"
)

// Whatever the source is, the answer is a proposal or an error, and an edited
// file can be parsed.
func FuzzPropose(f *testing.F) {
	for _, c := range layouts {
		f.Add(open+c.before+shut, "v = 1\n", "t.r", "x", `1`, `{"a":[1,"b",null]}`)
	}
	for _, c := range refusals {
		f.Add(mainOf(c.repo), "a = 1\n", "t.r", "l[1].p", `2`, `null`)
	}
	for _, c := range wholes {
		f.Add(open+c.before+shut, "v = 1\n", "t.r", "", c.applied, c.world)
	}
	f.Fuzz(func(t *testing.T, main, values, address, path, was, want string) {
		c := codify.Change{Path: path}
		_ = json.Unmarshal([]byte(was), &c.Was) // otherwise it is nil
		_ = json.Unmarshal([]byte(want), &c.Want)
		repo := fstest.MapFS{"d/main.tf": {Data: []byte(main)}, "d/a.auto.tfvars": {Data: []byte(values)}}
		s := hclsource.Source{Tree: repo, Dir: "d"}
		for i, propose := range []func() (codify.Proposal, error){
			func() (codify.Proposal, error) { return codify.Propose(s, address, []codify.Change{c}) },
			func() (codify.Proposal, error) { return codify.ProposeRemoval(s, address) },
			func() (codify.Proposal, error) {
				d := drift.Difference{Address: address, Class: drift.Changed,
					Attributes: []drift.Attribute{{Path: path}}}
				outside := plan.Change{Address: address, Action: plan.Update, Before: c.Was, After: c.Want,
					Blocks: []string{"b", "b.bin", "bone"}}
				return codify.ForDifference(s, d, &plan.Plan{Drift: []plan.Change{outside}})
			},
		} {
			p, err := propose()
			if err != nil {
				continue
			}
			if i < 2 && len(p.Done)+len(p.Refused) != 1 || (len(p.Files) == 0) != (p.Diff == "") {
				t.Errorf("%+v", p)
			}
			for name, edit := range p.Files {
				if _, diags := hclsyntax.ParseConfig(edit.After, name, hcl.InitialPos); diags.HasErrors() {
					t.Errorf("%s: %v\n%s", name, diags, edit.After)
				}
			}
		}
	})
}

// mainOf is the root module's file; nothing without one.
func mainOf(repo string) string {
	if f := tree(repo)["d/main.tf"]; f != nil {
		return string(f.Data)
	}
	return ""
}
