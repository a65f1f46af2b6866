package sandbox

import (
	"strings"
	"testing"
)

func TestAtLeast(t *testing.T) {
	all := Levels()
	for i, a := range all {
		for j, b := range all {
			if got := a.AtLeast(b); got != (i <= j) {
				t.Errorf("%s at least %s: %v", a, b, got)
			}
		}
		for _, unknown := range []Level{"", "other"} {
			if a.AtLeast(unknown) || unknown.AtLeast(a) || unknown.AtLeast(unknown) {
				t.Errorf("%q is compared with %s", unknown, a)
			}
		}
	}
}

// Each level and each lack has words of its own, and the lacks a next step.
func TestSentences(t *testing.T) {
	seen := map[string]string{}
	is := func(what, text string) {
		t.Helper()
		if other, ok := seen[text]; ok || text == "" {
			t.Errorf("%s and %s read alike: %q", what, other, text)
		}
		seen[text] = what
	}
	for _, l := range append(Levels(), "") {
		is("level "+string(l), l.Sentence())
	}
	for _, k := range []LackKind{LacksUserNamespaces, LacksAppArmor, LacksMounts, LacksOverlay, LacksFreshProc,
		LacksSeccomp, LacksLandlock, LacksCapabilities, LacksChoice, LacksElse} {
		l := Lack{Kind: k, Detail: "the-detail"}
		is("lack "+string(k), l.Sentence())
		is("what to do about "+string(k), l.Next())
		if !strings.Contains(l.Sentence(), l.Detail) {
			t.Errorf("%s does not say what exactly: %q", k, l.Sentence())
		}
		bare := Lack{Kind: k}
		if s := bare.Sentence(); strings.HasSuffix(s, ":") || strings.HasSuffix(s, " ") && k != LacksCapabilities {
			t.Errorf("%s without a detail: %q", k, s)
		}
	}
	if got := (Lack{LacksUserNamespaces, "user.max_user_namespaces = 0"}).Next(); !strings.Contains(got,
		"sysctl -w user.max_user_namespaces=") {
		t.Errorf("of a sysctl: %q", got)
	}
}

func TestParseIDs(t *testing.T) {
	for text, want := range map[string]IDs{"200000-265535": {200000, 265535}, " 40000 - 40015 ": {40000, 40015},
		"0-100": {}, "5-3": {}, "100": {}, "a-b": {}, "100-110": {}, "100-4294967295": {}, "-5--1": {}, "": {}} {
		got, why := ParseIDs(text)
		if (why == "") != (want != IDs{}) || why == "" && got != want {
			t.Errorf("%q: %v, %q", text, got, why)
		}
	}
	if got := (IDs{1, 20}).String(); got != "1-20" {
		t.Errorf("written as %s", got)
	}
}
