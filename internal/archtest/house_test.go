package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tfops/tfops/"

// floors puts every package on one floor; a package imports from lower floors
// only. The reasons stand in docs/ARCHITECTURE.md.
var floors = [][]string{
	{"internal/datafile"}, // whoever writes opens with care, too
	{"internal/agenda", "internal/durable", "internal/fault", "internal/filelock",
		"internal/hclfn", "internal/hosts", "internal/ids", "internal/lazyregexp", "internal/links", "internal/natural",
		"internal/signal"},
	{"internal/redact", "internal/codelink"}, // know patterns, and faults
	{"internal/redact/leaks", "internal/pinned", "internal/gitrepo/packs", "internal/gitrepo/lfs",
		"internal/gitrepo/signatures", "internal/term/page",
		"internal/drift/schedule", "internal/drift/glob", "internal/plan/values", "internal/runner/certificates",
		// types and a reader that everybody may hold: out of the ground alone
		"internal/workspace", "internal/rootmodule", "internal/access", "internal/exit", "internal/moment",
		"internal/sandbox",
		"internal/server/limits",
		"internal/term/document"},
	{"internal/audit", "internal/server/socket"},                 // of who has access
	{"internal/server/refused"},                                  // makes records
	{"internal/gitrepo/trees", "internal/gitrepo/commits"},       // out of packs
	{"internal/gitrepo/local"},                                   // has packs and trees on the disk
	{"internal/gitrepo/remote"},                                  // some are local
	{"internal/gitrepo/snapshot", "internal/gitrepo/submodules"}, // of remotes
	{"internal/gitrepo/fetch", "internal/gitrepo/history"},       // of a snapshot
	{"internal/plan/baseline"},                                   // holds values against each other
	{"internal/plan", "internal/locks", "internal/gitrepo", "internal/api", "internal/seal", "internal/credentials"},
	{"internal/job", "internal/drift/codify/hclsource", "internal/drift/places", "internal/plan/diff"},
	{"internal/term/plans"}, // lays out what plan/diff finds
	{"internal/workspace/reach", "internal/approvals", "internal/authorship",
		"internal/runner/engines", "internal/runner/memfile",
		"internal/drift",
		"internal/term", "internal/checkout"},
	{"internal/runner/diagnostics", "internal/drift/classify", "internal/drift/findings",
		"internal/drift/healing",
		"internal/drift/groups",
		"internal/usage", "internal/api/lookup", "internal/doctor"},
	{"internal/drift/codify/changes"}, // of what is classified
	{"internal/fleet"},                // out of reach and the rules
	{"internal/runner/mounts"},        // a part of a cell
	{"internal/runner/handover", "internal/runner/treecopy"},
	{"internal/runner/launch"}, // gives what mounts have decided on, as rules
	{"internal/runner/cell"},
	{"internal/runner/inputs", "internal/runner/deadline", "internal/runner/limits", // looks at processes
		"internal/runner/egress", "internal/runner/netns"},
	{"internal/runner/ground", "internal/runner/backend", "internal/runner/network"},
	{"internal/runner/module", "internal/runner/given"}, // knows where states lie
	{"internal/runner/command"},
	{"internal/runner/workdir"}, // runs init
	{"internal/runner/phase"},
	{"internal/runner", "internal/drift/codify", "internal/drift/report/wording"},
	{"internal/drift/report"},                                   // with groups of findings
	{"internal/drift/report/documents", "internal/run/changes"}, // tells a report in sentences
	{"internal/drift/report/formats"},                           // quotes them
	{"internal/run"},
	{"internal/artifacts", "internal/run/recovery", "internal/store/boltfile", "internal/notify", "internal/term/show"},
	{"internal/store/records"}, // lie in a boltfile
	{"internal/store/repair", "internal/store/journal", "internal/store/outbox"},
	{"internal/store"},
	{"internal/notify/delivery", "internal/follow", "internal/demo",
		"internal/datadir"}, // sends to the targets of notify
	{"internal/engine/settings"},
	{"internal/engine/decide", "internal/engine/sources"}, // what the settings ask for
	{"internal/engine/notices", "internal/engine/patches"},
	{"internal/engine/txn"},     // with notices
	{"internal/engine/outcome"}, // of decisions that are stored
	{"internal/engine/managed", "internal/engine/jobs"},
	{"internal/engine/order", "internal/engine/phases"},
	{"internal/engine/remains", "internal/engine/watch", "internal/engine/upkeep"},
	{"internal/engine/queue"}, // before an apply it looks at the repository once more
	{"internal/engine/acts", "internal/engine/view"},
	{"internal/engine"},
	{"internal/server/wire", "internal/server/openapi", "internal/server/asked"},
	{"internal/server"},
	{"internal/config/problems"},
	{"internal/config/schema"}, // advises in the words of problems
	{"internal/config/syntax"}, // knows which blocks the file has
	{"internal/config/decode"},
	{"internal/config/signing"}, // of a decoded list
	{"internal/config/people", "internal/config/repositories", "internal/config/reporting"},
	{"internal/config/workspaces"},
	{"internal/config", "internal/config/starter"},
	{"internal/offline", "internal/codebase"},
	{"internal/validation"}, // of what a codebase yields
	{"internal/setup"},      // writes nothing that validation would refuse
	{"internal/daemon"},     // wires what is below
	{"cmd/tfops"},
}

