// Package starter writes the tfops.hcl that "tfops init" begins with: the
// repository, and a workspace for each root module and environment that can be
// seen in its files. What cannot be known stands in comments.
package starter

import (
	"bytes"
	"cmp"
	_ "embed" // the template
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"sync"
	"text/template"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/workspace"
)

// Info is what a starter is written for.
type Info struct {
	Repository string   // what to call it; empty: made from the URL
	URL        string   // https, ssh or a local path; a user and password in it are left out
	Branch     string   // empty: "main"
	DataDir    string   // empty: "/var/lib/tfops"
	Roots      []string // directories of root modules, as reach.Discover lists them
	Tree       fs.FS    // of the repository; nil: var files, variables and environments of roots are not named

	LeftOut    map[string]string // why the workspaces of a root are comments, by its directory
	Submodules bool              // root modules call modules that lie in Git submodules
	NoInfer    bool              // what code reads of other states is no order: it would be a circle
}

//go:embed tfops.hcl.tmpl
var source string

var texts = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("starter").Funcs(template.FuncMap{"text": text}).Parse(source))
})

// File is a commented tfops.hcl: the repository, and a workspace for each
// root module. It loads without a mistake or a warning, if the URL exists and
// there is a root module.
func File(info Info) []byte {
	info = info.complete()
	w := writer{tree: info.Tree, repository: info.Repository, taken: map[string]bool{}}
	data := struct {
		Info
		Access     string
		Workspaces []string
	}{Info: info, Access: accessOf(info.URL)}
	for _, dir := range info.Roots {
		data.Workspaces = append(data.Workspaces, commented(info.LeftOut[dir], w.blocks(dir)))
	}
	return []byte(execute("starter", data))
}

// execute fills in a part of the template, which only a fault in it can prevent.
func execute(name string, data any) string {
	var b bytes.Buffer
	if err := texts().ExecuteTemplate(&b, name, data); err != nil {
		panic(err)
	}
	return b.String()
}

// accessOf is which example of an auth block suits a URL; "" for none.
func accessOf(location string) string {
	switch {
	case strings.HasPrefix(location, "https://"), strings.HasPrefix(location, "http://"):
		return "https"
	case strings.HasPrefix(location, "ssh://"), remote.ScpForm().MatchString(location):
		return "ssh"
	}
	return ""
}

// commented is a block as comments, with the reason; as it is where there is none.
func commented(why, block string) string {
	if why == "" {
		return block
	}
	var out strings.Builder
	for line := range strings.Lines("Left out: " + strings.ReplaceAll(why, "\n", " ") + "\n" + block) {
		out.WriteString(strings.TrimRight("# "+line, " \n") + "\n")
	}
	return out.String()
}

func (i Info) complete() Info {
	if u, err := url.Parse(i.URL); err == nil && u.User != nil {
		user := u.User.Username()
		if u.User = nil; u.Scheme == "ssh" {
			u.User = url.User(user)
		}
		i.URL = u.String()
	}
	last := path.Base(strings.TrimRight(strings.ReplaceAll(i.URL, ":", "/"), "/"))
	i.Repository = validName(cmp.Or(i.Repository, strings.TrimSuffix(last, ".git")), "infra")
	i.Branch, i.DataDir = cmp.Or(i.Branch, "main"), cmp.Or(i.DataDir, "/var/lib/tfops")
	return i
}

// writer writes the workspaces of a repository.
type writer struct {
	tree       fs.FS
	repository string
	taken      map[string]bool // names of workspaces, in lower case
}

// name is the directory's path with hyphens; a number tells apart what would be
// the same.
func (w writer) name(dir string) string {
	base := validName(strings.ReplaceAll(dir, "/", "-"), w.repository)
	n := base
	for i := 2; w.taken[strings.ToLower(n)]; i++ {
		n = fmt.Sprintf("%s-%d", base, i)
	}
	w.taken[strings.ToLower(n)] = true
	return n
}

var (
	notInName = lazyregexp.New(`[^A-Za-z0-9._-]+`)
	hyphens   = lazyregexp.New(`-{2,}`)
)

// validName makes a valid name of any text.
func validName(s, otherwise string) string {
	s = strings.TrimLeft(hyphens().ReplaceAllString(notInName().ReplaceAllString(s, "-"), "-"), "-._")
	s = strings.TrimRight(s, "-.")
	if s = s[:min(len(s), 100)]; !workspace.ValidName().MatchString(s) {
		return otherwise
	}
	return s
}

// text is a string as HCL writes it.
func text(s string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes())
}

// list is an attribute that is a list of texts.
func list(attr string, items []string) string {
	var quoted []string
	for _, i := range items {
		quoted = append(quoted, text(i))
	}
	return fmt.Sprintf("%s = [%s]\n", attr, strings.Join(quoted, ", "))
}
