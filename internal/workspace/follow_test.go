package workspace

import (
	"strings"
	"testing"
)

// TestNewestTag: the highest version that fits, by precedence and not by the
// alphabet, and what is no version is no candidate.
func TestNewestTag(t *testing.T) {
	for _, c := range []struct{ wanted, prefix, tags, newest string }{
		{">= 1.2, < 2", "", "v1.1.0 v1.9.0 v1.10.0 v2.0.0", "v1.10.0"},
		{">= 1.2, < 2", "", "1.2.0 v1.1.9", "1.2.0"},
		{"~> 1.4", "", "v1.4.0 v1.5.2 v2.0.0 v1.5.2-rc1", "v1.5.2"},
		{"1.4.2", "", "v1.4.1 v1.4.2 v1.4.3", "v1.4.2"},
		{"v1.4.2", "", "v1.4.2", "v1.4.2"},
		{">= 1.2", "", "v1.2.0 v1.3.0-rc1", "v1.2.0"},
		{">= 1.3.0-rc1", "", "v1.2.0 v1.3.0-rc1 v1.3.0-rc2 v1.4.0-beta", "v1.3.0-rc2"},
		{">= 1.3.0-rc1", "", "v1.3.0-rc1 v1.3.0", "v1.3.0"},
		{">= 1", "", "v1 v2 latest release-9.9.9 v3.x", ""},
		{">= 1", "", "v1.2 v1 v9", "v1.2"},
		{">= 1", "network/v", "v9.0.0 network/v1.0.0 network/v1.2.0 network/1.9.0 dns/v3.0.0 network/vault-v9.0.0",
			"network/v1.2.0"},
		{">= 1", "v", "v1.2.0 1.9.0", "v1.2.0"},
		{">= 1", "", "1.2.0 v1.2.0", "v1.2.0"},
		{">= 1", "", "v1.2.0+a v1.2.0+b", "v1.2.0+b"},
		{">= 1", "", "v99999999999999999999.0.0 v1.0.0", "v1.0.0"},
		{">= 1", "", "v" + strings.Repeat("1", 400) + ".0.0 v1.0.0", "v1.0.0"},
		{"not a version", "", "v1.0.0", ""},
		{">= 5", "", "v1.0.0", ""},
	} {
		tags := map[string]string{}
		for _, name := range strings.Fields(c.tags) {
			tags[name] = "commit of " + name
		}
		tag, ok := Workspace{Tag: c.wanted, TagPrefix: c.prefix}.Newest(tags)
		if ok != (c.newest != "") || tag.Name != c.newest || ok && tag.Commit != "commit of "+c.newest {
			t.Errorf("%s with %q of %s: %+v, %t; expected %s", c.wanted, c.prefix, c.tags, tag, ok, c.newest)
		}
	}
}

// TestNextTag: what is unusual is remembered until it is applied, and nothing that
// is as it should be is called unusual.
func TestNextTag(t *testing.T) {
	w := Workspace{Tag: ">= 1"}
	type step struct{ name, commit, applied, why string }
	for name, steps := range map[string][]step{
		"newer":    {{"v1.0.0", "a", "", ""}, {"v1.1.0", "b", "a", ""}},
		"the same": {{"v1.0.0", "a", "", ""}, {"v1.0.0", "a", "a", ""}},
		"moved": {{"v1.0.0", "a", "a", ""}, {"v1.0.0", "b", "a", "tag v1.0.0 was moved"},
			{"v1.0.0", "b", "a", "tag v1.0.0 was moved"}, {"v1.0.0", "b", "b", ""}},
		"moved twice": {{"v1.0.0", "a", "a", ""}, {"v1.0.0", "b", "a", "tag v1.0.0 was moved"},
			{"v1.0.0", "c", "a", "tag v1.0.0 was moved"}},
		"moved and back": {{"v1.0.0", "a", "a", ""}, {"v1.0.0", "b", "a", "tag v1.0.0 was moved"},
			{"v1.0.0", "a", "a", ""}},
		"moved, applied, and back": {{"v1.0.0", "a", "a", ""}, {"v1.0.0", "b", "a", "tag v1.0.0 was moved"},
			{"v1.0.0", "a", "b", "tag v1.0.0 was moved"}},
		"moved before it was applied": {{"v1.0.0", "a", "", ""}, {"v1.0.0", "b", "", "tag v1.0.0 was moved"}},
		"moved, then a newer one": {{"v1.0.0", "a", "a", ""}, {"v1.0.0", "b", "a", "tag v1.0.0 was moved"},
			{"v1.0.1", "c", "a", ""}},
		"gone": {{"v1.1.0", "b", "b", ""}, {"v1.0.0", "a", "b", "tag v1.1.0 is gone"},
			{"v1.0.0", "a", "b", "tag v1.1.0 is gone"}, {"v1.0.0", "a", "a", ""}},
		"gone, and another one": {{"v1.2.0", "c", "c", ""}, {"v1.1.0", "b", "c", "tag v1.2.0 is gone"},
			{"v1.0.0", "a", "c", "tag v1.2.0 is gone"}},
		"gone, and there again": {{"v1.1.0", "b", "b", ""}, {"v1.0.0", "a", "b", "tag v1.1.0 is gone"},
			{"v1.1.0", "b", "b", ""}},
		"gone, and a newer one": {{"v1.1.0", "b", "b", ""}, {"v1.0.0", "a", "b", "tag v1.1.0 is gone"},
			{"v1.2.0", "c", "b", ""}},
		"two names of one version": {{"v1.1.0", "b", "b", ""}, {"1.1.0", "b", "b", ""}},
	} {
		var remembered *FollowedTag
		for i, s := range steps {
			next := w.NextTag(remembered, Tag{s.name, s.commit}, s.applied)
			if _, why := next.Unusual(); why != s.why {
				t.Errorf("%s, step %d: %q, expected %q", name, i, why, s.why)
			}
			remembered = &next
		}
	}
	before := w.NextTag(nil, Tag{"v1.1.0", "b"}, "b")
	if next := (Workspace{Tag: "< 1.1"}).NextTag(&before, Tag{"v1.0.0", "a"}, "b"); next.After != "" {
		t.Errorf("another constraint is no tag that is gone: %+v", next)
	}
}

// TestFollow: each kind has a key that no other kind can have, and a sentence.
func TestFollow(t *testing.T) {
	sha := strings.Repeat("ab", 20)
	for _, c := range []struct {
		w              Workspace
		tag, key, says string
	}{
		{Workspace{Branch: "main"}, "", "main", "branch main"},
		{Workspace{Tag: ">= 1.2, < 2"}, "v1.4.2", "tag  >= 1.2, < 2", "tag v1.4.2 (>= 1.2, < 2)"},
		{Workspace{Tag: "~> 1.0", TagPrefix: "network/v"}, "", "tag network/v ~> 1.0", "tags network/v ~> 1.0"},
		{Workspace{Commit: sha}, "", "commit " + sha, "commit " + sha},
	} {
		if c.w.Follow() != c.key || c.w.Follows(c.tag) != c.says {
			t.Errorf("%q and %q, expected %q and %q", c.w.Follow(), c.w.Follows(c.tag), c.key, c.says)
		}
	}
	main := Workspace{Branch: "main", Dir: "a"}
	if main.Fingerprint() == (Workspace{Tag: ">= 1", Dir: "a"}).Fingerprint() ||
		(Workspace{Commit: sha}).Fingerprint() == (Workspace{Commit: sha[1:] + "c"}).Fingerprint() {
		t.Error("what is followed is not part of the fingerprint")
	}
}