// banned are imports that the floors alone would allow; from may end in /..., with all that is below.
var banned = []struct{ from, to, why string }{
	{"internal/engine/...", "internal/store", "the engine asks a small interface that it defines itself, so that " +
		"another store can take its place"},
	{"internal/engine/...", "internal/api", "wire types are for people and scripts; the engine has its own"},
	{"internal/runner", "internal/runner/phase", "the daemon starts and follows runners; what they do is in a " +
		"process of its own"},
	{"internal/engine/...", "internal/runner/phase",
		"the daemon starts and follows runners; what they do is in a process of its own"},
	{"internal/run", "internal/runner", "a run knows nothing of processes"},
	{"internal/run", "internal/job", "a run knows nothing of processes"},
	{"internal/store", "internal/runner", "a store knows nothing of processes"},
	{"internal/store", "internal/job", "a store knows nothing of processes"},
	{"internal/config", "internal/store", "reading a configuration opens nothing"},
	{"internal/config", "internal/engine", "the configuration does not know who uses it"},
	{"internal/term", "internal/gitrepo", "what prints does not fetch"},
}

// tests are packages that exist for tests and are imported by tests alone.
var tests = []string{"internal/testrig", "internal/gitrepo/gittest", "internal/store/storetest",
	"internal/notify/notifytest", "internal/archtest", "internal/fleet/fleettest"}

// outsideRule says who may use a library.
type outsideRule struct {
	library string
	only    []string
	why     string
}

// outside are the only packages that may use a library which opens a door.
var outside = []outsideRule{
	{"go.etcd.io/bbolt", []string{"internal/store/boltfile", "internal/store/records"},
		"one package knows the file, and one how records lie in it"},
	{"github.com/go-git/go-git/v5", []string{"internal/gitrepo", "internal/gitrepo/packs", "internal/gitrepo/trees",
		"internal/gitrepo/local",
		"internal/gitrepo/remote", "internal/gitrepo/snapshot", "internal/gitrepo/submodules", "internal/gitrepo/fetch",
		"internal/gitrepo/commits", "internal/gitrepo/history",
		"internal/demo", "internal/setup"},
		"one package and its parts speak Git; the demo makes a repository, and setup looks at one"},
	{"github.com/hashicorp/terraform-exec/tfexec",
		[]string{"internal/runner/phase", "internal/runner/workdir", "internal/runner/command",
			"internal/runner/diagnostics"},
		"only a runner starts an engine: it must outlive the daemon; diagnostics set its debug log"},
	{"github.com/nicholas-fedor/shoutrrr", []string{"internal/notify", "internal/notify/delivery"},
		"one package tells people, another one reads where, and hides what is secret about it"},
	{"github.com/wneessen/go-mail", []string{"internal/notify", "internal/notify/delivery"},
		"one package tells people, another one reads where, and hides what is secret about it"},
	{"github.com/danielgtaylor/huma/v2", []string{"internal/server", "internal/server/openapi"},
		"one package speaks HTTP, and one describes how"},
	{"os/exec", []string{"internal/runner", "internal/runner/engines", "internal/runner/inputs",
		"internal/runner/command", "internal/runner/cell", "cmd/tfops"},
		"nothing else starts a process"},
	{"log/slog", []string{"internal/engine/...", "internal/server", "internal/daemon", "cmd/tfops"},
		"the lower floors return errors; they never log and go on"},
}

