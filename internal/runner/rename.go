package runner

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/lazily"
)

var memoryPath = lazily.Pattern(`(?:(?:\.\./)*\.\.)?/proc/[0-9]+/fd/[0-9]+(?:/git\b)?`) // engines make it relative

// renamed is a line of the engine's output in which files of tfops are called by
// what they are: whoever reads it has never heard of their paths.
func (p *phase) renamed(line []byte) []byte {
	if bytes.Contains(line, []byte("/proc/")) {
		line = memoryPath().ReplaceAllFunc(line, func(path []byte) []byte {
			if name := p.names[string(path[bytes.Index(path, []byte("/proc/")):])]; name != "" {
				return []byte(name)
			}
			return path
		})
	}
	if !bytes.Contains(line, []byte(`"type":"diagnostic"`)) {
		return line
	}
	// Where the repository lies is for nobody; what an error says of the data
	// directory somebody may have to mend.
	line = withoutPrefix(line, p.root, p.tree, p.job.Tree)
	if !bytes.Contains(line, []byte(`"severity":"warning"`)) {
		return line
	}
	for _, d := range []struct{ path, name string }{
		{filepath.Dir(p.job.PlanFile), "the run's directory"},
		{p.job.WorkspaceDir, "the workspace's directory"},
		{p.job.CacheDir, "the cache"},
	} {
		if len(d.path) > 1 {
			line = bytes.ReplaceAll(line, []byte(d.path), []byte(d.name))
		}
	}
	return line
}

// withoutPrefix makes paths below any of these directories relative to it.
func withoutPrefix(line []byte, dirs ...string) []byte {
	for _, dir := range dirs {
		if len(dir) > 1 {
			line = bytes.ReplaceAll(line, []byte(dir+"/"), nil)
		}
	}
	return line
}

var undeclared = lazily.Pattern(`^Values? for undeclared variables?$`)

// keepDiagnostics adds what a command of the engine complained of to the result.
// What checkVariables said of undeclared variables already, and what another
// command said before, is not said twice.
func (p *phase) keepDiagnostics(out *output) {
	for _, d := range out.all() {
		told := !p.module.unread && d.Severity == "warning" && undeclared().MatchString(d.Summary)
		if told || slices.Contains(p.result.Diagnostics, d) {
			continue
		}
		if d.Severity == "warning" {
			if p.warnings++; p.warnings > maxWarnings {
				continue
			}
			d.Detail = shortened(d.Detail)
		}
		p.result.Diagnostics = append(p.result.Diagnostics, d)
	}
}

// maxWarnings is how many warnings a result keeps, and longestWarning how long
// the text of one may be, in bytes: people read them, and the run's record has
// them. The log has all.
const (
	maxWarnings    = 40
	longestWarning = 1500
)

func shortened(text string) string {
	if len(text) <= longestWarning {
		return text
	}
	return strings.ToValidUTF8(text[:longestWarning], "") + "…"
}

// moreWarnings says how many warnings were left out.
func (p *phase) moreWarnings() {
	if left := p.warnings - maxWarnings; left > 0 {
		p.result.Diagnostics = append(p.result.Diagnostics, job.Diagnostic{Severity: "warning", Summary: fmt.Sprintf("%d more warnings are in the log", left)})
	}
}
