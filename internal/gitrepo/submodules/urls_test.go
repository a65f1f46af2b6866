package submodules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// TestModuleURLs: what .gitmodules may name, and what it may not. A row without
// a result is refused, and says why.
func TestModuleURLs(t *testing.T) {
	const (
		web  = "https://git.example.com/acme/infra.git"
		ssh  = "ssh://git@git.example.com:2222/acme/infra.git"
		scp  = "git@git.example.com:acme/infra.git"
		disk = "/srv/git/infra.git"
	)
	for _, c := range []struct{ base, raw, want, why string }{
		{web, "../net.git", "https://git.example.com/acme/net.git", ""},
		{web, "./../net.git/", "https://git.example.com/acme/net.git", ""},
		{web, "../../other/net", "https://git.example.com/other/net", ""},
		{web, "./net", "https://git.example.com/acme/infra.git/net", ""},
		{web, "../my%20net", "https://git.example.com/acme/my%20net", ""},
		{web + "/", "../net.git", "https://git.example.com/acme/net.git", ""},
		{ssh, "../net.git", "ssh://git@git.example.com:2222/acme/net.git", ""},
		{scp, "../net.git", "git@git.example.com:acme/net.git", ""},
		{scp, "../../net.git", "git@git.example.com:net.git", ""},
		{disk, "../net.git", "/srv/git/net.git", ""},
		{disk, "/srv/git/net.git", "/srv/git/net.git", ""},
		{disk, "file:///srv/git/net.git", "/srv/git/net.git", ""},
		{web, "https://other.example.com/x.git", "https://other.example.com/x.git", ""},
		{web, "https://bob@git.example.com/x.git", "https://git.example.com/x.git", ""},
		{web, "deploy@other.example.com:x/y.git", "deploy@other.example.com:x/y.git", ""},
		{disk, "https://other.example.com/x.git", "https://other.example.com/x.git", ""},

		{web, "", "", "no url"},
		{web, "ext::sh -c touch% /tmp/x", "", "start a program"},
		{web, "fd::17", "", "start a program"},
		{disk, "::x", "", "start a program"},
		{web, "-uhelper", "", "hyphen"},
		{web, "--upload-pack=touch x", "", "hyphen"},
		{web, "file:///etc", "", "path of this machine"},
		{web, "FILE:///etc", "", "path of this machine"},
		{ssh, "/srv/git/secret.git", "", "path of this machine"},
		{scp, "file:///srv/git/secret.git", "", "path of this machine"},
		{web, "secret.git", "", "neither absolute"},
		{disk, "secret.git", "", "neither absolute"},
		{disk, "~/secret.git", "", "neither absolute"},
		{web, "../../../x", "", "leads nowhere"},
		{web, "../", "", "leads nowhere"},
		{web, "../a/../../../b", "", "leads nowhere"},
		{web, "../%2e%2e/%2e%2e/b", "", "leads nowhere"},
		{web, "../a//b", "", "leads nowhere"},
		{disk, "../../../../etc", "", "leads nowhere"},
		{web, "https://git.example.com/acme/../secret/x", "", "with .. in its path"},
		{web, "https://git.example.com/acme/%2e%2e/secret", "", "with .. in its path"},
		{disk, "/srv/git/../secret.git", "", "with .. in its path"},
		{disk, "file:///srv/git/../../etc", "", "with .. in its path"},
		{scp, "git@git.example.com:../secret", "", "with .. in its path"},
		{web, "git://git.example.com/x", "", "not fetched: git"},
		{web, "ftp://git.example.com/x", "", "not fetched: ftp"},
		{web, "https://", "", "cannot be used"},
		{web, "https://-oProxyCommand=x/y", "", "cannot be used"},
		{web, "ssh://-oProxyCommand=x/y", "", "cannot be used"},
		{web, "ssh://-oProxyCommand=x@h/y", "", "belong in none"},
		{web, "https://h/x?token=1", "", "cannot be used"},
		{web, "https://u:hunter2@git.example.com/x", "", "a password in it"},
		{web, "https://h/x\ny", "", "belong in none"},
		{web, `..\..\x`, "", "belong in none"},
		{web, " ../x", "", "belong in none"},
		{web, "../" + strings.Repeat("x", 3000), "", "more than"},
	} {
		t.Run(c.base+" "+c.raw[:min(40, len(c.raw))], func(t *testing.T) {
			base, err := remote.Remote{Name: "infra", URL: c.base}.Parse()
			if err != nil {
				t.Fatal(err)
			}
			at, err := Address(base, c.raw)
			if c.want == "" {
				if err == nil || !strings.Contains(err.Error(), c.why) {
					t.Fatalf("got %q and the error %v, expected %q", at.Link(), err, c.why)
				}
				if strings.Contains(err.Error(), "hunter2") {
					t.Fatalf("a password is shown: %v", err)
				}
				return
			}
			if err != nil || at.Link() != c.want {
				t.Fatalf("got %q, %v; expected %q", at.Link(), err, c.want)
			}
		})
	}
}

