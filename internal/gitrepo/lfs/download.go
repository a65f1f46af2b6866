package lfs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tfops/tfops/internal/fault"
)

const (
	lfsMedia     = "application/vnd.git-lfs+json"
	lfsBatch     = 100 // objects asked for at once, as git-lfs does
	lfsDownloads = 4   // at once
	lfsTimeout   = 30 * time.Minute
	maxAnswer    = 8 << 20 // bytes of an answer to one batch
)

// errNotTheObject is content that is not what a pointer names.
var errNotTheObject = errors.New("its content is not what the pointer names (size or SHA-256 differ)")

// copyObject copies an object and sees that it is that object. It never copies
// more than the object may have.
func copyObject(w io.Writer, r io.Reader, o Object) error {
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(r, o.Size+1))
	if err != nil {
		return err
	}
	if n != o.Size || hex.EncodeToString(sum.Sum(nil)) != o.OID {
		return errNotTheObject
	}
	return nil
}

// Server is where LFS objects come from. Its fields are settings.
type Server struct {
	Name      string            // of the repository
	Base      *url.URL          // nil: the repository is a directory on this machine
	Path      string            // that directory
	Transport http.RoundTripper // for base
	User      string            // for base
	Password  string
	Redact    func(error) error // clears an error of secrets
}

// Download brings objects into the store. bad are those that cannot be had, by
// their id, with the reason.
func (s *Store) Download(ctx context.Context, objects []Object) (bad map[string]string, err error) {
	bad = map[string]string{}
	if len(objects) == 0 {
		return bad, nil
	}
	if s.Wrong != nil {
		return nil, s.Wrong
	}
	ctx, cancel := context.WithTimeout(ctx, lfsTimeout)
	defer cancel()
	for _, dir := range []string{filepath.Join(s.Dir, "objects"), filepath.Join(s.Dir, "tmp")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, DiskFault(err)
		}
	}
	for len(objects) > 0 {
		part := objects[:min(lfsBatch, len(objects))]
		objects = objects[len(part):]
		if s.Server.Base == nil {
			err = s.Server.copyLocal(s, part, bad)
		} else {
			err = s.Server.batch(ctx, s, part, bad)
		}
		if err != nil {
			return nil, err
		}
	}
	return bad, nil
}

func (s *Server) client() *http.Client {
	return &http.Client{Transport: s.Transport, CheckRedirect: keepSecure}
}

// keepSecure refuses to be sent from https to http.
func keepSecure(req *http.Request, via []*http.Request) error {
	if len(via) > 5 || via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errors.New("it redirects to plain http, or too often")
	}
	return nil
}

type lfsAnswer struct {
	Objects []struct {
		Object
		Actions struct {
			Download *lfsAction `json:"download"`
		} `json:"actions"`
		Error *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	} `json:"objects"`
}

type lfsAction struct {
	Href   string            `json:"href"`
	Header map[string]string `json:"header"`
}

// batch asks where objects are, and gets them.
func (s *Server) batch(ctx context.Context, store *Store, objects []Object, bad map[string]string) error {
	answer, err := s.ask(ctx, objects)
	if err != nil {
		return err
	}
	wanted := map[string]Object{}
	for _, o := range objects {
		wanted[o.OID] = o
		bad[o.OID] = "the LFS server does not mention it"
	}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(lfsDownloads)
	for _, a := range answer.Objects {
		o, ok := wanted[a.OID]
		delete(wanted, a.OID) // one that is named twice is fetched once
		switch {
		case !ok:
		case a.Error != nil:
			mu.Lock()
			bad[o.OID] = fmt.Sprintf("the LFS server says %d %s", a.Error.Code, clip(a.Error.Message))
			mu.Unlock()
		case a.Actions.Download != nil:
			g.Go(func() error {
				why, err := s.get(ctx, store, o, *a.Actions.Download)
				mu.Lock()
				defer mu.Unlock()
				if bad[o.OID] = why; why == "" {
					delete(bad, o.OID)
				}
				return err
			})
		}
	}
	return g.Wait()
}

