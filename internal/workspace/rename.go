package workspace

import (
	"cmp"
	"fmt"
	"time"

	"github.com/tfops/tfops/internal/fault"
)

// A workspace that is called otherwise in the configuration says so with
// renamed_from. What was known under the old name is then known under the new
// one. Its directory in the data directory stays where it is: paths in there
// may be in its resources, and a state is named by them.

// Rename is what one workspace asks for.
type Rename struct {
	From, To string
	Why      error // it cannot be: nothing of the new one is planned until that is mended
}

// Renamed is what is kept under a name that another one took the place of.
type Renamed struct {
	To string    `json:"to"`
	At time.Time `json:"at"`
}

// Folder is the name of the workspace's directory.
func (r Record) Folder() string { return cmp.Or(r.Dir, r.Name) }

// Former reports whether nothing is known under the name but who has it now.
func (r Record) Former() bool {
	return r.Renamed != nil && r.Head == "" && r.Desired == "" && !r.MayStand() && r.AppliedState == nil
}

// Standalone reports whether the workspace has a history that cannot be joined
// with another one's. Plans that came to nothing are no such history.
func (r Record) standalone() bool { return r.MayStand() || r.AppliedState != nil || r.Destroyed }

// Renames lists what the workspaces of a configuration ask for and is not done
// yet, in their order. A name that nothing is known of asks for nothing: the
// attribute may stay where it is for good.
func Renames(all []Workspace, records map[string]Record) []Rename {
	declared, heirs := map[string]bool{}, map[string][]string{}
	for _, w := range all {
		declared[w.Name] = true
		if w.RenamedFrom != "" {
			heirs[w.RenamedFrom] = append(heirs[w.RenamedFrom], w.Name)
		}
	}
	var out []Rename
	for _, w := range all {
		from := w.RenamedFrom
		if from == "" || from == w.Name || records[w.Name].RenamedFrom == from {
			continue
		}
		old, known := records[from]
		if !known {
			continue
		}
		out = append(out, Rename{From: from, To: w.Name,
			Why: refused(w.Name, old, records[w.Name], declared[from], heirs[from])})
	}
	return out
}

func refused(name string, old, own Record, declared bool, heirs []string) error {
	what := fmt.Sprintf("workspace %s cannot take over what is known of %s (renamed_from)", name, old.Name)
	switch {
	case declared:
		return fault.New(fault.Conflict,
			fmt.Sprintf("remove workspace %s from tfops.hcl, or renamed_from from workspace %s", old.Name, name),
			"%s: %s is still configured", what, old.Name)
	case len(heirs) > 1:
		return fault.New(fault.Conflict, "leave renamed_from in one of them",
			"%s: %s and %s name it, and it can become only one", what, heirs[0], heirs[1])
	case old.Former():
		return fault.New(fault.Conflict,
			fmt.Sprintf("if %s is called %s now: renamed_from = %q; else remove renamed_from",
				old.Renamed.To, name, old.Renamed.To),
			"%s: that has been called %s since %s", what, old.Renamed.To,
			old.Renamed.At.UTC().Format("2006-01-02 15:04 MST"))
	case own.standalone():
		return fault.New(fault.Conflict,
			fmt.Sprintf("remove renamed_from from workspace %s, and call %s by its own name again", name, old.Name),
			"%s: %s was applied itself, and two histories cannot become one", what, name)
	}
	return nil
}

// TakenOver are the records of both names after a rename: everything that was
// known under the old one is known under the new one. origin is what a
// generator makes the new one of.
func TakenOver(old, own Record, origin *Origin, now time.Time) (heir, former Record) {
	heir = old
	heir.Name, heir.Dir, heir.RenamedFrom, heir.Renamed = own.Name, old.Folder(), old.Name, nil
	heir.Origin, heir.Orphan, heir.Obstacle = origin, nil, nil
	if heir.Suspension == nil {
		heir.Suspension = own.Suspension
	}
	// A workspace that gets the old name one day has a directory of its own.
	// No workspace can be called like that.
	former = Record{Name: old.Name, Dir: old.Name + "~" + now.UTC().Format("20060102T150405"),
		Renamed: &Renamed{To: own.Name, At: now}}
	return heir, former
}
