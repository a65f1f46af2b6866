package sandbox

import "fmt"

// Wanted is what the configuration asks of the sandbox: Auto, the level that there has to be at least, or
// None, by which somebody takes it upon himself that nothing shuts an engine in.
type Wanted string

// Auto asks for the best that the machine gives.
const Auto Wanted = "auto"

// AllWanted are all that can be asked for.
func AllWanted() []Wanted {
	all := []Wanted{Auto}
	for _, l := range Levels() {
		all = append(all, Wanted(l))
	}
	return all
}

// least is the level that there has to be; the zero Level for any.
func (w Wanted) least() Level {
	if l := Level(w); l.Known() && l != None {
		return l
	}
	return ""
}

// Accepted reports whether it is accepted that nothing shuts an engine in.
func (w Wanted) Accepted() bool { return Level(w) == None }

// Terms are what is asked for, and what there is.
type Terms struct {
	Wanted Wanted
	State
	Root bool // the daemon runs as root
}

// Refusal says why an engine is not started; empty where it may be.
type Refusal string

// Why an engine is not started.
const (
	TooWeak Refusal = "too_weak" // the configuration asks for a better level
	Exposed Refusal = "exposed"  // nothing shuts it in, and that matters for what it would run
	AsRoot  Refusal = "as_root"  // the same, and accepted, which does not count for root
)

// Refuses says why an engine may not be started. exposed is code by which somebody could get round
// approvals. As long as it was not found out what the machine gives, nothing is refused.
func (t Terms) Refuses(exposed bool) Refusal {
	least := t.Wanted.least()
	switch {
	case t.Level == "":
		return ""
	case least != "" && !t.Level.AtLeast(least):
		return TooWeak
	case t.Level != None || !exposed:
		return ""
	case !t.Wanted.Accepted():
		return Exposed
	case t.Root:
		return AsRoot
	}
	return ""
}

// Note is what people should know: a level below the first, one that is not what was asked for, or
// that somebody accepts that there is none. It is empty where there is nothing to say.
func (t Terms) Note() string {
	const (
		accepted = `; sandbox = "none" in tfops.hcl accepts that`
		held     = "; workspaces with approval rules or of branches that patterns find wait, and plans of a ref"
	)
	least := t.Wanted.least()
	switch {
	case t.Level == "" && t.Wanted.Accepted():
		return `sandbox = "none" in tfops.hcl accepts that nothing shuts the engine in`
	case t.Level == "":
		return ""
	case least != "" && !t.Level.AtLeast(least):
		return fmt.Sprintf("tfops.hcl asks for sandbox = %q, and this machine gives %s: nothing is planned", t.Wanted,
			t.Level)
	case t.Level == None && t.Wanted.Accepted() && t.Root:
		return t.Level.Sentence() + `; sandbox = "none" does not count where tfops serve runs as root` + held
	case t.Level == None && t.Wanted.Accepted():
		return t.Level.Sentence() + accepted
	case t.Wanted.Accepted():
		return `sandbox = "none" in tfops.hcl accepts that nothing shuts the engine in; this machine gives ` +
			string(t.Level)
	case t.Level == None:
		return t.Level.Sentence() + held
	case t.Level == Namespaces:
		return ""
	}
	return t.Level.Sentence()
}