// ask sends one batch request.
func (s *Server) ask(ctx context.Context, objects []Object) (*lfsAnswer, error) {
	body, err := json.Marshal(map[string]any{"operation": "download", "transfers": []string{"basic"},
		"objects":   objects,
		"hash_algo": "sha256"})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Base.String()+"/objects/batch",
		bytes.NewReader(body))
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	req.Header.Set("Accept", lfsMedia)
	req.Header.Set("Content-Type", lfsMedia)
	s.authorize(req)
	resp, err := s.client().Do(req)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, s.status(resp.StatusCode)
	}
	var answer lfsAnswer
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&answer); err != nil {
		return nil, fault.New(fault.Unavailable,
			"check that "+s.Base.Host+" is a Git LFS server; set lfs_url in the repository block",
			"repository %q: %s does not answer as a Git LFS server does", s.Name, s.Base.Host)
	}
	return &answer, nil
}

// authorize adds the remote's credentials, for the LFS server itself alone.
func (s *Server) authorize(req *http.Request) {
	if s.Password != "" && req.URL.Scheme == s.Base.Scheme && req.URL.Host == s.Base.Host {
		req.SetBasicAuth(s.User, s.Password)
	}
}

// get downloads one object into the store. why says that it cannot be had,
// whoever asks; an error that it could not be asked for.
func (s *Server) get(ctx context.Context, store *Store, o Object, a lfsAction) (why string, err error) {
	u, perr := url.Parse(a.Href)
	if perr != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || s.Base.Scheme == "https") {
		return "the LFS server names no secure address for it", nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Href, nil)
	if err != nil {
		return "the LFS server names no address for it that can be read", nil
	}
	s.authorize(req)
	for name, value := range a.Header {
		req.Header.Set(name, value)
	}
	resp, err := s.client().Do(req)
	if err != nil {
		return "", s.fault(ctx, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity:
		return fmt.Sprintf("the LFS server answers %d", resp.StatusCode), nil
	default:
		return "", s.status(resp.StatusCode)
	}
	err = store.keep(o, resp.Body)
	var disk *fs.PathError
	switch {
	case errors.Is(err, errNotTheObject):
		return err.Error(), nil
	case errors.As(err, &disk):
		return "", DiskFault(err)
	case err != nil:
		return "", s.fault(ctx, err)
	}
	return "", nil
}

// keep takes an object into the store, whole or not at all.
func (s *Store) keep(o Object, r io.Reader) (err error) {
	f, err := os.CreateTemp(filepath.Join(s.Dir, "tmp"), o.OID[:16]+"-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	err = copyObject(f, r, o)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.MkdirAll(filepath.Dir(s.path(o)), 0o700); err != nil {
		return err
	}
	return os.Rename(f.Name(), s.path(o))
}

// copyLocal takes objects from a repository on this machine.
func (s *Server) copyLocal(store *Store, objects []Object, bad map[string]string) error {
	for _, o := range objects {
		bad[o.OID] = "it is not among the LFS objects of " + s.Path
		for _, dir := range []string{"lfs", filepath.Join(".git", "lfs")} {
			f, err := os.Open((&Store{Dir: filepath.Join(s.Path, dir)}).path(o))
			if err != nil {
				continue
			}
			err = store.keep(o, f)
			f.Close()
			switch {
			case err == nil:
				delete(bad, o.OID)
			case errors.Is(err, errNotTheObject):
				bad[o.OID] = err.Error()
			default:
				return DiskFault(err)
			}
			break
		}
	}
	return nil
}

// status is a fault for an answer that is no success.
func (s *Server) status(code int) error {
	name, host := s.Name, s.Base.Host
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fault.New(fault.Forbidden,
			"give the user or token of the auth block access to Git LFS; an ssh key says nothing there: add "+
				"username and password to the auth block",
			"repository %q: the Git LFS server at %s does not accept these credentials, or needs some", name, host)
	case code == http.StatusTooManyRequests || code >= 500:
		return fault.New(fault.Unavailable, "it is tried again; if it stays, see the status of that host",
			"repository %q: the Git LFS server at %s answers %d", name, host, code)
	}
	return fault.New(fault.Invalid, "set lfs_url in the repository block to where the Git LFS server is",
		"repository %q: the Git LFS server at %s answers %d", name, host, code)
}

// fault tells why a server could not be asked. An address may hold a signature,
// so only the host is named.
func (s *Server) fault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	return fault.New(fault.Unavailable,
		"check that the host can be reached from here, or set lfs_url in the repository block",
		"repository %q: Git LFS at %s: %w", s.Name, s.Base.Host, s.Redact(err))
}

// clip is a foreign text that is short enough to be repeated.
func clip(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if r := []rune(text); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return text
}
