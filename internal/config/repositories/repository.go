// Package repositories reads where code is fetched from, and with whose access:
// repositories, their submodules and Git LFS, and the modules that they call.
package repositories

import (
	"net/url"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/codelink"
	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/config/signing"
	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/signatures"
	"github.com/tfops/tfops/internal/lazyregexp"
)

// Repository is a Git remote to mirror.
type Repository struct {
	Name string
	URL  string // https, http, ssh or an absolute local path; never holds a password
	Poll time.Duration
	// Fetch says which branches are mirrored: those that workspaces and
	// workspaces blocks name, or all.
	Fetch string
	Auth  Auth
	TLS   TLS

	LFS    bool   // whether what Git LFS pointers name is fetched
	LFSURL string // of the LFS server; empty: where the repository's host has it

	Modules []credentials.Credential // what the modules of its workspaces are fetched with, besides those for all

	RequireSigned bool             // whether commits are applied only if a signature proves who made them
	SignedSince   string           // a commit: what is in its history need not be signed; empty: nothing
	MergeKeys     []signatures.Key // with which a forge signs the merges of its pages

	Links codelink.Templates // to the pages of its commits and files

	Submodules bool        // whether submodules are followed
	Submodule  []Submodule // who may be asked for them besides the repository's own host
}

// The values of Repository.Fetch.
const (
	fetchFollowed = "followed"
	FetchAll      = "all"
)

const defaultPoll = 30 * time.Second

// reader reads blocks of repositories.
type reader struct{ *decode.Reader }

// Read reads the repository blocks.
func Read(dr *decode.Reader, top decode.Block) []Repository {
	r := reader{dr}
	return decode.Each(top.Blocks(schema.Repository), decode.WorkspaceNames("repository"), r.repository)
}

func (r reader) repository(b decode.Block) Repository {
	repo := Repository{Name: b.Name, Poll: b.Duration("poll", time.Second).OrElse(defaultPoll)}
	repo.Fetch = decode.OneOf(b, "fetch", fetchFollowed, FetchAll).OrElse(fetchFollowed)
	u := b.HiddenText("url")
	if u.Absent() {
		r.Missingf(b.Header, "repository without a url",
			"Write where it is: url = \"https://…\", \"ssh://…\" or a local path.")
	}
	auths := b.Blocks(schema.Auth)
	for _, a := range auths {
		repo.Auth = r.auth(a)
	}
	repo.RequireSigned = b.Flag("require_signed").OrElse(false)
	r.signedSince(&repo, b)
	repo.MergeKeys = signing.Keys{}.Read(r.Reader, b, "merge_keys", "")
	repo.LFS = b.Flag("lfs").OrElse(false)
	r.lfsURL(&repo, b)
	r.submodules(&repo, b)
	certificates := b.Blocks(schema.TLS)
	for _, t := range certificates {
		repo.TLS = r.tls(t)
	}
	if u.Set {
		r.location(&repo, u)
		for _, t := range certificates {
			if repo.URL != "" && !strings.HasPrefix(repo.URL, "https://") {
				r.Warnf(t.Header, "tls has no effect", "Only a repository that is reached by https has certificates.")
			}
		}
		for _, a := range auths {
			r.checkAuth(repo.URL, repo.Auth, a)
		}
	}
	repo.Links = r.links(repo.URL, b)
	repo.Modules = r.credentials(b.Blocks(schema.ModuleCredentials), true)
	r.sameAccess(&repo, b)
	return repo
}

// links reads where people look at commits and files; hosts that are well known need not be told.
func (r reader) links(url string, b decode.Block) codelink.Templates {
	t := codelink.Of(url)
	read := func(name string, to *string, places ...string) {
		f := b.Text(name)
		if !f.Set {
			return
		}
		if err := codelink.Check(f.Val, places...); err != nil {
			r.Errorf(f.Range, err.Error(), "%s", "For example "+name+" = \"https://git.example.com/acme/infra/"+
				strings.Join(places, "/")+"\": "+fault.Next(err)+".")
		}
		*to = f.Val
	}
	read("commit_link", &t.Commit, "{commit}")
	read("file_link", &t.File, "{commit}", "{path}")
	read("run_link", &t.Run, "{run}")
	return t
}

// signedSince reads from which commit on signatures are asked for.
func (r reader) signedSince(repo *Repository, b decode.Block) {
	f := b.Text("signed_since")
	switch {
	case !f.Set:
	case !fullID().MatchString(f.Val):
		r.Errorf(f.Range, "not the full id of a commit", "Write all 40 digits, as `git rev-parse COMMIT` prints them.")
	case !repo.RequireSigned:
		r.Warnf(f.Range, "signed_since has no effect", "No signature is asked for without require_signed = true.")
	}
	repo.SignedSince = f.Val
}

var fullID = lazyregexp.New(`^[0-9a-f]{40}$`)

// lfsURL reads where the Git LFS server is.
func (r reader) lfsURL(repo *Repository, b decode.Block) {
	f := b.Text("lfs_url")
	if !f.Set {
		return
	}
	u, err := url.Parse(f.Val)
	switch {
	case err != nil, !IsHTTP(u), u.Host == "", u.RawQuery != "", u.Fragment != "":
		r.Errorf(f.Range, "not a url of a Git LFS server",
			"lfs_url is https://HOST/PATH, as `git lfs env` shows it for Endpoint.")
	case u.User != nil:
		r.Errorf(f.Range, "a user in lfs_url",
			"Put user and password into the auth block; they count for Git LFS, too.")
	case !repo.LFS:
		r.Warnf(f.Range, "lfs_url has no effect", "Nothing is fetched from Git LFS without lfs = true.")
	}
	repo.LFSURL = f.Val
}
