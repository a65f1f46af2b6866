package repositories

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/lazyregexp"
)

var (
	// scpURL is the short form of ssh: user@host:path.
	scpURL = lazyregexp.New(`^(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:[^/\\].*|` +
		`^(?:[A-Za-z0-9._-]+@)[A-Za-z0-9][A-Za-z0-9.-]*:.+`)
	hostName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9][A-Za-z0-9-]*)*\.[A-Za-z]{2,}$`)
)

const urlForms = "A repository's url is https://host/path, ssh://user@host/path, user@host:path or a local path."

// location takes the url apart: what it says of user and password goes to
// Auth, so that the URL can be shown.
func (r reader) location(repo *Repository, f decode.Field[string]) {
	switch {
	case f.Val == "":
		r.Errorf(f.Range, "empty url", urlForms)
		return
	case strings.Contains(f.Val, "://"):
		r.parseURL(repo, f)
	case scpURL().MatchString(f.Val):
		repo.URL = f.Val
	default:
		repo.URL = r.localPath(f, f.Val)
	}
	if f.Secret && (repo.URL == f.Val || r.Repeats(repo.URL)) {
		r.Errorf(f.Range, decode.NoSecret,
			"Of a url only the user and the password before the @ are kept secret. Write the rest itself.")
		repo.URL = ""
	}
}

func (r reader) localPath(f decode.Field[string], written string) string {
	path := r.Abs(written)
	if f.Secret {
		return written // refused by the caller
	}
	_, err := os.Stat(path)
	gone := errors.Is(err, fs.ErrNotExist)
	switch {
	case gone && isHostPath(written):
		r.Errorf(f.Range, "no repository there", "There is nothing at %s: is https://%s meant?", path, written)
	case gone:
		r.Warnf(f.Range, "no repository there", "There is nothing at %s. "+decode.RelativePath, path)
	}
	return path
}

// isHostPath is whether a relative path looks like a URL without its scheme. A
// directory that is called after its bare repository does not.
func isHostPath(s string) bool {
	host, rest, _ := strings.Cut(s, "/")
	return rest != "" && hostName().MatchString(host) && !strings.HasSuffix(host, ".git")
}

// BadPort is whether a URL has a port that there cannot be.
func BadPort(u *url.URL) bool {
	n, err := strconv.Atoi(u.Port())
	return u.Port() != "" && (err != nil || n < 1 || n > 65535)
}

// IsHTTP is whether a URL is one of HTTP, encrypted or not.
func IsHTTP(u *url.URL) bool { return u.Scheme == "https" || u.Scheme == "http" }

func (r reader) parseURL(repo *Repository, f decode.Field[string]) {
	u, err := url.Parse(f.Val)
	switch {
	case err != nil:
		r.Errorf(f.Range, "not a url", urlForms) // the error repeats the text, which may hold a password
	case u.Scheme == "file" && (!strings.HasPrefix(u.Path, "/") || u.Host != "" && u.Host != "localhost"):
		r.Errorf(f.Range, "not a local path", "Write the path itself, without file://.")
	case u.Scheme == "file":
		repo.URL = r.localPath(f, u.Path)
	case !IsHTTP(u) && u.Scheme != "ssh":
		r.Errorf(f.Range, "unknown kind of url", urlForms)
	case u.Host == "" || strings.Trim(u.Path, "/") == "":
		r.Errorf(f.Range, "incomplete url", urlForms)
	case BadPort(u):
		r.Errorf(f.Range, "invalid port", "The port of a url is a number from 1 to 65535.")
	default:
		r.takeUser(repo, u, f)
		repo.URL = u.String()
	}
}

// takeUser moves user and password from the URL to Auth. The user of an ssh
// URL is part of the address and stays.
func (r reader) takeUser(repo *Repository, u *url.URL, f decode.Field[string]) {
	if u.User == nil {
		return
	}
	password, has := u.User.Password()
	user := u.User.Username()
	switch {
	case has && repo.Auth.Password != "":
		r.Errorf(f.Range, "two passwords",
			"The url and the auth block both have a password. Remove the one in the url.")
	case has && !f.Secret:
		r.WarnPlainText(f, "url")
	}
	if has {
		repo.Auth.Password = password
	}
	if u.Scheme == "ssh" {
		u.User = url.User(user)
		return
	}
	u.User = nil
	if repo.Auth.Username != "" && repo.Auth.Username != user {
		r.Errorf(f.Range, "two users",
			"The url and the auth block name different users. Remove the one in the url.")
		return
	}
	repo.Auth.Username = user
}
