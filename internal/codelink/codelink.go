// Package codelink makes links to commits and files on the page of a forge, where people look at code.
package codelink

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/fault"
)

// Templates are addresses with places to fill in: {commit}, and in File also {path} and {line}. What stands from a "#"
// on is left out of File where no line is known. Empty ones make no links.
type Templates struct {
	Commit, File string
}

// forges are what the addresses of repositories at well-known hosts look like, after that of the repository.
var forges = map[string]Templates{
	"github.com":    {"/commit/{commit}", "/blob/{commit}/{path}#L{line}"},
	"gitlab.com":    {"/-/commit/{commit}", "/-/blob/{commit}/{path}#L{line}"},
	"bitbucket.org": {"/commits/{commit}", "/src/{commit}/{path}#lines-{line}"},
	"codeberg.org":  {"/commit/{commit}", "/src/commit/{commit}/{path}#L{line}"},
	"gitea.com":     {"/commit/{commit}", "/src/commit/{commit}/{path}#L{line}"},
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

// Check says what is wrong with a template that has to have certain places.
func Check(template string, places ...string) error {
	u, err := url.Parse(strings.NewReplacer("{commit}", "c", "{path}", "p", "{line}", "1").Replace(template))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return fault.New(fault.Invalid, "write an address of its page that begins with https://",
			"not an address of a page")
	}
	if strings.ContainsAny(u.String(), "{}") || strings.Contains(u.String(), "%7B") {
		return fault.New(fault.Invalid, "the places are {commit}, {path} and {line}", "a place that is not known")
	}
	for _, p := range places {
		if !strings.Contains(template, p) {
			return fault.New(fault.Invalid, "the places are {commit}, {path} and {line}", "an address without %s", p)
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
