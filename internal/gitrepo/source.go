package gitrepo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// source is one conversation with a remote: first list, then perhaps pack.
type source interface {
	list(ctx context.Context) (advert, error)
	// pack writes one pack with all that want needs and have lacks.
	pack(ctx context.Context, want []plumbing.Hash, have *view, w io.Writer) error
	close()
}

// advert is what a remote says it has.
type advert struct {
	refs map[string]plumbing.Hash // by full name; branches and tags only
	head string                   // full name of the default branch; empty when it says none
}

func newAdvert() advert { return advert{refs: map[string]plumbing.Hash{}} }

// add takes over a reference of the kinds that a mirror keeps.
func (a advert) add(name string, h plumbing.Hash) {
	if (strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/tags/")) && validRef(name) && !h.IsZero() {
		a.refs[name] = h
	}
}

// connect starts a conversation with the remote.
func (m *Mirror) connect(ctx context.Context) (source, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	switch m.at.scheme {
	case "file":
		return openLocal(m.remote.Name, m.at.path)
	case "ssh":
		s, err := dialSSH(ctx, m.remote, m.at)
		if err != nil {
			return nil, err
		}
		return &wire{session: s}, nil
	}
	s, err := httpSession(m.at)
	if err != nil {
		return nil, err
	}
	return &wire{session: s}, nil
}

// httpTransport is shared by all mirrors, so that a poll reuses the connection
// of the one before.
var httpTransport = func() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 4
	return t
}()

func httpSession(at address) (session, error) {
	ep, err := transport.NewEndpoint((address{scheme: at.scheme, host: at.host, path: at.path}).display())
	if err != nil {
		return nil, err
	}
	var auth transport.AuthMethod
	if at.user != "" || at.pass != "" {
		auth = &githttp.BasicAuth{Username: at.user, Password: at.pass}
	}
	return githttp.NewClient(&http.Client{Transport: httpTransport}).NewUploadPackSession(ep, auth)
}

// session is the part of an upload-pack session that a fetch needs.
type session interface {
	AdvertisedReferencesContext(ctx context.Context) (*packp.AdvRefs, error)
	UploadPack(ctx context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error)
	Close() error
}

// wire is a source that speaks Git's protocol.
type wire struct {
	session session
	adv     *packp.AdvRefs
}

func (s *wire) close() { _ = s.session.Close() } // nothing was written that a close could lose

func (s *wire) list(ctx context.Context) (advert, error) {
	a := newAdvert()
	adv, err := s.session.AdvertisedReferencesContext(ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	s.adv = adv
	for name, h := range adv.References {
		a.add(name, h)
	}
	for _, link := range adv.Capabilities.Get(capability.SymRef) {
		if target, ok := strings.CutPrefix(link, "HEAD:"); ok {
			a.head = target
		}
	}
	return a, nil
}

func (s *wire) pack(ctx context.Context, want []plumbing.Hash, have *view, w io.Writer) error {
	req := packp.NewUploadPackRequestFromCapabilities(s.adv.Capabilities)
	if s.adv.Capabilities.Supports(capability.NoProgress) {
		if err := req.Capabilities.Set(capability.NoProgress); err != nil {
			return err
		}
	}
	req.Wants = want
	if have != nil {
		req.Haves = have.haves()
	}
	resp, err := s.session.UploadPack(ctx, req)
	if err != nil {
		return err
	}
	defer resp.Close()
	var r io.Reader = resp
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		r = sideband.NewDemuxer(sideband.Sideband64k, resp)
	case req.Capabilities.Supports(capability.Sideband):
		r = sideband.NewDemuxer(sideband.Sideband, resp)
	}
	_, err = io.Copy(w, r)
	return err
}

const maxHaves = 1024

// haves names commits that the mirror has, to spare their transfer: the heads,
// then their ancestors breadth first, since a remote may have dropped a head
// that a force-push replaced. The mirror has all that they need.
func (v *view) haves() []plumbing.Hash {
	done := map[plumbing.Hash]bool{}
	var found, next []plumbing.Hash
	for _, h := range v.refs {
		if h, kind, err := v.peel(h); err == nil && kind == plumbing.CommitObject {
			next = append(next, h)
		}
	}
	for len(next) > 0 && len(found) < maxHaves {
		h := next[0]
		next = next[1:]
		if done[h] || !v.has(h) {
			continue
		}
		done[h] = true
		found = append(found, h)
		if c, err := v.commit(h); err == nil {
			next = append(next, c.ParentHashes...)
		}
	}
	return found
}
