package reach

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/tfops/tfops/internal/workspace"
)

// Matches lists what the generator makes workspaces of in the tree of one
// branch, sorted. roots are the tree's root modules, as Discover lists them.
// Directories whose name begins with a dot are passed over.
//
// A glob that matches nothing is a problem: whoever wrote it expected
// workspaces.
func Matches(g workspace.Generator, branch string, tree fs.FS, roots []string) ([]workspace.Origin,
	[]workspace.Problem) {
	t := newTree(tree)
	var dirs []string
	if !t.eachDir(".", func(dir string) { dirs = append(dirs, dir) }) {
		return nil, []workspace.Problem{{Where: g.Source,
			Message: fmt.Sprintf("generator %q: branch %s has more than %d directories, and is not looked at", g.Name,
				branch, maxDirs),
			Next: "take them out of the repository, or write workspace blocks"}}
	}
	var out []workspace.Origin
	var problems []workspace.Problem
	for _, glob := range g.Dirs {
		var matched, usable []string
		for _, dir := range dirs {
			if workspace.MatchGlob(path.Clean(glob), dir) {
				matched = append(matched, dir)
				if g.All || slices.Contains(roots, dir) {
					usable = append(usable, dir)
				}
			}
		}
		if len(usable) == 0 {
			problems = append(problems, noMatch(g, glob, branch, matched, dirs, roots))
		}
		for _, dir := range usable {
			found, problem := originsIn(g, t, branch, dir)
			out = append(out, found...)
			problems = append(problems, problem...)
		}
	}
	slices.SortFunc(out, workspace.CompareOrigins)
	return slices.Compact(out), problems
}

// noMatch says why a glob over directories makes no workspace.
func noMatch(g workspace.Generator, glob, branch string, matched, dirs, roots []string) workspace.Problem {
	p := workspace.Problem{Where: g.Source}
	switch {
	case len(matched) > 0:
		p.Message = fmt.Sprintf("generator %q: no directory that matches dirs = %q on branch %s is a root module; "+
			"there are %s", g.Name, glob, branch, shortList(matched))
		p.Next = "commit a root module there (a backend, a provider or a resource, " +
			"not called as a module by another), or set all = true"
	default:
		p.Message = fmt.Sprintf("generator %q: dirs = %q matches no directory on branch %s", g.Name, glob, branch)
		p.Next = "correct dirs in tfops.hcl, or commit such a directory"
		if near := workspace.Nearest(glob, dirs); near != "" {
			p.Next += fmt.Sprintf("; did you mean %q?", near)
		} else if len(roots) > 0 {
			p.Next += "; root modules on the branch: " + shortList(roots)
		}
	}
	return p
}

// originsIn makes the origins of one directory: one, or one for each var file.
func originsIn(g workspace.Generator, t *tree, branch, dir string) (out []workspace.Origin,
	problems []workspace.Problem) {
	origin := workspace.Origin{Generator: g.Name, Branch: branch, Dir: dir}
	if len(g.VarFiles) == 0 {
		return []workspace.Origin{origin}, nil
	}
	for _, glob := range g.VarFiles {
		files := t.filesMatching(dir, glob)
		if len(files) == 0 {
			problems = append(problems, workspace.Problem{Where: g.Source,
				Message: fmt.Sprintf("generator %q: var_files = %q matches no file from directory %s on branch %s",
					g.Name, glob, dir, branch),
				Next: t.varsHint(path.Join(dir, glob))})
		}
		for _, f := range files {
			o := origin
			o.VarFile = f
			out = append(out, o)
		}
	}
	return out, problems
}

// filesMatching lists the files, by their paths relative to dir, that a glob
// relative to dir matches. It may climb with "..", not out of the tree.
func (t *tree) filesMatching(dir, glob string) []string {
	full, ok := join(dir, glob)
	if !ok {
		return nil
	}
	base, _ := doublestar.SplitPattern(full)
	var out []string
	up := ""
	for d := dir; !workspace.Within(d, path.Clean(base)) && d != "."; d = path.Dir(d) {
		up += "../"
	}
	top := dir
	for range strings.Count(up, "../") {
		top = path.Dir(top)
	}
	t.eachDir(path.Clean(base), func(d string) {
		for _, e := range t.list(d) {
			p := path.Join(d, e.Name())
			if !e.IsDir() && workspace.MatchGlob(full, p) {
				rel := strings.TrimPrefix(p, top+"/")
				out = append(out, up+rel)
			}
		}
	})
	slices.Sort(out)
	return out
}

// maxDirs is how many directories are looked at. A few small trees that name each other
// many times can stand for any number of them.
const maxDirs = 100_000

