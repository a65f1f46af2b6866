package rootmodule

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// split is the ending that makes a file one of code, and what stands before it;
// no ending for other files, and for those that the engines pass over as hidden or
// as an editor's copy. Files of tests (x.tftest.hcl) end in neither.
func split(name string) (stem, ending string) {
	if strings.HasPrefix(name, ".") { // of the copies x~ and #x# none has an ending of code
		return name, ""
	}
	for _, ending := range []string{".tf", ".tf.json", ".tofu", ".tofu.json"} {
		if stem, ok := strings.CutSuffix(name, ending); ok {
			return stem, ending
		}
	}
	return name, ""
}

// IsCode reports whether the engine reads a file of this name in the directory of
// a module: OpenTofu more of them than Terraform does.
func IsCode(name string, tofu bool) bool {
	_, ending := split(name)
	return ending != "" && (tofu || !strings.HasPrefix(ending, ".tofu"))
}

// IsJSON reports whether a file is in the JSON syntax.
func IsJSON(name string) bool { return strings.HasSuffix(name, ".json") }

// IsOverride reports whether the blocks of a file of code change those of others.
func IsOverride(name string) bool {
	stem, ending := split(name)
	return ending != "" && (stem == "override" || strings.HasSuffix(stem, "_override"))
}

// Instead is the file that OpenTofu reads instead of this one where there are
// both: x.tofu instead of x.tf, and x.tofu.json instead of x.tf.json.
func Instead(name string) string {
	stem, ending := split(name)
	if !strings.HasPrefix(ending, ".tf") {
		return ""
	}
	return stem + strings.Replace(ending, ".tf", ".tofu", 1)
}

// Select picks the files of a directory that the engine reads, in its order: by
// name, the override files after all others. Of two that change the same thing the
// later one counts.
func Select(names []string, tofu bool) []string {
	var base, overrides []string
	code := slices.DeleteFunc(slices.Sorted(slices.Values(names)), func(n string) bool { return !IsCode(n, tofu) })
	for _, name := range code {
		_, preferred := slices.BinarySearch(code, Instead(name))
		switch {
		case preferred: // Terraform's list has no such file
		case IsOverride(name):
			overrides = append(overrides, name)
		default:
			base = append(base, name)
		}
	}
	return append(base, overrides...)
}

// Names lists the files of a directory that the engine reads, in its order.
func Names(tree fs.FS, dir string, tofu bool) ([]string, error) {
	entries, err := fs.ReadDir(tree, dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return Select(names, tofu), nil
}

// IsAutoVars reports whether an engine reads a file of values in a root module without
// being told to. One that is hidden is read, too.
func IsAutoVars(name string) bool {
	name = strings.TrimSuffix(name, ".json")
	return name == "terraform.tfvars" || strings.HasSuffix(name, ".auto.tfvars")
}

// AutoVars are those of some files that are read so, in the engine's order: the last one counts.
func AutoVars(names []string) []string {
	auto := slices.DeleteFunc(slices.Sorted(slices.Values(names)), func(n string) bool { return !IsAutoVars(n) })
	slices.SortStableFunc(auto, func(a, b string) int { return precedence(a) - precedence(b) })
	return auto
}

// precedence is small for what the others override.
func precedence(name string) int {
	switch name {
	case "terraform.tfvars":
		return 0
	case "terraform.tfvars.json":
		return 1
	}
	return 2
}

// IsLocal reports whether the source of a module call is a directory beside the
// caller. The engines refuse a bare "." or ".."; they are local all the same.
func IsLocal(source string) bool {
	source = slashed(source)
	return source == "." || source == ".." || strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../")
}

// LocalDir is the directory that a local source names from that of the caller; false
// for a module from elsewhere, and for a directory that is not in the tree.
func LocalDir(dir, source string) (string, bool) {
	p := path.Join(dir, slashed(source))
	return p, IsLocal(source) && fs.ValidPath(p)
}

func slashed(source string) string { return strings.ReplaceAll(source, `\`, "/") }
