package starter

import (
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/tfops/tfops/internal/rootmodule"
)

// environment is what files beside a root module say for one of its
// environments: terraform init -backend-config=FILE and plan -var-file=FILE.
type environment struct {
	name                   string
	varFiles, backendFiles []string
	sure                   bool // that it is an environment: its files lie in a directory of environments, or it has a backend's settings
}

// environmentDirs hold an environment in each file or directory; in settingsDirs
// a var file may be of anything, so there only a backend's settings tell.
var (
	environmentDirs = []string{"env", "envs", "environment", "environments", "env_files", "env-files", "env_vars", "env-vars"}
	settingsDirs    = []string{"config", "configs", "conf", "vars", "tfvars", "variables", "workspace_variables",
		"backend", "backends", "backend-config", "backend-configs", "backend_config", "backend_configs", "tfbackend", "tfbackends"}
	// backendDirs are those of settingsDirs that have nothing but settings of a backend.
	backendDirs = []string{"backend", "backends", "backend-config", "backend-configs", "backend_config", "backend_configs", "tfbackend", "tfbackends"}
	// commonNames are files for all environments alike.
	commonNames = []string{"", "common", "global", "shared", "all", "default", "defaults", "base"}
	backendExts = []string{".tfbackend", ".backend"}
	plainExts   = []string{".hcl", ".conf", ".config", ".cfg", ".tfvars"}
	// fillers are words in names of files that name no environment.
	fillers = []string{"backend", "config", "conf", "s3", "gcs", "azurerm", "azure", "http", "pg", "consul", "tf", "tfstate", "state", "remote",
		"terraform", "tfvars", "vars", "variables", "auto"}
)

// environments are a root module's, by name; "" has what all have in common.
type environments map[string]*environment

// environmentsOf looks for them in a root module's directory, in directories of
// a known name in it, and one level below those; and in others for var files
// without which nothing can be planned.
func environmentsOf(tree fs.FS, dir string) environments {
	found := environments{}
	found.scan(tree, dir, "", "", false)
	for _, sub := range append(slices.Clone(environmentDirs), settingsDirs...) {
		strong := slices.Contains(environmentDirs, sub)
		found.scan(tree, dir, sub, "", strong)
		entries, _ := fs.ReadDir(tree, path.Join(dir, sub)) // not there: none
		for _, e := range entries {
			if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && utf8.ValidString(e.Name()) && !holdsCode(tree, path.Join(dir, sub, e.Name())) {
				found.scan(tree, dir, path.Join(sub, e.Name()), e.Name(), strong)
			}
		}
	}
	found.prove(tree, dir)
	return found
}

// exampleNames are those of files and directories that nobody plans with.
var exampleNames = []string{"example", "examples", "sample", "samples", "template", "templates", "test", "tests", "testing", "fixture", "fixtures", "testdata", "dummy", "docs"}

func isExample(name string) bool {
	return slices.ContainsFunc(nameWords(name), func(w string) bool { return slices.Contains(exampleNames, w) })
}

// prove finds environments by what their files say, whatever they and their directory
// are called: two or more of one directory each give all variables that have no default
// and get no value from elsewhere.
func (all environments) prove(tree fs.FS, dir string) {
	common := []string{}
	if c := all[""]; c != nil {
		common = append(common, c.varFiles...)
	}
	if len(inputsOf(tree, dir, common).variables) == 0 {
		return
	}
	places := []string{""}
	entries, _ := fs.ReadDir(tree, dir)
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() && !strings.HasPrefix(name, ".") && utf8.ValidString(name) && !isExample(name) && !holdsCode(tree, path.Join(dir, name)) {
			places = append(places, name)
		}
	}
	for _, place := range places {
		here := environments{}
		here.scan(tree, dir, place, "", false)
		var proven []*environment
		for _, name := range slices.Sorted(maps.Keys(here)) {
			e := here[name]
			if name != "" && !isExample(name) && len(e.varFiles) > 0 && len(inputsOf(tree, dir, slices.Concat(common, e.varFiles)).variables) == 0 {
				proven = append(proven, e)
			}
		}
		if len(proven) < 2 {
			continue
		}
		for _, e := range proven {
			one := all[e.name]
			if one == nil {
				one = &environment{name: e.name}
				all[e.name] = one
			}
			one.sure = true
			for _, f := range e.varFiles {
				if !slices.Contains(one.varFiles, f) {
					one.varFiles = append(one.varFiles, f)
				}
			}
		}
	}
}

