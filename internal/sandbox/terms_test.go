package sandbox

import (
	"strings"
	"testing"
)

func TestTerms(t *testing.T) {
	for _, c := range []struct {
		wanted  Wanted
		level   Level
		root    bool
		exposed bool
		want    Refusal
	}{
		{Auto, Namespaces, true, true, ""},
		{Auto, Users, true, true, ""},
		{Auto, Filters, false, true, ""},
		{Auto, None, false, true, Exposed},
		{Auto, None, true, true, Exposed},
		{Auto, None, false, false, ""},
		{"", None, false, true, Exposed}, // nobody asked for anything
		{Auto, "", false, true, ""},      // nobody looked

		{"none", None, false, true, ""},
		{"none", None, true, true, AsRoot},
		{"none", None, true, false, ""},
		{"none", Namespaces, true, true, ""},

		{"namespaces", Namespaces, true, true, ""},
		{"namespaces", Users, true, false, TooWeak},
		{"namespaces", None, false, false, TooWeak},
		{"users", Namespaces, false, true, ""},
		{"users", Filters, false, true, TooWeak},
		{"filters", Filters, false, true, ""},
		{"filters", None, false, false, TooWeak},
		{"filters", "", false, true, ""},
	} {
		terms := Terms{Wanted: c.wanted, State: State{Level: c.level}, Root: c.root}
		if got := terms.Refuses(c.exposed); got != c.want {
			t.Errorf("%+v refuses exposed code (%t): %q, want %q", terms, c.exposed, got, c.want)
		}
	}
	for _, c := range []struct {
		terms Terms
		says  string // part of the note; empty: there is none
	}{
		{Terms{Wanted: Auto}, ""},
		{Terms{Wanted: "none"}, "accepts that nothing shuts the engine in"},
		{Terms{Wanted: "none", State: State{Level: Namespaces}}, "this machine gives namespaces"},
		{Terms{Wanted: "none", State: State{Level: None}}, "; sandbox = \"none\" in tfops.hcl accepts that"},
		{Terms{Wanted: "none", State: State{Level: None}, Root: true},
			"does not count where tfops serve runs as root; workspaces"},
		{Terms{Wanted: Auto, State: State{Level: Namespaces}}, ""},
		{Terms{Wanted: "users", State: State{Level: Namespaces}}, ""},
		{Terms{Wanted: Auto, State: State{Level: Filters}}, Filters.Sentence()},
		{Terms{Wanted: Auto, State: State{Level: None}}, "; workspaces with approval rules"},
		{Terms{Wanted: "users", State: State{Level: Filters}}, "nothing is planned"},
	} {
		if got := c.terms.Note(); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%+v: %q, want %q", c.terms, got, c.says)
		}
	}
	if got := len(AllWanted()); got != len(Levels())+1 {
		t.Errorf("%d can be asked for", got)
	}
}
