package engines

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/tfops/tfops/internal/fault"
)

// wanted is what a version must satisfy.
type wanted struct {
	exact string // this version alone; empty: any
	all   []want
}

type want struct {
	text   string // as it was written
	from   string // where it was written; may be empty
	checks version.Constraints
}

func parseWanted(constraints, from []string) (wanted, error) {
	var all []want
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
			return wanted{}, fault.New(fault.Invalid, `write it as Terraform does, e.g. "~> 1.11" or ">= 1.9, < 2.0"`,
				"%s is not a version constraint", w)
		}
		w.checks = checks
		all = append(all, w)
	}
	return wanted{all: all}, nil
}

// agree refuses an exact version that another constraint rules out: no release
// server needs to be asked to know that there is none.
func (ws wanted) agree() error {
	for _, one := range ws.all {
		v, err := version.NewSemver(strings.TrimSpace(strings.TrimPrefix(one.text, "=")))
		if err != nil {
			continue
		}
		for _, other := range ws.all {
			if !(wanted{all: []want{other}}).allow(v) {
				return fault.New(fault.Invalid, "change one of the two, so that both allow the same version",
					"no version is both %s and %s", one, other)
			}
		}
	}
	return nil
}

func (w want) String() string {
	if w.from == "" {
		return fmt.Sprintf("%q", w.text)
	}
	return fmt.Sprintf("%q (%s)", w.text, w.from)
}

func (ws wanted) String() string {
	if len(ws.all) == 0 && ws.exact == "" {
		return "any version"
	}
	var texts []string
	if ws.exact != "" {
		texts = append(texts, fmt.Sprintf("%q (which made the plan)", ws.exact))
	}
	for _, w := range ws.all {
		texts = append(texts, w.String())
	}
	return strings.Join(texts, " and ")
}

// allow reports whether v satisfies all constraints. A prerelease satisfies a
// constraint that names none by its numbers alone, which is how Terraform
// itself compares with required_version.
func (ws wanted) allow(v *version.Version) bool {
	if ws.exact != "" && v.String() != ws.exact {
		return false
	}
	for _, w := range ws.all {
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
	return ws.allow(v) && (v.Prerelease() == "" || ws.exact != "" || ws.namesPrerelease())
}

func (ws wanted) namesPrerelease() bool {
	for _, w := range ws.all {
		for _, c := range w.checks {
			if c.Prerelease() && !strings.HasPrefix(strings.TrimSpace(c.String()), "!=") {
				return true
			}
		}
	}
	return false
}
