// Package codelink makes links to commits and files on the page of a forge, where people look at code, and to runs,
// where there is a page of them.
package codelink

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/fault"
)

// Templates are addresses with places to fill in: {commit}, in File also {path} and {line}, and in Run {run}. What
// stands from a "#" on is left out of File where no line is known. Empty ones make no links.
type Templates struct {
	Commit, File, Run string
}

// forges are what the addresses of repositories at well-known hosts look like, after that of the repository.
var forges = map[string]Templates{
	"github.com":    {Commit: "/commit/{commit}", File: "/blob/{commit}/{path}#L{line}"},
	"gitlab.com":    {Commit: "/-/commit/{commit}", File: "/-/blob/{commit}/{path}#L{line}"},
	"bitbucket.org": {Commit: "/commits/{commit}", File: "/src/{commit}/{path}#lines-{line}"},
	"codeberg.org":  {Commit: "/commit/{commit}", File: "/src/commit/{commit}/{path}#L{line}"},
	"gitea.com":     {Commit: "/commit/{commit}", File: "/src/commit/{commit}/{path}#L{line}"},
}

// Of are the templates of a repository at a well-known host, by its URL; empty of others.
func Of(repository string) Templates {
	if host, path, ok := strings.Cut(repository, ":"); ok && !strings.Contains(repository, "://") {
		repository = "ssh://" + host + "/" + path // as git@HOST:PATH
	}
	u, err := url.Parse(repository)
	if err != nil || u.Scheme != "https" && u.Scheme != "ssh" {
		return Templates{}
	}
	t, ok := forges[strings.ToLower(strings.TrimPrefix(u.Hostname(), "ssh."))]
	path := strings.TrimSuffix(strings.Trim(u.EscapedPath(), "/"), ".git")
	if !ok || path == "" || strings.ContainsAny(path, "{}") {
		return Templates{}
	}
	page := "https://" + strings.ToLower(strings.TrimPrefix(u.Hostname(), "ssh.")) + "/" + path
	return Templates{Commit: page + t.Commit, File: page + t.File}
}

const places = "the places are {commit}, {path}, {line} and {run}"

// Check says what is wrong with a template that has to have certain places.
func Check(template string, needed ...string) error {
	filled := strings.NewReplacer("{commit}", "c", "{path}", "p", "{line}", "1", "{run}", "r").Replace(template)
	u, err := url.Parse(filled)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return fault.New(fault.Invalid, "write an address of its page that begins with https://",
			"not an address of a page")
	}
	if strings.ContainsAny(u.String(), "{}") || strings.Contains(u.String(), "%7B") {
		return fault.New(fault.Invalid, places, "a place that is not known")
	}
	for _, p := range needed {
		if !strings.Contains(template, p) {
			return fault.New(fault.Invalid, places, "an address without %s", p)
		}
	}
	return nil
}

// CommitURL is where a commit is looked at; empty where that is not known.
func (t Templates) CommitURL(sha string) string {
	if sha == "" {
		return ""
	}
	return strings.ReplaceAll(t.Commit, "{commit}", url.PathEscape(sha))
}

// RunURL is where a run is looked at; empty where that is not known.
func (t Templates) RunURL(id string) string {
	if id == "" {
		return ""
	}
	return strings.ReplaceAll(t.Run, "{run}", url.PathEscape(id))
}

// FileURL is where a line of a file is looked at; a line of 0 is none.
func (t Templates) FileURL(sha, path string, line int) string {
	if sha == "" || path == "" {
		return ""
	}
	template := t.File
	if line == 0 {
		template, _, _ = strings.Cut(template, "#")
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return strings.NewReplacer("{commit}", url.PathEscape(sha), "{path}", strings.Join(segments, "/"), "{line}",
		strconv.Itoa(line)).Replace(template)
}
