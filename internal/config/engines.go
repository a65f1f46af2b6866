package config

import (
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/repositories"
	"github.com/tfops/tfops/internal/config/schema"
)

// Engine says which engine of a name to use. The zero Engine is any version,
// from PATH or else from its maker.
type Engine struct {
	Name       string
	Version    string // constraint, e.g. "~> 1.11"
	Path       string // a binary to use, and nothing else
	ReleaseURL string // where releases are
	PublicKey  string // armored key that signs them
	CLIConfig  string // the CLI configuration that it reads; with it the user's own Git and ssh settings count
}

func engines(r *decode.Reader, top decode.Block) map[string]Engine {
	all := map[string]Engine{}
	for _, name := range schema.Engines {
		all[name] = Engine{Name: name}
	}
	names := decode.Names{What: "engine"}
	for _, b := range top.Blocks(schema.Engine) {
		e := engine(r, b)
		switch {
		case b.Name == "":
		case !slices.Contains(schema.Engines, b.Name):
			r.Errorf(b.Label, "unknown engine "+strconv.Quote(b.Name), "The engines are \"terraform\" and \"tofu\".%s",
				schema.NearestEngine(b.Name))
		case names.Add(b):
			all[b.Name] = e
		}
	}
	return all
}

func engine(r *decode.Reader, b decode.Block) Engine {
	e := Engine{Name: b.Name, Version: b.Version("version").Val}
	path, release, key := b.Text("path"), b.Text("release_url"), b.HiddenText("public_key")
	if path.Set {
		if path.Val == "" {
			r.Errorf(path.Range, emptyPath, "path names the engine's binary, for example "+
				"\"/usr/local/bin/terraform\". Without it the engine is looked for on PATH, and installed otherwise.")
		}
		e.Path = r.Abs(path.Val)
	}
	if release.Set {
		e.ReleaseURL = release.Val
		u, err := url.Parse(release.Val)
		if err != nil || !repositories.IsHTTP(u) || u.Host == "" || u.User != nil || repositories.BadPort(u) {
			r.Errorf(release.Range, "not the URL of a release server", "release_url is an https URL without user or "+
				"password, for example \"https://releases.example.com\".")
		}
	}
	if key.Set {
		e.PublicKey = key.Val
		if _, err := openpgp.ReadArmoredKeyRing(strings.NewReader(key.Val)); err != nil {
			r.Errorf(key.Range, "not a public key", "public_key is the armored text of an OpenPGP public key, "+
				"as in public_key = file(\"release-key.asc\").")
		}
	}
	e.CLIConfig = cliConfig(r, b)
	if path.Set && (release.Set || key.Set) {
		r.Warnf(b.Header, "path leaves nothing to install",
			"With path, that binary and no other is used, so release_url and public_key have no effect.")
	}
	return e
}

const emptyPath = "empty path"

// cliConfig reads which CLI configuration of an engine counts.
func cliConfig(r *decode.Reader, b decode.Block) string {
	const names = "cli_config names the engine's CLI configuration"
	f := b.Text("cli_config")
	if !f.Set {
		return ""
	}
	path := r.Abs(f.Val)
	info, err := os.Stat(path)
	switch {
	case f.Val == "":
		r.Errorf(f.Range, emptyPath, names+", for example \"~/.terraformrc\". Without it none is read.")
		return ""
	case err != nil:
		r.Warnf(f.Range, "no CLI configuration there", "%s: %s. No init will do without it.", path, decode.Reason(err))
	case !info.Mode().IsRegular():
		r.Errorf(f.Range, "not a file", names+" itself, for example \"~/.terraformrc\".")
	}
	return path
}