// allows reports whether a package may; a name may end in /..., with all that is below.
func (o outsideRule) allows(name string) bool {
	return slices.ContainsFunc(o.only, func(p string) bool {
		above, below := strings.CutSuffix(p, "/...")
		return name == above || below && strings.HasPrefix(name, above+"/")
	})
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func list(t *testing.T) map[string]pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]pkg{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

func floorOf(name string) int {
	return slices.IndexFunc(floors, func(f []string) bool { return slices.Contains(f, name) })
}

func isTest(name string) bool {
	return slices.ContainsFunc(tests, func(t string) bool { return name == t || strings.HasPrefix(name, t+"/") })
}

func TestFloors(t *testing.T) {
	for name, p := range list(t) {
		if isTest(name) || strings.HasPrefix(name, "examples/") || strings.HasPrefix(name, "test/") {
			continue
		}
		mine := floorOf(name)
		if mine < 0 {
			t.Errorf("%s is on no floor: give it one", name)
			continue
		}
		for _, imp := range p.Imports {
			to, internal := strings.CutPrefix(imp, module)
			if !internal {
				continue
			}
			if isTest(to) {
				t.Errorf("%s imports %s, which is for tests", name, to)
			}
			if floor := floorOf(to); floor >= mine && !strings.HasPrefix(to, "examples/") {
				t.Errorf("%s imports %s, which is not on a lower floor", name, to)
			}
			for _, b := range banned {
				if from, below := strings.CutSuffix(b.from, "/..."); (from == name || below &&
					strings.HasPrefix(name, from+"/")) && b.to == to {
					t.Errorf("%s imports %s: %s", name, to, b.why)
				}
			}
		}
		if imp := importedConfig(p); imp != "" && !slices.Contains(readsConfig, name) &&
			!strings.HasPrefix(name, "internal/config") {
			t.Errorf("%s imports %s: only the daemon reads the configuration and copies values into components", name,
				imp)
		}
		for _, o := range outside {
			if slices.ContainsFunc(p.Imports, func(i string) bool {
				return i == o.library ||
					strings.HasPrefix(i, o.library+"/")
			}) && !o.allows(name) {
				t.Errorf("%s imports %s: %s", name, o.library, o.why)
			}
		}
	}
}

// readsConfig are the daemon, which copies values into components, the commands, and what works on the
// file itself: finds what it yields, checks it, writes the first one.
var readsConfig = []string{"cmd/tfops", "internal/daemon", "internal/codebase", "internal/validation", "internal/setup"}

// importedConfig is the first package of the configuration that a package imports.
func importedConfig(p pkg) string {
	for _, imp := range p.Imports {
		if name := strings.TrimPrefix(imp, module); name == "internal/config" ||
			strings.HasPrefix(name, "internal/config/") {
			return name
		}
	}
	return ""
}

// A rule about a package that is not there holds nothing up.
func TestRulesNameRealPackages(t *testing.T) {
	all := list(t)
	var named []string
	for _, f := range floors {
		named = append(named, f...)
	}
	for _, b := range banned {
		named = append(named, strings.TrimSuffix(b.from, "/..."), b.to)
	}
	for _, n := range append(named, tests...) {
		if _, ok := all[n]; !ok {
			t.Errorf("there is no package %s", n)
		}
	}
}