// eachDir calls f with a directory and with all below it whose names do not
// begin with a dot; false where there are more than maxDirs, and the rest was passed
// over. One that cannot be read has no entries, nor has one with too long a path.
func (t *tree) eachDir(dir string, f func(dir string)) bool {
	left := maxDirs
	t.below(dir, &left, f)
	return left >= 0
}

func (t *tree) below(dir string, left *int, f func(dir string)) {
	if *left--; *left < 0 {
		return
	}
	f(dir)
	if len(dir) > maxPath {
		return
	}
	for _, e := range t.list(dir) {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && *left >= 0 {
			t.below(path.Join(dir, e.Name()), left, f)
		}
	}
}

// maxSlug is the length of a slug in bytes: that of a DNS label, which many
// things that are named after a Terraform workspace must be.
const maxSlug = 63

// Slug is a branch's name as a Terraform workspace, which must be safe in a
// URL: lower case, with "-" for everything but letters, digits and "_". A
// branch whose name changes by more than a slash gets a hash of it at the end.
// So the only branches that have one slug are such as "env/a" and "env-a";
// Unique does not let them share a state.
func Slug(branch string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, branch)
	clean = strings.Trim(clean, "-")
	if clean == branch && len(clean) <= maxSlug {
		return clean
	}
	if clean == strings.ReplaceAll(branch, "/", "-") && !strings.Contains(branch, "-") && len(clean) <= maxSlug {
		return clean // "env/prod" cannot be meant by another branch of such a kind
	}
	sum := sha256.Sum256([]byte(branch))
	hash := hex.EncodeToString(sum[:4])
	return strings.Trim(clean[:min(len(clean), maxSlug-len(hash)-1)]+"-"+hash, "-")
}

// Unique leaves out of the workspaces that generators made those whose name is
// taken: by a workspace that has a block of its own, or by another match. Each
// is a problem that names both sources. Of two matches the one that was there first is
// kept: else whoever may push a branch could take the name of another. Where first says
// that of both or neither, neither is kept, since nothing tells which is meant.
func Unique(static, made []workspace.Workspace, where func(workspace.Workspace) string,
	first func(workspace.Workspace) bool) (kept []workspace.Workspace, problems []workspace.Problem) {
	own := map[string]workspace.Workspace{}
	for _, w := range static {
		own[w.Name] = w
	}
	byName, byState := map[string][]workspace.Workspace{}, map[string][]workspace.Workspace{}
	for _, w := range made {
		byName[w.Name] = append(byName[w.Name], w)
		if w.TerraformWorkspace != "" && w.TerraformWorkspace == Slug(w.Origin.Branch) {
			byState[w.TerraformWorkspace] = append(byState[w.TerraformWorkspace], w)
		}
	}
	for _, w := range made {
		same := byName[w.Name]
		loses := func(o workspace.Workspace) bool { return !first(w) || first(o) }
		beside := byState[w.TerraformWorkspace]
		takes := func(o workspace.Workspace) bool { return shareSlug(w, o) && loses(o) }
		if i := slices.IndexFunc(beside, takes); i >= 0 {
			problems = append(problems, workspace.Problem{Where: where(w), Workspace: w.Name,
				Generator: w.Origin.Generator,
				Message: fmt.Sprintf("%s would have Terraform workspace %q, and with it the state, of %s", where(w),
					w.TerraformWorkspace, where(beside[i])),
				Next: "rename one of the branches, or set terraform_workspace"})
			continue
		}
		if s, taken := own[w.Name]; taken {
			problems = append(problems, collision(w, where(s), where(w)))
			continue
		}
		i := slices.IndexFunc(same, func(o workspace.Workspace) bool { return *o.Origin != *w.Origin && loses(o) })
		if i < 0 {
			kept = append(kept, w)
			continue
		}
		problems = append(problems, collision(w, where(same[i]), where(w)))
	}
	return kept, problems
}

// shareSlug reports whether the workspaces of two branches, of the same code, have
// the same Terraform workspace only because the branches are called alike.
func shareSlug(w, o workspace.Workspace) bool {
	return w.Origin.Branch != o.Origin.Branch && w.Repository == o.Repository && w.Origin.Dir == o.Origin.Dir &&
		w.Origin.VarFile == o.Origin.VarFile &&
		w.TerraformWorkspace == Slug(w.Origin.Branch) && o.TerraformWorkspace == w.TerraformWorkspace &&
		Slug(o.Origin.Branch) == o.TerraformWorkspace
}

func collision(w workspace.Workspace, first, second string) workspace.Problem {
	return workspace.Problem{Where: second, Workspace: w.Name, Generator: w.Origin.Generator,
		Message: fmt.Sprintf("workspace %q is made twice: by %s, and by %s", w.Name, first, second),
		Next:    "give them different names: name may use dir, parts, branch, branch_slug and var_file"}
}
