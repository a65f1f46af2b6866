package settings

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/workspace"
)

// governed is what says who must approve what of a workspace.
type governed struct {
	Name, Repository, Follow, Dir string
	Apply                         workspace.Apply
	Rules                         []string
}

// RulesDigest tells configurations apart in which other people may, or must, approve: it
// is made of the users, the groups, and what is to be approved of each workspace and generator.
func (s *Settings) RulesDigest() string {
	all := struct {
		People     approvals.People
		Workspaces []governed
		Generators []governed
	}{People: s.People}
	for _, d := range s.Config.Workspaces {
		all.Workspaces = append(all.Workspaces, governs(d))
	}
	for _, g := range s.Config.Generators {
		d, err := g.Make(workspace.Origin{Generator: g.Name, Branch: "main", Dir: "dir"})
		of := governs(d)
		of.Name = g.Name
		if err != nil { // it has no workspace for these: what it says is not known
			of.Rules = append(of.Rules, err.Error())
		}
		all.Generators = append(all.Generators, of)
	}
	b, err := json.Marshal(all)
	if err != nil { // there is nothing in it that JSON does not have
		return ""
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func governs(d fleet.Definition) governed {
	out := governed{Name: d.Name, Repository: d.Repository, Follow: d.Follow(), Dir: d.Dir, Apply: d.Apply}
	for _, r := range d.Rules {
		out.Rules = append(out.Rules, fmt.Sprintf("%q when %q require %d from %q allow_author %t expire %s", r.Name,
			r.When, r.Require, r.From, r.AllowAuthor, r.Expire))
	}
	return out
}
