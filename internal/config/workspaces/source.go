package workspaces

import (
	"cmp"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/lazyregexp"
)

var (
	fullCommit = lazyregexp.New(`^[0-9a-f]{40}$`)
	notInName  = lazyregexp.New(`[^A-Za-z0-9._-]+`)
)

// checkSource checks where a workspace is: which repository, what of it is
// followed, which directory and which Terraform workspace.
func (r reader) checkSource(s settings) {
	r.checkRepository(s.text["repository"])
	r.checkBranch(s.text["branch"])
	r.checkFollowed(s.text)
	r.checkTerraformWorkspace(s.text["terraform_workspace"])
	s.text["dir"] = r.checkDir(s.text["dir"])
}

func (r reader) checkRepository(f decode.Field[string]) {
	switch summary := "unknown repository " + strconv.Quote(f.Val); {
	case !f.Set || slices.Contains(r.repositories, f.Val):
	case len(r.repositories) == 0:
		r.Missingf(f.Range, summary,
			"The file has no repository block. Write one: repository %q { url = \"…\" }", f.Val)
	default:
		r.Missingf(f.Range, summary, "No repository block has this name.%s", problems.DidYouMean(f.Val, r.repositories))
	}
}

// noRefName reports what git check-ref-format refuses in any part of a name.
func noRefName(s string) bool {
	return strings.ContainsAny(s, " ~^:?*[\\\x7f") || strings.Contains(s, "..") || strings.HasPrefix(s, "/") ||
		strings.ContainsFunc(s, func(c rune) bool { return c < 0x20 })
}

// checkBranch follows git check-ref-format, as far as mistakes are likely.
func (r reader) checkBranch(f decode.Field[string]) {
	const summary = "not the name of a branch"
	bad := f.Val == "" || noRefName(f.Val) || strings.Contains(f.Val, "@{") || strings.Contains(f.Val, "//") ||
		strings.HasSuffix(f.Val, "/") || strings.HasPrefix(f.Val, "-") || strings.HasSuffix(f.Val, ".lock") ||
		strings.HasSuffix(f.Val, ".")
	short, full := strings.CutPrefix(f.Val, "refs/heads/")
	switch {
	case !f.Set:
	case bad:
		r.Errorf(f.Range, summary, "branch is one branch of the repository, for example \"main\", "+
			"without refs/heads/ and without patterns.")
	case full:
		r.Errorf(f.Range, summary, "Leave out refs/heads/: branch = %q", short)
	}
}

// checkFollowed checks what is followed: a branch, tags or one commit.
func (r reader) checkFollowed(text fields[string]) {
	var first string
	for _, name := range []string{"branch", "tag", "commit"} {
		if f := text[name]; f.Set && first != "" {
			r.Errorf(f.Range, "two things to follow",
				"A workspace follows a branch, tags or one commit. Remove %s or %s.", first, name)
		} else if f.Set {
			first = name
		}
	}
	if f := text["tag"]; f.Set {
		if _, err := version.NewConstraint(f.Val); err != nil || strings.TrimSpace(f.Val) == "" {
			r.Errorf(f.Range, "not a version constraint", "tag says which versions may be followed: \">= 1.2, < 2\", "+
				"\"~> 1.4\" or \"1.4.2\". What stands before the version in the tags is tag_prefix.")
		}
	}
	if f := text["tag_prefix"]; noRefName(f.Val) || strings.HasPrefix(f.Val, "refs/") {
		r.Errorf(f.Range, "not the beginning of a tag", "tag_prefix is what stands before the version in the tags, "+
			"as it is: \"network/v\" for network/v1.4.2, without refs/tags/ and without patterns.")
	}
	if f := text["commit"]; f.Set {
		f.Val = strings.ToLower(f.Val)
		text["commit"] = f
		if !fullCommit().MatchString(f.Val) {
			r.Errorf(f.Range, "not a full commit id",
				"commit is the full id of one commit, 40 hexadecimal digits: git rev-parse HEAD shows it.")
		}
	}
}

// checkTerraformWorkspace follows Terraform: a workspace's name stands in URLs
// of backends as it is.
func (r reader) checkTerraformWorkspace(f decode.Field[string]) {
	const summary = "not a Terraform workspace"
	switch {
	case !f.Set:
	case f.Val == "" || f.Val == "." || f.Val == "..":
		r.Errorf(f.Range, summary,
			"terraform_workspace is the name of a Terraform workspace, \"default\" unless you use others.")
	case f.Val != url.PathEscape(f.Val):
		fitting := cmp.Or(strings.Trim(notInName().ReplaceAllString(f.Val, "-"), "-."), "default")
		r.Errorf(f.Range, summary, "Terraform takes names only that stand in a URL as they are. Use %q, for example.",
			fitting)
	}
}

// checkDir returns the directory in its shortest form.
func (r reader) checkDir(f decode.Field[string]) decode.Field[string] {
	if !f.Set {
		return f
	}
	clean := path.Clean(f.Val)
	switch {
	case path.IsAbs(f.Val):
		r.Errorf(f.Range, "absolute directory", "dir is relative to the root of the repository, which is \".\".")
	case clean == ".." || strings.HasPrefix(clean, "../"):
		r.Errorf(f.Range, "directory outside of the repository",
			"dir may not climb out of the repository with \"..\".")
	case strings.ContainsRune(f.Val, 0):
		r.Errorf(f.Range, "invalid directory", "dir holds a NUL character.")
	case strings.ContainsAny(f.Val, "*?["):
		r.Errorf(f.Range, "pattern instead of a directory", "dir is one directory. A workspaces block makes a "+
			"workspace of each directory that matches: dirs = [%q]", f.Val)
	}
	f.Val = clean
	return f
}
