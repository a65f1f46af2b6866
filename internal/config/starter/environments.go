package starter

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tfops/tfops/internal/rootmodule"
)

// environment is what files beside a root module say for one of its
// environments: terraform init -backend-config=FILE and plan -var-file=FILE.
type environment struct {
	name                   string
	varFiles, backendFiles []string
	// sure is that it is an environment: its files lie in a directory of
	// environments, or it has a backend's settings.
	sure bool
}

var (
	// environmentDirs hold an environment in each file or directory; in settingsDirs
	// a var file may be of anything, so there only a backend's settings tell.
	environmentDirs = strings.Fields("env envs environment environments env_files env-files env_vars env-vars")
	settingsDirs    = append(strings.Fields("config configs conf vars tfvars variables workspace_variables"),
		backendDirs...)
	// backendDirs have nothing but settings of a backend.
	backendDirs = strings.Fields(`backend backends backend-config backend-configs backend_config backend_configs
		tfbackend tfbackends`)
	// commonNames are files for all environments alike.
	commonNames = strings.Fields("common global shared all default defaults base")
	backendExts = []string{".tfbackend", ".backend"}
	plainExts   = []string{".hcl", ".conf", ".config", ".cfg", ".tfvars"}
	// fillers are words in names of files that name no environment.
	fillers = strings.Fields(`backend config conf s3 gcs azurerm azure http pg consul tf tfstate state remote
		terraform tfvars vars variables auto`)
	// exampleNames are those of files and directories that nobody plans with.
	exampleNames = strings.Fields(`example examples sample samples template templates test tests testing
		fixture fixtures testdata dummy docs`)
)

// environments are a root module's, by name; "" has what all have in common.
type environments map[string]*environment

// environmentsOf looks for them in a root module's directory, in directories of
// a known name in it, and one level below those; and in others for var files
// without which nothing can be planned.
func environmentsOf(tree fs.FS, dir string) environments {
	found := environments{}
	found.scan(tree, dir, "", "", false)
	for _, sub := range slices.Concat(environmentDirs, settingsDirs) {
		sure := slices.Contains(environmentDirs, sub)
		found.scan(tree, dir, sub, "", sure)
		for _, name := range withoutCode(tree, path.Join(dir, sub)) {
			found.scan(tree, dir, path.Join(sub, name), name, sure)
		}
	}
	found.of("")
	found.prove(tree, dir)
	return found
}

// of is the environment of a name, which is new where there was none.
func (all environments) of(name string) *environment {
	if all[name] == nil {
		all[name] = &environment{name: name}
	}
	return all[name]
}

// withoutCode are the directories in a directory that hold no root module of
// their own.
func withoutCode(tree fs.FS, dir string) (names []string) {
	entries, _ := fs.ReadDir(tree, dir) // not there: none
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && utf8.ValidString(e.Name()) {
			if code, _ := rootmodule.Names(tree, path.Join(dir, e.Name()), true); len(code) == 0 {
				names = append(names, e.Name())
			}
		}
	}
	return names
}

// prove finds environments by what their files say, whatever they and their directory
// are called: two or more of one directory each give all variables that have no default
// and get no value from elsewhere.
func (all environments) prove(tree fs.FS, dir string) {
	gives := func(files []string) bool {
		return len(inputsOf(tree, dir, slices.Concat(all[""].varFiles, files), false).variables) == 0
	}
	if gives(nil) {
		return
	}
	for _, place := range append([]string{""}, slices.DeleteFunc(withoutCode(tree, dir), isExample)...) {
		here := environments{}
		here.scan(tree, dir, place, "", false)
		maps.DeleteFunc(here, func(name string, e *environment) bool {
			return name == "" || isExample(name) || len(e.varFiles) == 0 || !gives(e.varFiles)
		})
		if len(here) < 2 {
			continue
		}
		for name, e := range here {
			one := all.of(name)
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
func (all environments) scan(tree fs.FS, root, sub, within string, sure bool) {
	entries, _ := fs.ReadDir(tree, path.Join(root, sub))
	for _, e := range entries {
		name, file := e.Name(), path.Join(sub, e.Name())
		odd := strings.HasPrefix(name, ".") || strings.Contains(name, "=") || !utf8.ValidString(name)
		if odd || !e.Type().IsRegular() {
			continue
		}
		stem, isBackend, isVars := settingsFile(name, slices.Contains(backendDirs, path.Base(path.Dir(file))))
		if isBackend && path.Ext(name) == "" && !holdsSettings(tree, path.Join(root, file)) {
			continue
		}
		if !isBackend && !isVars || isVars && sub == "" && rootmodule.IsAutoVars(name) {
			continue
		}
		if within != "" {
			stem = within
		} else {
			stem = environmentName(stem)
		}
		one := all.of(stem)
		if isBackend {
			one.backendFiles, one.sure = append(one.backendFiles, file), true
		} else {
			one.varFiles, one.sure = append(one.varFiles, file), one.sure || sure
		}
	}
}

// holdsSettings reports whether a file has values and nothing else in it.
func holdsSettings(tree fs.FS, name string) bool {
	values, diags := valuesIn(tree, name)
	return len(values) > 0 && !diags.HasErrors()
}

// settingsFile is what a file is by its name, and its name without the ending. In a
// directory of backends any file of settings is one of a backend.
func settingsFile(name string, ofBackends bool) (stem string, isBackend, isVars bool) {
	name = strings.TrimSuffix(name, ".json")
	ext := path.Ext(name)
	stem = strings.TrimSuffix(name, ext)
	plain := slices.Contains(plainExts, ext)
	isBackend = slices.Contains(backendExts, ext) || plain && slices.Contains(wordsOf(stem), "backend") ||
		ofBackends && (ext == "" || ext != ".tfvars" && plain)
	return stem, isBackend, !isBackend && ext == ".tfvars"
}

func wordsOf(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '.' || r == '-' || r == '_' })
}

func isExample(name string) bool {
	return slices.ContainsFunc(wordsOf(name), func(w string) bool { return slices.Contains(exampleNames, w) })
}

// environmentName is what a file's name says of its environment; "" for all.
func environmentName(stem string) string {
	words := slices.DeleteFunc(wordsOf(stem), func(w string) bool { return slices.Contains(fillers, w) })
	name := strings.Join(words, "-")
	if slices.Contains(commonNames, name) {
		return ""
	}
	return name
}

// named are those that get a workspace each, sorted by name, with what all have
// in common before what is their own.
func (all environments) named() (out []environment) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if e := *all[name]; name != "" && e.sure {
			e.varFiles = slices.Concat(all[""].varFiles, e.varFiles)
			e.backendFiles = slices.Concat(all[""].backendFiles, e.backendFiles)
			out = append(out, e)
		}
	}
	return out
}
