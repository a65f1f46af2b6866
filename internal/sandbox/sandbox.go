// Package sandbox names how well the engine of a run is shut in: the levels, what a machine
// lacks for a better one, and the sentences about both. It asks the machine nothing.
package sandbox

import "slices"

// Level is how well an engine is shut in, and with it all code that a repository chooses.
type Level string

// The levels, the strongest first.
const (
	Namespaces Level = "namespaces"
	Users      Level = "users"
	Filters    Level = "filters"
	None       Level = "none"
)

// Levels are all levels, the strongest first.
func Levels() []Level { return []Level{Namespaces, Users, Filters, None} }

// Known reports whether it is one of the levels. The zero Level says that it is not known, as in the
// records of runs that an earlier tfops made.
func (l Level) Known() bool { return slices.Contains(Levels(), l) }

// AtLeast reports whether it is as strong as another one, or stronger. What is not known is as strong
// as nothing, and nothing is as strong as what is not known.
func (l Level) AtLeast(other Level) bool {
	mine, its := slices.Index(Levels(), l), slices.Index(Levels(), other)
	return mine >= 0 && its >= 0 && mine <= its
}

// InPlace reports whether an engine sees files where they lie, or not at all: nothing is mounted for it.
func (l Level) InPlace() bool { return l == Users || l == Filters }

// Sentence says what the level means, for people.
func (l Level) Sentence() string {
	switch l {
	case Namespaces:
		return "the engine runs in namespaces of its own and sees nothing but what its workspace was given"
	case Users:
		return "the engine runs as a Unix user of its workspace and cannot open the files of tfops or of others"
	case Filters:
		return "the engine runs as the user of tfops; the kernel keeps it from the files of tfops and of other runs"
	case None:
		return "nothing shuts the engine in: it can do all that the user of tfops can do"
	}
	return "it is not known how the engine is shut in"
}

// State is the level that a machine gives, and what it lacks for the better ones.
type State struct {
	Level Level // the zero Level until it was found out
	Lacks []Lack
}

// Equal reports whether nothing was found out that differs.
func (s State) Equal(other State) bool {
	return s.Level == other.Level && slices.Equal(s.Lacks, other.Lacks)
}

// Lack is something that a machine does not offer.
type Lack struct {
	Kind   LackKind
	Detail string // what exactly: a sysctl, a version, the kernel's error; what it is depends on Kind
}

// Missing is an error that says what kind of thing a machine lacks.
type Missing struct {
	Kind LackKind
	Err  error
}

func (m *Missing) Error() string { return m.Err.Error() }
func (m *Missing) Unwrap() error { return m.Err }

// LackKind is what kind of thing is not there.
type LackKind string

// What a machine may lack.
const (
	LacksUserNamespaces LackKind = "user_namespaces" // Detail: the setting that disables them, or the kernel's error
	LacksAppArmor       LackKind = "apparmor"        // AppArmor restricts user namespaces; Detail: its sysctl
	LacksMounts         LackKind = "mounts"          // namespaces exist, mounting in them fails; Detail: the error
	LacksOverlay        LackKind = "overlay"         // no overlay can be mounted; Detail: the error
	LacksFreshProc      LackKind = "proc"            // /proc is masked, so a fresh one is refused; Detail: the error
	LacksSeccomp        LackKind = "seccomp"         // the kernel has no filters of system calls
	LacksLandlock       LackKind = "landlock"        // Detail: the version of Landlock that is there; empty: none
	LacksCapabilities   LackKind = "capabilities"    // Detail: the capabilities that are missing, e.g. "CAP_SETUID"
	LacksChoice         LackKind = "configured"      // a lower level was asked for; Detail: by what
	LacksElse           LackKind = "other"           // a trial failed; Detail: the error
)
