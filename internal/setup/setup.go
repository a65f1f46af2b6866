// Package setup finds what a starter configuration needs to know in a checkout, and writes
// it. Nothing is overwritten, and nothing is written into Git.
package setup

import (
	"cmp"
	"os"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/config/starter"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
)

// Options are what a starter configuration is to say; what is empty is found in the checkout.
type Options struct {
	Checkout string
	URL      string
	Branch   string
	DataDir  string
	Path     string // of the file
}

// Written is what is told of the file that was written.
type Written struct {
	Path       string   `json:"path"`
	URL        string   `json:"url"`
	Branch     string   `json:"branch"`
	DataDir    string   `json:"data_dir"`
	Workspaces []string `json:"workspaces"`

	leftOut, roots int   // root modules
	Invalid        error `json:"-"` // why the file is not valid as it is
}

// Write writes a starter configuration.
func Write(o Options) (Written, error) {
	info, err := describe(o.Checkout)
	if err != nil {
		return Written{}, err
	}
	info.URL, info.Branch, info.DataDir = cmp.Or(o.URL, info.URL), cmp.Or(o.Branch, info.Branch), o.DataDir
	if info.DataDir == "" && os.Geteuid() != 0 {
		info.DataDir = "~/.local/share/tfops"
	}
	info = withoutProblems(info, o.Checkout)
	if err := writeNew(o.Path, starter.File(info)); err != nil {
		return Written{}, err
	}
	cfg, err := config.Load(o.Path)
	w := Written{Path: o.Path, URL: info.URL, Branch: info.Branch, DataDir: info.DataDir, Workspaces: []string{},
		leftOut: len(info.LeftOut), roots: len(info.Roots), Invalid: err}
	if err == nil { // what was made up of gaps is told as it is in the file
		w.DataDir = cfg.DataDir
		for _, r := range cfg.Repositories {
			w.URL = r.URL
		}
		for _, ws := range cfg.Workspaces {
			w.Workspaces, w.Branch = append(w.Workspaces, ws.Name), ws.Branch
		}
	}
	return w, nil
}

// Print says what was written, and what to do next.
func (w Written) Print(p *term.Printer) {
	p.Printf("Wrote %s: repository %s, branch %s, %s.", w.Path, w.URL, w.Branch, show.Counted(len(w.Workspaces),
		"workspace"))
	if w.leftOut > 0 {
		p.Printf("Left out, with the reason in a comment: %s.", show.Counted(w.leftOut, "root module"))
	}
	if w.roots == 0 {
		p.Printf("No root module was found: the file shows how to write a workspace.")
	}
	flag := ""
	if w.Path != "tfops.hcl" {
		flag = " --config " + w.Path
	}
	p.Printf("\nNext:\n  tfops validate%[1]s    check it\n  tfops serve%[1]s       run the daemon\n"+
		"  tfops status%[1]s      look at the fleet, from another terminal", flag)
}
