package config

import (
	"github.com/tfops/tfops/internal/workspace"
)

// renamedFrom reads the former name of a workspace, or what makes it of a match.
func (r *reader) renamedFrom(b block) field[string] {
	from := b.text("renamed_from", shown)
	if from.set && from.val != "" && !workspace.ValidName().MatchString(from.val) {
		r.errorAt(from.rng, "invalid name "+quote(from.val), "renamed_from is the name that the workspace had before.")
	}
	return from
}

// former is a workspace with the name that it had before.
type former struct {
	name string
	from field[string]
}

// checkRenames reports former names that cannot be: whether something is known
// of them, the daemon knows.
func (r *reader) checkRenames(c *Config, formerly []former) {
	declared, heirs := map[string]bool{}, map[string]string{}
	for _, w := range c.Workspaces {
		declared[w.Name] = true
	}
	for _, b := range formerly {
		from := b.from
		switch {
		case !from.set:
		case from.val == "":
			r.errorAt(from.rng, "no name", "renamed_from is the name that the workspace had before. Leave it out where there was none.")
		case from.val == b.name:
			r.errorAt(from.rng, "its own name", "renamed_from is the name that workspace %q had before.", b.name)
		case declared[from.val]:
			r.errorAt(from.rng, "workspace "+quote(from.val)+" is still there", "Workspace %q cannot take over what is known of %q, which has a block of its own. Remove that block, or remove renamed_from where the rename is done. Of a chain of renames, make one at a time.", b.name, from.val)
		case heirs[from.val] != "":
			r.errorAt(from.rng, "two workspaces of one", "Workspaces %q and %q both have renamed_from = %q, and it can become only one of them.", heirs[from.val], b.name, from.val)
		default:
			heirs[from.val] = b.name
		}
	}
}
