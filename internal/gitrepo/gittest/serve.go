package gittest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// open starts the server's half of a conversation about one repository.
func open(dir string) (transport.UploadPackSession, error) {
	loader := server.NewFilesystemLoader(osfs.New("/"))
	return server.NewServer(loader).NewUploadPackSession(&transport.Endpoint{Protocol: "file", Path: dir}, nil)
}

// advertise writes what references the repository has.
func advertise(ctx context.Context, dir string, s transport.UploadPackSession, prefix bool, w io.Writer) error {
	adv, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		return err
	}
	peel(dir, adv)
	if prefix {
		adv.Prefix = [][]byte{[]byte("# service=git-upload-pack"), pktline.Flush}
	}
	return adv.Encode(w)
}

// peel says of annotated tags what they are tags of, as Git's own server does.
func peel(dir string, adv *packp.AdvRefs) {
	store := filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRUDefault())
	for name, h := range adv.References {
		if tag, err := object.GetTag(store, h); err == nil {
			adv.Peeled[name] = tag.Target
		}
	}
}

// errNothingWanted says that the client hung up after the references.
var errNothingWanted = errors.New("the client wants nothing")

// answer reads a client's request and writes the pack that it asks for.
func answer(ctx context.Context, s transport.UploadPackSession, r io.Reader, w io.Writer) error {
	req, err := readRequest(r)
	if err != nil {
		return err
	}
	resp, err := s.UploadPack(ctx, req)
	if err != nil {
		return err
	}
	return resp.Encode(w)
}

// readRequest reads wants and haves up to the line "done". The request type's
// own decoder stops before the haves.
func readRequest(r io.Reader) (*packp.UploadPackRequest, error) {
	in := bufio.NewReader(r)
	if head, err := in.Peek(4); err != nil || bytes.Equal(head, pktline.FlushPkt) {
		return nil, errNothingWanted
	}
	req := packp.NewUploadPackRequest()
	lines := pktline.NewScanner(in)
	for lines.Scan() {
		line := strings.TrimSuffix(string(lines.Bytes()), "\n")
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "want":
			sha, caps, _ := strings.Cut(rest, " ")
			req.Wants = append(req.Wants, plumbing.NewHash(sha))
			if caps != "" {
				if err := req.Capabilities.Decode([]byte(caps)); err != nil {
					return nil, err
				}
			}
		case "have":
			req.Haves = append(req.Haves, plumbing.NewHash(rest))
		case "done":
			return req, nil
		}
	}
	return nil, errors.Join(io.ErrUnexpectedEOF, lines.Err())
}
