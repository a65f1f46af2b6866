package remote

import (
	"testing"
)

func TestLFSURL(t *testing.T) {
	for url, want := range map[string]string{
		"https://git.example.com/acme/infra":          "https://git.example.com/acme/infra.git/info/lfs",
		"https://git.example.com:8443/acme/infra.git": "https://git.example.com:8443/acme/infra.git/info/lfs",
		"git@git.example.com:acme/infra.git":          "https://git.example.com/acme/infra.git/info/lfs",
		"ssh://git@git.example.com:2222/acme/infra":   "https://git.example.com/acme/infra.git/info/lfs",
	} {
		at, err := Remote{URL: url}.Parse()
		if err != nil {
			t.Fatal(err)
		}
		if got := lfsURL(at).String(); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
}
