package gittest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Azure answers for one repository as Azure DevOps does: it offers multi_ack
// and thin-pack, refuses a client that does not ask for multi_ack, and
// acknowledges each commit that it has in common. It notes what it was asked.
type Azure struct {
	Dir      string
	Detailed bool // offers multi_ack_detailed, too

	// What hosts do that do not negotiate. One of them refuses a request that
	// names anything that the client has; the other one does not heed it.
	RefusesHaves, IgnoresHaves bool

	RefusesAll string // why no pack is sent at all

	mu   sync.Mutex
	asks []Ask
}

// Ask is one request for a pack.
type Ask struct {
	Wants, Haves int
	Refused      string // why; empty when a pack was sent
	Bytes        int    // of the pack
}

// Asks are the requests so far.
func (a *Azure) Asks() []Ask {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Ask{}, a.asks...)
}

func (a *Azure) advertise(ctx context.Context, prefix bool, w io.Writer) error {
	s, err := open(a.Dir)
	if err != nil {
		return err
	}
	defer s.Close()
	adv, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		return err
	}
	peel(a.Dir, adv)
	if prefix {
		adv.Prefix = [][]byte{[]byte("# service=git-upload-pack"), pktline.Flush}
	}
	caps := []capability.Capability{capability.MultiACK, capability.ThinPack, capability.Sideband,
		capability.Sideband64k,
		capability.OFSDelta, capability.NoProgress}
	if a.Detailed {
		caps = append(caps, capability.MultiACKDetailed)
	}
	for _, c := range caps {
		if err := adv.Capabilities.Set(c); err != nil {
			return err
		}
	}
	return adv.Encode(w)
}

// protocolError is a request that is refused, in Azure's words.
type protocolError struct{ why string }

func (e *protocolError) Error() string {
	return "TF401041: The Git protocol sent is not as expected (" + e.why + ")."
}

func (a *Azure) refuses(req *packp.UploadPackRequest) error {
	caps := req.Capabilities
	switch {
	case a.RefusesAll != "":
		return &protocolError{a.RefusesAll}
	case !caps.Supports(capability.MultiACK) && !caps.Supports(capability.MultiACKDetailed):
		return &protocolError{"Clients must support multi-ack."}
	case caps.Supports(capability.MultiACKDetailed) && !a.Detailed:
		return &protocolError{"multi_ack_detailed was not offered."}
	case caps.Supports(capability.ThinPack):
		return errors.New("the client asks for a thin pack, which it cannot store")
	case a.RefusesHaves && len(req.Haves) > 0:
		return &protocolError{"have lines are not expected."}
	}
	return nil
}

// answer sends a pack, or returns a *protocolError before anything was written.
func (a *Azure) answer(ctx context.Context, r io.Reader, w io.Writer) error {
	req, err := readRequest(r)
	if err != nil {
		return err
	}
	ask := Ask{Wants: len(req.Wants), Haves: len(req.Haves)}
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.asks = append(a.asks, ask)
	}()
	if err := a.refuses(req); err != nil {
		ask.Refused = err.Error()
		return err
	}
	common := a.common(req.Haves)
	pack, err := a.pack(ctx, req.Wants, common)
	if err != nil {
		return err
	}
	ask.Bytes = len(pack)
	lines := pktline.NewEncoder(w)
	word := "continue"
	if req.Capabilities.Supports(capability.MultiACKDetailed) {
		word = "common"
	}
	for _, h := range common {
		if err := lines.Encodef("ACK %s %s\n", h, word); err != nil {
			return err
		}
	}
	last := "NAK\n"
	if len(common) > 0 {
		last = fmt.Sprintf("ACK %s\n", common[len(common)-1])
	}
	if err := lines.EncodeString(last); err != nil {
		return err
	}
	band := sideband.NewMuxer(sideband.Sideband64k, w)
	for part := range slices.Chunk(pack, 32<<10) { // the muxer's own chunks are longer than a line may be
		if _, err := band.Write(part); err != nil {
			return err
		}
	}
	return lines.Flush()
}

// common are the haves that the repository has, too.
func (a *Azure) common(haves []plumbing.Hash) (found []plumbing.Hash) {
	if a.IgnoresHaves {
		return nil
	}
	store := filesystem.NewStorage(osfs.New(a.Dir), cache.NewObjectLRUDefault())
	for _, h := range haves {
		if store.HasEncodedObject(h) == nil {
			found = append(found, h)
		}
	}
	return found
}

func (a *Azure) pack(ctx context.Context, wants, common []plumbing.Hash) ([]byte, error) {
	s, err := open(a.Dir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if _, err := s.AdvertisedReferencesContext(ctx); err != nil {
		return nil, err
	}
	req := packp.NewUploadPackRequest()
	req.Wants, req.Haves = wants, common
	resp, err := s.UploadPack(ctx, req)
	if err != nil {
		return nil, err
	}
	defer resp.Close()
	return io.ReadAll(resp)
}

// ServeHTTP serves the repository at /repo.git.
func (a *Azure) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/repo.git/info/refs":
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		if err := a.advertise(r.Context(), true, w); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	case "/repo.git/git-upload-pack":
		var refused *protocolError
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		if err := a.answer(r.Context(), r.Body, w); errors.As(err, &refused) {
			http.Error(w, refused.Error(), http.StatusBadRequest)
		} else if err != nil {
			panic(http.ErrAbortHandler)
		}
	default:
		http.NotFound(w, r)
	}
}

// Serve serves the repository by http until the test ends, and returns its URL.
func (a *Azure) Serve(t T) string {
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	return srv.URL + "/repo.git"
}

// ServeSSH serves the repository by ssh until the test ends. The connection is
// closed as soon as everything is sent.
func (a *Azure) ServeSSH(t T) *SSH {
	t.Helper()
	s := ServeSSH(t, a.Dir)
	s.talkTo = func(r io.Reader, w, stderr io.Writer) error {
		ctx := context.Background()
		if err := a.advertise(ctx, false, w); err != nil {
			return err
		}
		err := a.answer(ctx, r, w)
		var refused *protocolError
		if errors.As(err, &refused) {
			fmt.Fprintln(stderr, "remote: "+refused.Error())
		}
		return err
	}
	return s
}
