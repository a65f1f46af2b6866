package validation

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/config"
)

// unmeetable are warnings of approval rules that name nobody but the user of tfops serve, whose
// approvals count under no rule. The owner of the data directory is that user, as soon as there
// is one.
func unmeetable(cfg *config.Config, x Expansion) (found []Problem) {
	owner := ownerName(cfg.DataDir)
	if owner == "" {
		return nil
	}
	people := approvals.People{Groups: map[string][]string{}}
	for _, g := range cfg.Groups {
		people.Groups[g.Name] = g.Members
	}
	for _, w := range x.fleet.Workspaces {
		for _, rule := range w.Rules {
			if named := people.NamedBy(rule.From); len(named) == 1 && named[0] == owner {
				found = append(found, Problem{Severity: "warning", Summary: fmt.Sprintf(
					"nobody can meet rule %q of workspace %s: it names %s alone, who owns data_dir and so runs "+
						"tfops serve", rule.Name, w.Name, owner),
					Detail: "name users of whom approvals count: code that a plan runs may act as " + owner})
			}
		}
	}
	return found
}

// forRoot is a warning of a sandbox that is accepted to be none where root runs tfops serve.
func forRoot(cfg *config.Config) (found []Problem) {
	owner, known := ownerOf(cfg.DataDir)
	if cfg.Runner.Sandbox.Accepted() && (known && owner == 0 || !known && os.Geteuid() == 0) {
		return []Problem{{Severity: "warning", File: cfg.Path,
			Summary: `sandbox = "none" does not count where tfops serve runs as root`,
			Detail:  "run tfops serve as a user of its own"}}
	}
	return nil
}

// ownerOf is the uid of who owns a file; false where there is none.
func ownerOf(path string) (uid uint32, ok bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Uid, true
}

// ownerName is the name of who owns a file; empty where there is none.
func ownerName(path string) string {
	uid, ok := ownerOf(path)
	if !ok {
		return ""
	}
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return ""
	}
	return u.Username
}
