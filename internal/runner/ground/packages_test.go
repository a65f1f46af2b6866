package ground

import (
	"strings"
	"testing"
)

func TestImmovable(t *testing.T) {
	sha256, sha512 := strings.Repeat("0", 64), strings.Repeat("0", 128)
	for _, tt := range []struct {
		source, version string
		want            bool
	}{
		{"terraform-aws-modules/vpc/aws", "5.1.0", true},
		{"terraform-aws-modules/vpc/aws", "= 5.1.0", true},
		{"terraform-aws-modules/vpc/aws", "~> 5.1", false},
		{"terraform-aws-modules/vpc/aws", "", false},
		{"git::https://x/y.git?ref=v1.2", "", false},
		// a branch may have such a name
		{"git::https://x/y.git?depth=1&ref=0123456789012345678901234567890123456789", "", false},
		{"git::https://x/y.git?ref=0123456789012345678901234567890123456789&checksum=x", "", true},
		{"git::https://x/y.git?sshkey=a&ref=0123456789012345678901234567890123456789", "", true},
		{"git::https://x/y.git?ref=main&ref=0123456789012345678901234567890123456789", "", false},
		{"git::https://x/y.git?%72ef=main&ref=0123456789012345678901234567890123456789", "", false},
		{"git::https://x/y.git?ref=0123456789012345678901234567890123456789&ref=main", "", false},
		{"git::https://x/y.git?ref=main#?ref=0123456789012345678901234567890123456789", "", false},
		{"git::https://x/y.git?x=1?ref=0123456789012345678901234567890123456789", "", false},
		{"git::https://x/y.git?ref=main;ref=0123456789012345678901234567890123456789", "", false},
		{"git::https://x/y.git?ref=main//sub?ref=0123456789012345678901234567890123456789", "", false},
		{"git::https://x/y.git//sub?ref=0123456789012345678901234567890123456789", "", true},
		{"git::https://x/y.git?ref=main&checksum=sha256:00", "", false}, // Git takes no checksum
		{"github.com/x/y?ref=0123456", "", false},
		{"git@github.com:x/y.git", "", false},
		{"https://x/y.zip?checksum=sha256:00", "", false}, // no such sum
		{"https://x/y.zip?checksum=sha256:" + sha256, "", true},
		{"https://x/y.zip?archive=zip&checksum=" + sha256, "", true},
		{"https://x/y.zip?checksum=sha512:" + sha512, "", true},
		{"https://x/y.zip?checksum=sha512:" + sha256, "", false},
		{"https://x/y.zip?checksum=file:http://x/sums", "", false},
		{"https://x/y.zip?checksum=file:http://x/" + sha256, "", false},
		{"https://x/y.zip?checksum=md5:00000000000000000000000000000000", "", false},
		{"https://x/y.zip?checksum=sha1:0000000000000000000000000000000000000000", "", false},
		{"https://x/y.zip?checksum=00000000000000000000000000000000", "", false},
		{"https://x/y.zip?checksum=file:http://x/s&checksum=sha256:" + sha256, "", false},
		{"https://x/y.zip?x=&checksum=", "", false},
		{"https://x/y.zip", "", false},
		{"s3::https://x/y.zip", "", false},
		{"/srv/modules/x", "", false},
		{"git::https://x/y.git?ref=0123456789012345678901234567890123456789", "", true},
		{"git::https://x/y.git?ref=main", "", false},
		{"git::https://x/y.git", "", false},
	} {
		if got := Immovable(tt.source, tt.version); got != tt.want {
			t.Errorf("%s %s: %v", tt.source, tt.version, got)
		}
	}
}

// What one engine, or one scope, was given for a source is not another's.
func TestSourcesAreKeptApart(t *testing.T) {
	c, seen := ModuleCall{Source: "acme/vpc/aws", Version: "1.0.0"}, map[string]string{}
	for _, s := range []PackageStore{{Engine: "terraform"}, {Engine: "tofu"}, {Engine: "terraform", Scope: "a"},
		{Engine: "terraform", Scope: "b"}, {Engine: "tofu", Scope: "a"}} {
		name := s.Engine + " " + s.Scope
		if other, ok := seen[s.hash(c)]; ok {
			t.Errorf("%s has what %s was given", name, other)
		}
		seen[s.hash(c)] = name
	}
}

func TestWithoutPassword(t *testing.T) {
	for source, want := range map[string]string{
		"git::https://me:canary@x/y.git//sub?ref=main": "git::https://x/y.git//sub?ref=main",
		"git::ssh://git@x/y.git":                       "git::ssh://x/y.git",
		"git@x:acme/y.git":                             "git@x:acme/y.git",
		"https://x/y.zip?a=b@c":                        "https://x/y.zip?a=b@c",
		"acme/vpc/aws//sub@x":                          "acme/vpc/aws//sub@x",
		"https://u:can@ary@x/y.zip":                    "https://x/y.zip",
	} {
		if got := WithoutPassword(source); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}
