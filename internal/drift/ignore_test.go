package drift

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestApply(t *testing.T) {
	finding := func(class Class, paths ...string) []Finding {
		all, _ := Follow(nil, Check{Workspace: "net-prod", Outcome: Drifted}, []Difference{differs(class, paths...)},
			t0)
		return all
	}
	for _, c := range []struct {
		name  string
		rules []Ignore
		found []Finding
		life  Life
		by    string // the rules of the attributes, in order
	}{
		{"no rule", nil, finding(Changed, "a"), New, ""},
		{"everything", []Ignore{{Name: "r"}}, finding(Changed, "a", "b"), Ignored, "r r"},
		{"a part", []Ignore{{Name: "r", Attributes: []string{"a"}}}, finding(Changed, "a", "b"), New, "r "},
		{"two rules share it, the first counts", []Ignore{{Name: "r", Attributes: []string{"a"}}, {Name: "s"}},
			finding(Changed, "a", "b"), Ignored, "r s"},
		{"another class", []Ignore{{Name: "r", Classes: []Class{StateOnly}}}, finding(Changed, "a"), New, ""},
		{"its class", []Ignore{{Name: "r", Classes: []Class{StateOnly, Changed}}}, finding(Changed, "a"), Ignored, "r"},
		{"another address", []Ignore{{Name: "r", Address: "x.b"}}, finding(Changed, "a"), New, ""},
		{"another workspace", []Ignore{{Name: "r", Workspace: "*-dev"}}, finding(Changed, "a"), New, ""},
		{"its workspace", []Ignore{{Name: "r", Workspace: "net-*"}}, finding(Changed, "a"), Ignored, "r"},
		{"expired", []Ignore{{Name: "r", Expires: t0}}, finding(Changed, "a"), New, ""},
		{"not yet expired", []Ignore{{Name: "r", Expires: t0.Add(1)}}, finding(Changed, "a"), Ignored, "r"},
		{"that nothing is known cannot be left out", []Ignore{{Name: "r", Classes: []Class{Unchecked}}},
			finding(Unchecked, ""), New, ""},
	} {
		got, _ := Apply(c.rules, c.found, t0)
		f := only(t, got)
		var by []string
		for _, a := range f.Attributes {
			by = append(by, a.IgnoredBy)
		}
		if f.Life != c.life || strings.Join(by, " ") != c.by {
			t.Errorf("%s: %s, ignored by %q, want %s, %q", c.name, f.Life, by, c.life, c.by)
		}
	}
}

func TestLeftOutBy(t *testing.T) {
	rules := []Ignore{{Name: "r", Attributes: []string{"a"}}, {Name: "old", Expires: t0},
		{Name: "idle", Address: "none.a"}}
	all, _ := Follow(nil, looked(0), []Difference{differs(Changed, "a", "b"), differs(StateOnly, "a")}, t0)
	all, _ = Apply(rules, all, t0)
	got := LeftOutBy(rules, all, t0)
	ids := []string{ID("w", "x.a", Changed), ID("w", "x.a", StateOnly)}
	slices.Sort(ids)
	if len(got) != 3 || got[0].Attributes != 2 || !slices.Equal(got[0].Findings, ids) || !got[1].Expired ||
		len(got[2].Findings) != 0 {
		t.Errorf("left out: %+v", got)
	}
	r := Ignore{Workspace: "net-*", Labels: map[string]string{"tier": "dev"}}
	if empty := (Ignore{Labels: map[string]string{"tier": ""}}); empty.Concerns("net-a", map[string]string{"x": "y"}) ||
		!empty.Concerns("net-a", map[string]string{"tier": ""}) {
		t.Error("a label that a workspace does not have is not one that is empty")
	}
	if !r.Concerns("net-a", map[string]string{"tier": "dev", "x": "y"}) || r.Concerns("net-a", nil) ||
		r.Concerns("db", map[string]string{"tier": "dev"}) {
		t.Error("a rule concerns the wrong workspaces")
	}
}

func TestNetIsOneEventEach(t *testing.T) {
	e := func(id string, from, to Life) Event {
		return Event{Finding: id, From: from, To: to, Text: string(to), At: time.Time{}}
	}
	got := net([]Event{e("1", "", New), e("2", New, Ongoing), e("1", New, Ignored), e("3", Ignored, New),
		e("3", New, Ignored), e("4", New, New)})
	if len(got) != 3 || got[0].From != "" || got[0].To != Ignored || got[1].Finding != "2" || got[2].Finding != "4" {
		t.Errorf("events: %+v", got)
	}
}

// A rule of attributes does not hide what differs as a whole: what is gone is more than they are.
func TestAttributesHideNoResource(t *testing.T) {
	for _, attributes := range [][]string{{"tags"}, {"*"}, {"**"}, {"a", "**"}} {
		rules := []Ignore{{Name: "r", Address: "x.a", Attributes: attributes}}
		gone := Finding{ID: "1", Workspace: "w", Life: New, Difference: Difference{Address: "x.a", Type: "x",
			Class: Deleted, Attributes: []Attribute{{}}}}
		if out, _ := Apply(rules, []Finding{gone}, at(0)); out[0].Life != New {
			t.Errorf("%v: what is gone is %s", attributes, out[0].Life)
		}
	}
	whole := []Ignore{{Name: "r", Address: "x.a"}}
	gone := Finding{ID: "1", Workspace: "w", Life: New, Difference: Difference{Address: "x.a", Type: "x",
		Class: Deleted, Attributes: []Attribute{{}}}}
	if out, _ := Apply(whole, []Finding{gone}, at(0)); out[0].Life != Ignored {
		t.Errorf("a rule of the resource: what is gone is %s", out[0].Life)
	}
}
