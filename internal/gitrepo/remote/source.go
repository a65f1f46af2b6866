package remote

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// Source is one conversation with a remote: first list, then perhaps pack.
type Source interface {
	List(ctx context.Context) (Advert, error)
	// Pack writes one pack with all that want needs and have lacks.
	Pack(ctx context.Context, want []plumbing.Hash, have Stock, w io.Writer) error
	Close()
}

// Stock is what is there already.
type Stock interface {
	Has(plumbing.Hash) bool
	Haves() []plumbing.Hash // what a remote is told
}

// Advert is what a remote says it has.
type Advert struct {
	Refs   map[string]plumbing.Hash // by full name; branches and tags only
	Peeled map[string]plumbing.Hash // of annotated tags, by full name: what they are tags of
	Head   string                   // full name of the default branch; empty when it says none
	Gives  func(plumbing.Hash) bool // whether it may be asked for a commit that no reference names
}

func newAdvert() Advert {
	return Advert{Refs: map[string]plumbing.Hash{}, Peeled: map[string]plumbing.Hash{},
		Gives: func(plumbing.Hash) bool { return false }}
}

// add takes over a reference of the kinds that a mirror keeps.
func (a Advert) add(name string, h plumbing.Hash) {
	if (strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/tags/")) && ValidRef(name) &&
		!h.IsZero() {
		a.Refs[name] = h
	}
}

// Connect starts a conversation with a remote.
func Connect(ctx context.Context, r Remote, at Address, rt http.RoundTripper) (Source, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	switch at.Scheme {
	case "file":
		return openLocal(r.Name, at.Path)
	case "ssh":
		s, err := dialSSH(ctx, r, at)
		if err != nil {
			return nil, err
		}
		return &wire{session: s}, nil
	}
	s, err := httpSession(at, rt)
	if err != nil {
		return nil, err
	}
	return &wire{session: s}, nil
}

// Azure DevOps refuses a client that does not ask for multi_ack or
// multi_ack_detailed ("TF401041: … Clients must support multi-ack"). go-git
// takes both out of what a host offers, because it cannot negotiate in rounds.
// A fetch here is one round: all wants, all haves, done. In it the modes only
// mean more ACK lines before the pack, and these are read over. A thin pack
// stays out: it would lack objects that the index of a pack needs.
func init() { transport.UnsupportedCapabilities = []capability.Capability{capability.ThinPack} }

func httpSession(at Address, rt http.RoundTripper) (session, error) {
	ep, err := transport.NewEndpoint((Address{Scheme: at.Scheme, Host: at.Host, Path: at.Path}).Display())
	if err != nil {
		return nil, err
	}
	var auth transport.AuthMethod
	if at.User != "" || at.Pass != "" {
		auth = &githttp.BasicAuth{Username: at.User, Password: at.Pass}
	}
	return githttp.NewClient(&http.Client{Transport: rt}).NewUploadPackSession(ep, auth)
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

func (s *wire) Close() { _ = s.session.Close() } // nothing was written that a close could lose

func (s *wire) List(ctx context.Context) (Advert, error) {
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
	maps.Copy(a.Peeled, adv.Peeled)
	reachable := adv.Capabilities.Supports(capability.AllowReachableSHA1InWant) ||
		adv.Capabilities.Supports(capability.AllowTipSHA1InWant)
	a.Gives = func(plumbing.Hash) bool { return reachable }
	for _, link := range adv.Capabilities.Get(capability.SymRef) {
		if target, ok := strings.CutPrefix(link, "HEAD:"); ok {
			a.Head = target
		}
	}
	return a, nil
}

func (s *wire) Pack(ctx context.Context, want []plumbing.Hash, have Stock, w io.Writer) error {
	req := packp.NewUploadPackRequestFromCapabilities(s.adv.Capabilities)
	for _, c := range []capability.Capability{capability.NoProgress, capability.IncludeTag} {
		if !s.adv.Capabilities.Supports(c) {
			continue
		}
		if err := req.Capabilities.Set(c); err != nil {
			return err
		}
	}
	req.Wants = want
	if have != nil {
		req.Haves = have.Haves()
	}
	resp, err := s.session.UploadPack(ctx, req)
	if err != nil {
		return refused(ctx, err)
	}
	defer resp.Close()
	var r io.Reader = resp
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		r = sideband.NewDemuxer(sideband.Sideband64k, resp)
	case req.Capabilities.Supports(capability.Sideband):
		r = sideband.NewDemuxer(sideband.Sideband, resp)
	}
	n, err := io.Copy(w, r)
	if n > 0 {
		return err
	}
	if err == nil {
		err = io.ErrUnexpectedEOF // whatever was wanted is something
	}
	if s, ok := s.session.(*sshSession); ok {
		err = s.explain(ctx, err)
	}
	return refused(ctx, err)
}

// Refusal is the answer of a host that named its references and then sent no
// pack: it may be what we told it to have that it does not understand.
type Refusal struct{ error }

func (r *Refusal) Unwrap() error { return r.error }

// refused tells a host that will not have the request as it is from one that
// cannot be reached, is overloaded, or wants another credential: those are no
// better off with a request for everything.
func refused(ctx context.Context, err error) error {
	var status *githttp.Err
	var network net.Error
	inner := openUp(err)
	switch {
	case ctx.Err() != nil, errors.As(err, &network), errors.As(inner, &network),
		errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed),
		errors.Is(err, transport.ErrRepositoryNotFound):
		return err
	case errors.As(inner, &status):
		switch status.StatusCode() {
		case http.StatusBadRequest, http.StatusInternalServerError, http.StatusNotImplemented:
		default:
			return err
		}
	}
	return &Refusal{err}
}

// ValidRef keeps names out of our files that would not be read back.
func ValidRef(name string) bool {
	return strings.HasPrefix(name, "refs/") && plumbing.ReferenceName(name).Validate() == nil
}

const (
	Branches = "refs/heads/"
	Tags     = "refs/tags/"
)

const minAbbreviation = 7

// LooksLikeID reports whether a text may be the id of a commit, whole or abbreviated.
func LooksLikeID(ref string) bool {
	return len(ref) >= minAbbreviation && len(ref) <= 40 && strings.Trim(strings.ToLower(ref), "0123456789abcdef") == ""
}

// Find looks up what somebody wants as Resolve does: the references that it
// may mean, or else the commit that it is the whole id of.
func (a Advert) Find(wanted string) (names []string, id plumbing.Hash) {
	if wanted == "HEAD" {
		wanted = a.Head
	}
	for _, name := range []string{wanted, Branches + wanted, Tags + wanted} {
		if _, ok := a.Refs[name]; ok {
			names = append(names, name)
		}
	}
	digits := strings.ToLower(wanted)
	if len(names) > 0 || !LooksLikeID(digits) {
		return names, plumbing.ZeroHash
	}
	for name, h := range a.Refs {
		if strings.HasPrefix(h.String(), digits) || strings.HasPrefix(cmp.Or(a.Peeled[name], h).String(), digits) {
			names = append(names, name)
		}
	}
	if len(names) == 0 && plumbing.IsHash(digits) {
		id = plumbing.NewHash(digits)
	}
	return names, id
}
