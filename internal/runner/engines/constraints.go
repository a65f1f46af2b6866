package engines

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/tfops/tfops/internal/fault"
)

// wanted is the set of constraints that a version must satisfy, all of them.
type wanted []want

type want struct {
	text   string // as it was written
	from   string // where it was written; may be empty
	checks version.Constraints
}

func parseWanted(constraints, from []string) (wanted, error) {
	var all wanted
	for i, text := range constraints {
		w := want{text: strings.TrimSpace(text)}
		if i < len(from) {
			w.from = from[i]
		}
		if w.text == "" {
			continue
		}
		checks, err := version.NewConstraint(w.text)
		if err != nil {
			return nil, fault.New(fault.Invalid, `write it as Terraform does, e.g. "~> 1.11" or ">= 1.9, < 2.0"`,
				"%s is not a version constraint", w)
		}
		w.checks = checks
		all = append(all, w)
	}
	return all, nil
}

func (w want) String() string {
	if w.from == "" {
		return fmt.Sprintf("%q", w.text)
	}
	return fmt.Sprintf("%q (%s)", w.text, w.from)
}

func (ws wanted) String() string {
	if len(ws) == 0 {
		return "any version"
	}
	texts := make([]string, len(ws))
	for i, w := range ws {
		texts[i] = w.String()
	}
	return strings.Join(texts, " and ")
}

// allow reports whether v satisfies all constraints. A prerelease satisfies a
// constraint that names none by its numbers alone, which is how Terraform
// itself compares with required_version.
func (ws wanted) allow(v *version.Version) bool {
	for _, w := range ws {
		for _, c := range w.checks {
			compared := v
			if !c.Prerelease() {
				compared = v.Core()
			}
			if !c.Check(compared) {
				return false
			}
		}
	}
	return true
}

// choose reports whether tfops may pick v on its own account: unlike a
// binary that a person put on PATH, a prerelease is picked only when a
// constraint asks for one by name.
func (ws wanted) choose(v *version.Version) bool {
	return ws.allow(v) && (v.Prerelease() == "" || ws.namesPrerelease())
}

func (ws wanted) namesPrerelease() bool {
	for _, w := range ws {
		for _, c := range w.checks {
			if c.Prerelease() && !strings.HasPrefix(strings.TrimSpace(c.String()), "!=") {
				return true
			}
		}
	}
	return false
}