// scan takes the files of one directory. within is the environment that the
// directory is of; "" when the names of its files tell.
func (all environments) scan(tree fs.FS, root, sub, within string, strong bool) {
	entries, _ := fs.ReadDir(tree, path.Join(root, sub))
	for _, e := range entries {
		name := e.Name()
		if !e.Type().IsRegular() || strings.HasPrefix(name, ".") || strings.Contains(name, "=") || !utf8.ValidString(name) {
			continue
		}
		stem, isBackend, isVars := settingsFile(name, slices.Contains(backendDirs, path.Base(path.Dir(path.Join(sub, name)))))
		if isBackend && path.Ext(name) == "" && !holdsSettings(tree, path.Join(root, sub, name)) {
			continue
		}
		if !isBackend && !isVars || isVars && sub == "" && rootmodule.IsAutoVars(name) {
			continue
		}
		env := within
		if env == "" {
			env = environmentName(stem)
		}
		file := path.Join(sub, name)
		one := all[env]
		if one == nil {
			one = &environment{name: env}
			all[env] = one
		}
		if isBackend {
			one.backendFiles, one.sure = append(one.backendFiles, file), true
		} else {
			one.varFiles, one.sure = append(one.varFiles, file), one.sure || strong
		}
	}
}

// holdsSettings reports whether a file has values and nothing else in it.
func holdsSettings(tree fs.FS, name string) bool {
	body := parseCode(tree, name)
	if body == nil {
		return false
	}
	values, diags := body.JustAttributes()
	return len(values) > 0 && !diags.HasErrors()
}

// settingsFile tells what a file is by its name, and gives that without its ending. In a
// directory of backends any file of settings is one of a backend.
func settingsFile(name string, ofBackends bool) (stem string, isBackend, isVars bool) {
	name = strings.TrimSuffix(name, ".json")
	ext := path.Ext(name)
	stem = strings.TrimSuffix(name, ext)
	switch {
	case slices.Contains(backendExts, ext), slices.Contains(plainExts, ext) && slices.Contains(nameWords(stem), "backend"):
		return stem, true, false
	case ofBackends && (ext == "" || ext != ".tfvars" && slices.Contains(plainExts, ext)):
		return stem, true, false
	}
	return stem, false, ext == ".tfvars"
}

func nameWords(stem string) []string {
	return strings.FieldsFunc(strings.ToLower(stem), func(r rune) bool { return r == '.' || r == '-' || r == '_' })
}

// environmentName is what a file's name says of its environment; "" for all.
func environmentName(stem string) string {
	words := slices.DeleteFunc(nameWords(stem), func(w string) bool { return slices.Contains(fillers, w) })
	name := strings.Join(words, "-")
	if slices.Contains(commonNames, name) {
		return ""
	}
	return name
}

func holdsCode(tree fs.FS, dir string) bool {
	names, _ := rootmodule.Names(tree, dir, true) // not there: none
	return len(names) > 0
}

// named are those that get a workspace each, sorted by name.
func (all environments) named() []environment {
	var out []environment
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if name != "" && all[name].sure {
			out = append(out, *all[name])
		}
	}
	return out
}

// with is an environment with what all have in common before what is its own.
func (e environment) with(common *environment) environment {
	if common == nil {
		return e
	}
	e.varFiles = append(slices.Clone(common.varFiles), e.varFiles...)
	e.backendFiles = append(slices.Clone(common.backendFiles), e.backendFiles...)
	return e
}

// rootBackend is the backend that a root module declares.
type rootBackend struct {
	kind string   // "" for none, "cloud" for a cloud block
	has  []string // names of the settings that its block gives
	at   hosted   // where it is, of a cloud block and of backend "remote"
}

