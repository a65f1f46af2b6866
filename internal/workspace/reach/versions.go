package reach

import (
	"path"
	"slices"
	"strings"
)

// VersionFile is a file in which version switchers keep which engine a
// directory, and all below it, is for.
type VersionFile struct {
	Name string
	Tool string // the line of a file for many tools; empty: the file is for one
}

// VersionFiles are those that count for an engine: "terraform" or "tofu".
func VersionFiles(engine string) []VersionFile {
	if engine == "tofu" {
		return []VersionFile{{".opentofu-version", ""}, {".tool-versions", "opentofu"}}
	}
	return []VersionFile{{".terraform-version", ""}, {".tool-versions", "terraform"}}
}

// versions covers the files that choose the version of the engine: of each kind
// those from the root module upward, as far as the first that says something.
func (b *builder) versions(engine string) {
	for _, file := range VersionFiles(engine) {
		for dir := b.dir; inside(dir); dir = path.Dir(dir) {
			p := path.Join(dir, file.Name)
			b.path(p, Versions, 0, Link{What: "version of the engine of " + b.mods[0].dir})
			if b.saysVersion(p, file.Tool) || dir == "." {
				break
			}
		}
	}
}

func (b *builder) saysVersion(p, tool string) bool {
	real, _, err := b.graph.root.resolve(p)
	if err != nil {
		return false
	}
	l := b.graph.root.leafAt(real)
	if l == nil || l.link {
		return false
	}
	f := b.scan.read(real, l.hash, versions)
	return tool == "" && f.root || slices.ContainsFunc(f.values, func(v binding) bool { return v.name == tool })
}

// versions notes the tools that a version file names; root says that it has a
// word at all.
func (r *reader) versions() {
	text := strings.TrimPrefix(string(r.src[:min(len(r.src), maxVersions)]), "\ufeff")
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		r.facts.root = r.facts.root || len(words) > 0
		if len(words) > 1 {
			r.facts.values = append(r.facts.values, binding{name: words[0]})
		}
	}
}

// maxVersions is how much of a version file is read, in bytes.
const maxVersions = 64 << 10
