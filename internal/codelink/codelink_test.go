package codelink

import "testing"

func TestOf(t *testing.T) {
	for repository, want := range map[string][2]string{
		"https://github.com/acme/infra.git": {"https://github.com/acme/infra/commit/c0ffee",
			"https://github.com/acme/infra/blob/c0ffee/a%20b/main.tf#L7"},
		"git@github.com:acme/infra.git": {"https://github.com/acme/infra/commit/c0ffee",
			"https://github.com/acme/infra/blob/c0ffee/a%20b/main.tf#L7"},
		"ssh://git@gitlab.com/acme/teams/infra": {"https://gitlab.com/acme/teams/infra/-/commit/c0ffee",
			"https://gitlab.com/acme/teams/infra/-/blob/c0ffee/a%20b/main.tf#L7"},
		"https://bitbucket.org/acme/infra/": {"https://bitbucket.org/acme/infra/commits/c0ffee",
			"https://bitbucket.org/acme/infra/src/c0ffee/a%20b/main.tf#lines-7"},
		"ssh://git@ssh.github.com:443/acme/infra.git": {"https://github.com/acme/infra/commit/c0ffee",
			"https://github.com/acme/infra/blob/c0ffee/a%20b/main.tf#L7"},
		"https://git.example.com/acme/infra.git": {},
		"/srv/git/infra.git":                     {},
		"https://github.com/":                    {},
		"https://github.com.example.com/a/b":     {},
	} {
		of := Of(repository)
		if got := [2]string{of.CommitURL("c0ffee"), of.FileURL("c0ffee", "a b/main.tf", 7)}; got != want {
			t.Errorf("%s: %q, want %q", repository, got, want)
		}
	}
}

func TestTemplates(t *testing.T) {
	own := Templates{Run: "https://t.example/runs/{run}", Commit: "https://g.example/{commit}",
		File: "https://g.example/{commit}/{path}?plain=1#n{line}"}
	for got, want := range map[string]string{
		own.CommitURL("abc"):               "https://g.example/abc",
		own.CommitURL(""):                  "",
		own.RunURL("01r7"):                 "https://t.example/runs/01r7",
		own.RunURL(""):                     "",
		Templates{}.RunURL("01r7"):         "",
		own.FileURL("abc", "x/y#z.tf", 0):  "https://g.example/abc/x/y%23z.tf?plain=1",
		own.FileURL("abc", "{line}.tf", 3): "https://g.example/abc/%7Bline%7D.tf?plain=1#n3",
		own.FileURL("", "main.tf", 3):      "",
		own.FileURL("abc", "", 3):          "",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for template, ok := range map[string]bool{
		"https://g.example/{commit}/{path}#L{line}":  true,
		"https://g.example/{commit}":                 false, // without the path
		"https://g.example/{sha}/{commit}/{path}":    false,
		"javascript:alert({commit}{path})":           false,
		"https://bot:token@g.example/{commit}{path}": false,
		"{commit}{path}":                             false,
	} {
		if err := Check(template, "{commit}", "{path}"); (err == nil) != ok {
			t.Errorf("%s: %v", template, err)
		}
	}
}