// neededSettings are those without which a backend names no state.
var neededSettings = map[string][]string{"s3": {"bucket", "key"}, "gcs": {"bucket"}, "azurerm": {"storage_account_name", "container_name", "key"},
	"http": {"address"}, "consul": {"path"}, "cos": {"bucket"}, "oss": {"bucket"}, "kubernetes": {"secret_suffix"}, "local": {"path"}}

func backendOf(tree fs.FS, dir string) (b rootBackend) {
	s := moduleOf(tree, dir).Settings()
	if b.kind = s.Backend; b.kind == "" {
		return b
	}
	attrs, _ := s.Body.JustAttributes()
	b.has = slices.Sorted(maps.Keys(attrs))
	if b.elsewhere() {
		b.at = hostedAt(s.Body)
	}
	return b
}

// open are the settings that name the state and that the block leaves open.
func (b rootBackend) open() []string {
	return slices.DeleteFunc(slices.Clone(neededSettings[b.kind]), func(n string) bool { return slices.Contains(b.has, n) })
}

// lines are what a workspace's block says of its backend. What cannot be
// expressed is a comment.
func (b rootBackend) lines(name string, e environment) string {
	files := list("backend_config_files", e.backendFiles)
	switch {
	case b.elsewhere():
		return b.lead(name, e)
	case b.kind == "" && len(e.backendFiles) > 0:
		return "  # The root module declares no backend block that this could complete:\n  # " + files
	case b.kind == "":
		return ""
	case len(e.backendFiles) > 0:
		return "  " + files
	}
	if open := b.open(); len(open) > 0 {
		var items []string
		for _, name := range open {
			items = append(items, name+` = "…"`)
		}
		return fmt.Sprintf("  # The backend %s leaves settings open, as terraform init -backend-config gives\n  # them; a plan needs them:\n  # backend_config = { %s }\n", text(b.kind), strings.Join(items, ", "))
	}
	switch {
	case e.name == "":
		return ""
	case b.kind == "http" || e.name != url.PathEscape(e.name):
		return "  # Each environment needs a state of its own, and the backend block names one.\n"
	}
	return "  terraform_workspace = " + text(e.name) + "\n"
}

func list(attr string, files []string) string {
	var quoted []string
	for _, f := range files {
		quoted = append(quoted, text(f))
	}
	return fmt.Sprintf("%s = [%s]\n", attr, strings.Join(quoted, ", "))
}

// blocks are the workspaces of one root module.
func (info Info) blocks(dir string, taken map[string]bool) string {
	if info.Tree == nil {
		return workspaceBlock(workspaceName(info, dir, taken), dir, "")
	}
	envs := environmentsOf(info.Tree, dir)
	backend, common := backendOf(info.Tree, dir), envs[""]
	named := envs.named()
	if len(named) == 0 {
		only := environment{}
		if common != nil {
			only.backendFiles = common.backendFiles
		}
		in := inputsOf(info.Tree, dir, nil)
		for _, name := range slices.Sorted(maps.Keys(envs)) {
			for _, f := range envs[name].varFiles {
				if strings.Contains(f, "/") { // inputsOf has the others
					in.varFiles = append(in.varFiles, f)
				}
			}
		}
		name := workspaceName(info, dir, taken)
		return workspaceBlock(name, dir, backend.lines(name, only)+in.String())
	}
	var out strings.Builder
	for i, e := range named {
		e = e.with(common)
		lines := ""
		if len(e.varFiles) > 0 {
			lines = "  " + list("var_files", e.varFiles)
		}
		name := workspaceName(info, path.Join(dir, e.name), taken)
		lines += backend.lines(name, e) + inputsOf(info.Tree, dir, e.varFiles).String()
		if i > 0 {
			out.WriteByte('\n')
		}
		out.WriteString(workspaceBlock(name, dir, lines))
	}
	return out.String()
}

func workspaceBlock(name, dir, lines string) string {
	src := fmt.Sprintf("workspace %s {\n  dir = %s\n%s}\n", text(name), text(dir), lines)
	for line := range strings.Lines(lines) {
		if !strings.HasPrefix(line, "  #") { // there is something to align
			return string(hclwrite.Format([]byte(src)))
		}
	}
	return src
}
