package command

import (
	"bytes"
	"path/filepath"
	"strings"

	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/runner/given"
	"github.com/tfops/tfops/internal/runner/ground"
)

// engines make the path relative
var memoryPath = lazyregexp.New(`(?:(?:\.\./)*\.\.)?/(?:proc/(?:self|[0-9]+)/fd/[0-9]+|` + given.ModulesAt[1:] + `)(?:/git\b)?`)

// renamed is a line of the engine's output in which files of tfops are called by
// what they are: whoever reads it has never heard of their paths.
func (e *Engine) renamed(line []byte) []byte {
	if bytes.Contains(line, []byte("/proc/")) || bytes.Contains(line, []byte(given.ModulesAt)) {
		line = memoryPath().ReplaceAllFunc(line, func(path []byte) []byte {
			whole := "/" + strings.TrimLeft(string(path), "./")
			if name := e.Names[whole]; name != "" {
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
	for _, dir := range []string{e.Root, e.Tree, e.Job.Tree} {
		line = replaceDir(line, dir, "/", "")
	}
	if !bytes.Contains(line, []byte(`"severity":"warning"`)) {
		return line
	}
	line = replaceDir(line, filepath.Dir(e.Job.PlanFile), "", "the run's directory")
	line = replaceDir(line, e.Job.WorkspaceDir, "", "the workspace's directory")
	return replaceDir(line, e.Job.CacheDir, "", "the cache")
}

// replaceDir puts a name in the place of a directory with what follows it.
func replaceDir(line []byte, dir, follows, name string) []byte {
	if len(dir) < 2 { // none, or the root
		return line
	}
	return bytes.ReplaceAll(line, []byte(dir+follows), []byte(name))
}

// FromMirror is advice in which `providers lock` asks the mirror that the engine's CLI
// configuration names in the place of all registries: that command does not heed it.
func (e *Engine) FromMirror(advice string) string {
	const command = " providers lock -platform="
	flag := ""
	if strings.Contains(advice, command) {
		flag = ground.MirrorFlag(e.Env["TF_CLI_CONFIG_FILE"])
	}
	if flag == "" {
		return advice
	}
	return strings.ReplaceAll(advice, command, " providers lock "+flag+" -platform=")
}