// TestModuleAccess: a credential goes to its own host and to what a submodule
// block names, and to nobody whose name only looks like it.
func TestModuleAccess(t *testing.T) {
	repos := filepath.Join(t.TempDir(), "repos")
	own := remote.Auth{Username: "tfops", Password: "own-secret"}
	team, deep := remote.Auth{Username: "team", Password: "team-secret"}, remote.Auth{Username: "deep",
		Password: "deep-secret"}
	of := remote.Remote{Name: "infra", URL: "https://git.example.com/acme/infra.git", Auth: own,
		Submodules: remote.Submodules{On: true, Access: []remote.SubmoduleAccess{
			{Prefix: "https://other.example.com/team/", Auth: team},
			{Prefix: "https://other.example.com/team/deep", Auth: deep}, {Prefix: "https://public.example.com/"},
			{Prefix: "git@ssh.example.com:team/", Auth: deep}}}}
	base, err := of.Parse()
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]string{
		"../x.git":                                  "own-secret",
		"https://GIT.example.com:443/x.git":         "own-secret",
		"https://other.example.com/team/x.git":      "team-secret",
		"https://other.example.com/team.git":        "team-secret",
		"https://other.example.com/team/deep/x":     "deep-secret",
		"https://other.example.com/team/deeper/x":   "team-secret",
		"https://public.example.com/x":              "",
		"git@ssh.example.com:team/x.git":            "deep-secret",
		"ssh://git@ssh.example.com/team/x.git":      "deep-secret",
		"https://other.example.com/teammate/x.git":  "refused",
		"https://other.example.com:8443/team/x.git": "refused",
		"http://other.example.com/team/x.git":       "refused",
		"https://other.example.com.evil.com/team/x": "refused",
		"https://git.example.com.evil.com/acme/x":   "refused",
		"https://git.example.com:8443/acme/x":       "refused",
		"http://git.example.com/acme/x":             "refused",
		"ssh://git@git.example.com/acme/x":          "refused",
		"https://git.example.com@evil.com/acme/x":   "refused",
		"https://other.example.com@evil.com/team/x": "refused",
		"git@ssh.example.com:teammate/x.git":        "refused",
	} {
		at, err := Address(base, raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		r, err := Remote(of, base, at, repos)
		got := r.Auth.Password
		if err != nil {
			got = "refused"
			if next := err.(*Refused).Next; !strings.Contains(next, "submodule \"") {
				t.Errorf("%s: next step %q", raw, next)
			}
		}
		if got != want {
			t.Errorf("%s: got %q, expected %q", raw, got, want)
		}
	}
	for _, bad := range []string{"", "modules/net", "/srv/git", "ftp://h/", "https://u:p@h/", "https://h/a/../b",
		"https://h/?x", "ext::x"} {
		if _, err := Prefix(remote.SubmoduleAccess{Prefix: bad}); err == nil {
			t.Errorf("the prefix %q was taken", bad)
		}
	}
}

// TestMirrorsAreNoSubmodules: a commit must not have tfops read the mirror of
// another repository.
func TestMirrorsAreNoSubmodules(t *testing.T) {
	root := t.TempDir()
	repos := filepath.Join(root, "repos")
	if err := os.MkdirAll(filepath.Join(repos, "secret.git"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(repos, filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	of := remote.Remote{Name: "infra", URL: filepath.Join(root, "infra.git")}
	base, err := of.Parse()
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{filepath.Join(repos, "secret.git"), "../repos/secret.git",
		filepath.Join(root, "link", "secret.git"), "../link/secret.git"} {
		at, err := Address(base, raw)
		if err == nil {
			_, err = Remote(of, base, at, repos)
		}
		if err == nil || !strings.Contains(err.Error(), "directory of tfops") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// FuzzModulesFile: no file ends the process, and no entry that may be followed
// has a path or a name that leaves its directory.
func FuzzModulesFile(f *testing.F) {
	for _, seed := range []string{"[submodule \"a\"]\n\tpath = a\n\turl = ../a\n",
		"[submodule \"../../x\"]\npath = ../x\nurl = -u", "[submodule", "[submodule \"a\"]\npath = \"a\\", "\x00",
		"[submodule \"a\"]\n\tpath = a\n[submodule \"b\"]\n\tpath = a\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		entries, err := parseModules(raw)
		if err != nil && len(entries) > 0 {
			t.Fatal("entries of a file that cannot be read")
		}
		seen := map[string]bool{}
		for _, e := range entries {
			if e.Wrong != nil {
				continue
			}
			if Climbs(e.Path) || strings.HasPrefix(e.Path, "/") ||
				Climbs(strings.ReplaceAll(e.name, `\`, "/")) && strings.Contains(e.name, "..") || seen[e.Path] {
				t.Fatalf("%+v is followed", e)
			}
			seen[e.Path] = true
			base := remote.Address{Scheme: "https", Host: "h", Path: "/a/b"}
			if at, err := Address(base, e.URL); err == nil && (Climbs(at.Path) || at.Scheme == "file" ||
				at.Pass != "") {
				t.Fatalf("%q leads to %+v", e.URL, at)
			}
		}
	})
}

func TestModulesFile(t *testing.T) {
	entries, err := parseModules([]byte("[submodule \"a/../b\"]\n\tpath = x\n\turl = ../x\n[submodule " +
		"\"-q\"]\n\tpath " +
		"= y\n\turl = ../x\n" +
		"[submodule \"twice\"]\n\tpath = z\n\turl = ../x\n[submodule \"again\"]\n\tpath = z\n\turl = " +
		"../y\n[submodule " +
		"\"up\"]\n\tpath = ../up\n\turl = ../x\n" +
		"[submodule \"good\"]\n\tpath = modules/good\n\turl = ../x\n\tupdate = !touch /tmp/pwned\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		got[e.name] = fmt.Sprint(e.Wrong)
	}
	for name, why := range map[string]string{"a/../b": "climbs out", "-q": "Git refuses", "twice": "more than once",
		"again": "more than once", "up": "a path in .gitmodules that is none", "good": "<nil>"} {
		if !strings.Contains(got[name], why) {
			t.Errorf("%s: %q, expected %q", name, got[name], why)
		}
	}
}
