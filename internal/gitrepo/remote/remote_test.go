package remote

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
)

func TestRemoteURL(t *testing.T) {
	login := Auth{Username: "ana", Password: "tok-4711"}
	for _, c := range []struct {
		url  string
		auth Auth
		want Address // zero: refused
		show string
	}{
		{"https://git.example.com/acme/infra.git", login,
			Address{"https", "git.example.com", "/acme/infra.git", "ana", "tok-4711"},
			"https://git.example.com/acme/infra.git"},
		{"https://u:p%40ss@git.example.com:8443/x", Auth{}, Address{"https", "git.example.com:8443", "/x", "u", "p@ss"},
			"https://git.example.com:8443/x"},
		{"HTTPS://git.example.com/x", Auth{}, Address{"https", "git.example.com", "/x", "", ""},
			"https://git.example.com/x"},
		{"http://git.example.com/x", Auth{}, Address{"http", "git.example.com", "/x", "", ""},
			"http://git.example.com/x"},
		{"http://127.0.0.1:80/x", login, Address{"http", "127.0.0.1:80", "/x", "ana", "tok-4711"},
			"http://127.0.0.1:80/x"},
		{"http://[::1]:80/x", login, Address{"http", "[::1]:80", "/x", "ana", "tok-4711"}, "http://[::1]:80/x"},
		{"http://localhost/x", login, Address{"http", "localhost", "/x", "ana", "tok-4711"}, "http://localhost/x"},
		{"ssh://git.example.com/x", Auth{}, Address{"ssh", "git.example.com", "/x", "git", ""},
			"ssh://git.example.com/x"},
		{"ssh://bob@git.example.com:2222/x", login, Address{"ssh", "git.example.com:2222", "/x", "bob", "tok-4711"},
			"ssh://git.example.com:2222/x"},
		{"git@git.example.com:acme/infra.git", Auth{}, Address{"ssh", "git.example.com", "acme/infra.git", "git", ""},
			"ssh://git.example.com/acme/infra.git"},
		{"git.example.com:acme/infra.git", login, Address{"ssh", "git.example.com", "acme/infra.git", "ana",
			"tok-4711"},
			"ssh://git.example.com/acme/infra.git"},
		{"git@[::1]:x", Auth{}, Address{"ssh", "[::1]", "x", "git", ""}, "ssh://[::1]/x"},
		{"/srv/git/x.git", login, Address{"file", "", "/srv/git/x.git", "", ""}, "/srv/git/x.git"},
		{"/srv/git:odd/x.git", Auth{}, Address{"file", "", "/srv/git:odd/x.git", "", ""}, "/srv/git:odd/x.git"},
		{"file:///srv/git/x.git", Auth{}, Address{"file", "", "/srv/git/x.git", "", ""}, "/srv/git/x.git"},

		{url: ""},
		{url: "https://"},
		{url: "https://host"},
		{url: "https://host/x?private_token=tok-4711"},
		{url: "https://host/x#tok-4711"},
		{url: "https://u:tok-4711@host/%zz"},
		{url: "https://u:tok-4711@host/x", auth: login},
		{url: "http://u:tok-4711@git.example.com/x"},
		{url: "http://git.example.com/x", auth: login},
		{url: "http://127.0.0.1.example.com/x", auth: login},
		{url: "ssh://-oProxyCommand=tok-4711/x"},
		{url: "-oProxyCommand=touch:x/y"},
		{url: "git://host/x"},
		{url: "ftp://u:tok-4711@host/x"},
		{url: "file://relative"},
		{url: "https://host/x\nnext"},
	} {
		t.Run(c.url, func(t *testing.T) {
			r := Remote{Name: "infra", URL: c.url, Auth: c.auth}
			got, err := r.Parse()
			if c.want == (Address{}) {
				if c.url == "-oProxyCommand=touch:x/y" && got.Scheme == "file" {
					return // a local path of that odd name: harmless
				}
				if !fault.Is(err, fault.Invalid) || fault.Next(err) == "" {
					t.Errorf("parse: %+v, %v, want an Invalid fault with a next step", got, err)
				} else if said := err.Error() + fault.Next(err); strings.Contains(said, "tok-4711") {
					t.Errorf("the fault shows the secret: %s", said)
				}
			} else if err != nil || got != c.want {
				t.Errorf("parse: %+v, %v, want %+v", got, err, c.want)
			} else if r.String() != c.show {
				t.Errorf("String: %s, want %s", r, c.show)
			}
			for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
				if said := fmt.Sprintf(verb, r) + fmt.Sprintf(verb, r.Auth); strings.Contains(said, "tok-4711") {
					t.Errorf("%s shows the secret: %s", verb, said)
				}
			}
		})
	}
}
