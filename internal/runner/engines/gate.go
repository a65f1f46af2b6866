package engines

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/tfops/tfops/internal/fault"
)

const (
	maxText    = 32 << 20  // of an index, a checksums file, a signature
	maxArchive = 512 << 20 // an archive is about 30 MB
)

// suspicious is what to do about a download that is not what was signed.
const suspicious = "try again; if it stays so, whoever serves it (a mirror, a proxy) changes it, or public_key of " +
	"the engine block is not the key that signs these releases"

// gate stands between hc-install and the release server. It lets an archive
// through only after it read the whole of it and found its SHA-256 in a
// checksums file whose signature it verified. hc-install verifies the same
// again, but its verdict is not needed: it gets nothing unverified.
//
// One gate serves one download, one request after the other.
type gate struct {
	base     http.RoundTripper
	user     *url.Userinfo // of the release server; kept out of the addresses that messages show
	keys     openpgp.EntityList
	archive  string // the one file that may come through, e.g. terraform_1.11.4_linux_amd64.zip
	spool    string // where the archive is kept after it passed
	progress func(string)

	signature []byte
	checksum  string // of the archive, from the verified checksums file
	passed    bool   // the archive came through: spool holds it whole
	status    int    // of the last answer that was not 200 OK
}

// RoundTrip is one request of hc-install, with its redirects and retries.
func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context()) // a RoundTripper must not change its caller's
	req.Header.Set("User-Agent", "tfops")
	if g.user != nil {
		password, _ := g.user.Password()
		req.SetBasicAuth(g.user.Username(), password)
	}
	resp, err := g.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		g.status = resp.StatusCode
		return resp, nil
	}
	pass := g.text
	name := path.Base(req.URL.Path)
	switch {
	case strings.HasSuffix(name, ".sig"):
		pass = g.keepSignature
	case strings.HasSuffix(name, "_SHA256SUMS"):
		pass = g.checkSums
	case strings.HasSuffix(name, ".zip"):
		pass = g.checkArchive
	}
	body := resp.Body
	defer body.Close()
	if err := pass(name, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// text lets an answer through that proves nothing, such as an index, up to a size.
func (g *gate) text(name string, resp *http.Response) error {
	_, err := readText(name, resp)
	return err
}

func (g *gate) keepSignature(name string, resp *http.Response) (err error) {
	g.signature, err = readText(name, resp)
	return err
}

// checkSums verifies the checksums file and finds the archive's checksum in it.
func (g *gate) checkSums(name string, resp *http.Response) error {
	sums, err := readText(name, resp)
	if err != nil {
		return err
	}
	if len(g.signature) == 0 {
		return fault.New(fault.Invalid, suspicious, "the checksums file %s has no signature", name)
	}
	_, err = openpgp.CheckDetachedSignature(g.keys, bytes.NewReader(sums), bytes.NewReader(g.signature), nil)
	if err != nil {
		return fault.New(fault.Invalid, suspicious, "the signature of %s does not hold: %w", name, err)
	}
	for line := range strings.Lines(string(sums)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[1] == g.archive {
			g.checksum = strings.ToLower(fields[0])
			return nil
		}
	}
	return fault.New(fault.Invalid, suspicious, "the signed checksums file %s does not list %s", name, g.archive)
}

// checkArchive reads the whole archive into the spool and hands it on from
// there if it is the signed one.
func (g *gate) checkArchive(_ string, resp *http.Response) error {
	if g.checksum == "" {
		return fault.New(fault.Invalid, suspicious, "%s was offered without signed checksums", g.archive)
	}
	if resp.ContentLength > 0 {
		g.progress(fmt.Sprintf("downloading %s (%d MB)", g.archive, resp.ContentLength>>20))
	} else {
		g.progress("downloading " + g.archive)
	}
	sum, size, err := g.toSpool(resp.Body)
	if err != nil {
		return err
	}
	if sum != g.checksum {
		return fault.New(fault.Invalid, suspicious, "%s has the SHA-256 %s, but %s is signed", g.archive, sum,
			g.checksum)
	}
	spooled, err := os.Open(g.spool)
	if err != nil {
		return err
	}
	resp.Body, resp.ContentLength = spooled, size
	g.passed = true
	return nil
}

func (g *gate) toSpool(body io.Reader) (sum string, size int64, err error) {
	f, err := os.OpenFile(g.spool, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(io.MultiWriter(f, h), io.LimitReader(body, maxArchive+1))
	if err != nil {
		return "", 0, fmt.Errorf("the download of %s broke off after %d bytes: %w", g.archive, size, err)
	}
	if size > maxArchive {
		return "", 0, fault.New(fault.Invalid, suspicious, "%s is larger than %d MB", g.archive, maxArchive>>20)
	}
	return hex.EncodeToString(h.Sum(nil)), size, f.Close()
}

// readText reads a small answer whole and puts it back for hc-install.
func readText(name string, resp *http.Response) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxText+1))
	if err != nil {
		return nil, fmt.Errorf("the download of %s broke off after %d bytes: %w", name, len(data), err)
	}
	if len(data) > maxText {
		return nil, fault.New(fault.Invalid, suspicious, "%s is larger than %d MB", name, maxText>>20)
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return data, nil
}
