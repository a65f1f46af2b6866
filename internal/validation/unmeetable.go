package validation

import (
	"fmt"
	"io/fs"
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
	info, err := os.Stat(cfg.DataDir)
	if err != nil {
		return nil
	}
	owner := ownerName(info)
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

// ownerName is the name of a file's owner; empty where there is none.
func ownerName(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	u, err := user.LookupId(strconv.FormatUint(uint64(st.Uid), 10))
	if err != nil {
		return ""
	}
	return u.Username
}
