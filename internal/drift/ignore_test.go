package drift

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/fault"
)

func TestGlobs(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		addresses  bool
		want       bool
	}{
		{"aws_instance.web", "aws_instance.web", true, true},
		{"aws_instance.web", "aws_instance.web[0]", true, true},
		{"aws_instance.web", `aws_instance.web["a.b"]`, true, true},
		{"aws_instance.web", "aws_instance.web2", true, false},
		{"aws_instance.web", "module.m.aws_instance.web", true, false},
		{"aws_instance.web[*]", "aws_instance.web[7]", true, true},
		{"aws_instance.web[*]", "aws_instance.web", true, false},
		{"aws_instance.web[0]", "aws_instance.web[0]", true, true},
		{"aws_instance.web[0]", "aws_instance.web[1]", true, false},
		{`aws_instance.web["a.b"]`, `aws_instance.web["a.b"]`, true, true},
		{`aws_instance.web["0"]`, `aws_instance.web[0]`, true, false},
		{"aws_*.*", "aws_instance.web", true, true},
		{"aws_*.*", "google_x.web", true, false},
		{"*", "module.a.aws_instance.web[0]", true, true},
		{"**", "x.y", true, true},
		{"**.web", "module.a.module.b.aws_instance.web[0]", true, true},
		{"**.aws_instance.*", "aws_instance.web", true, true},
		{"module.network", "module.network.aws_vpc.a", true, true},
		{"module.network", `module.network["x"].module.sub.aws_vpc.a[0]`, true, true},
		{"module.network[*]", "module.network.aws_vpc.a", true, false},
		{"module.net", "module.network.aws_vpc.a", true, false},
		{"module.*.aws_vpc.a", "module.network.aws_vpc.a", true, true},
		{"module.*", "module.network.aws_vpc.a", true, true},
		{"aws_vpc", "aws_vpc.a", true, false},
		{"x.a", "x.a (deposed 1234)", true, true},
		{"output.*", "output.ip", true, true},
		{"tags", "tags.Name", false, true},
		{"tags", `tags["cost center"]`, false, true},
		{"tags.*", "tags.Name", false, true},
		{"tags.*", `tags["cost center"]`, false, true},
		{`tags["cost center"]`, `tags["cost center"]`, false, true},
		{`tags["cost"]`, `tags["cost center"]`, false, false},
		{"tags.Na?e", "tags.Name", false, true},
		{"tags", "tags_all.Name", false, false},
		{"ingress", "ingress[0].from_port", false, true},
		{"ingress.from_port", "ingress[0].from_port", false, true},
		{"ingress[*].from_port", "ingress[12].from_port", false, true},
		{"ingress[0].from_port", "ingress[1].from_port", false, false},
		{"ingress.to_port", "ingress[0].from_port", false, false},
		{"**.from_port", "rule[0].ingress[1].from_port", false, true},
		{"from_port", "rule[0].from_port", false, false},
		{"tags", "", false, false},
		{"*", "", false, true},
		{"a.b", "a", false, false},
	} {
		if got := newGlob(c.pattern, c.addresses).matches(c.s); got != c.want {
			t.Errorf("%q of %q: %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
	for _, p := range []string{"a[", `a["x`, `a["x"b]`} {
		if err := CheckGlob(p); !fault.Is(err, fault.Invalid) || fault.Next(err) == "" {
			t.Errorf("%q: %v", p, err)
		}
	}
	for _, p := range []string{"", "*", "module.*.a_b.c[*]", `tags["a b"].**`} {
		if err := CheckGlob(p); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("module.*.a[*]", `module.m["k"].a[0]`)
	f.Add("**.**.**", "a.b.c")
	f.Add(`["`, `[`)
	f.Fuzz(func(t *testing.T, pattern, s string) {
		newGlob(pattern, true).matches(s)
		newGlob(pattern, false).matches(s)
		if !newGlob("**", true).matches(s) && len(steps(s)) <= maxSteps {
			t.Errorf("** is not of %q", s)
		}
	})
}

func TestApply(t *testing.T) {
	finding := func(class Class, paths ...string) []Finding {
		all, _ := Follow(nil, Check{Workspace: "net-prod", Outcome: Drifted}, []Difference{differs(class, paths...)}, t0)
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
		{"two rules share it, the first counts", []Ignore{{Name: "r", Attributes: []string{"a"}}, {Name: "s"}}, finding(Changed, "a", "b"), Ignored, "r s"},
		{"another class", []Ignore{{Name: "r", Classes: []Class{StateOnly}}}, finding(Changed, "a"), New, ""},
		{"its class", []Ignore{{Name: "r", Classes: []Class{StateOnly, Changed}}}, finding(Changed, "a"), Ignored, "r"},
		{"another address", []Ignore{{Name: "r", Address: "x.b"}}, finding(Changed, "a"), New, ""},
		{"another workspace", []Ignore{{Name: "r", Workspace: "*-dev"}}, finding(Changed, "a"), New, ""},
		{"its workspace", []Ignore{{Name: "r", Workspace: "net-*"}}, finding(Changed, "a"), Ignored, "r"},
		{"expired", []Ignore{{Name: "r", Expires: t0}}, finding(Changed, "a"), New, ""},
		{"not yet expired", []Ignore{{Name: "r", Expires: t0.Add(1)}}, finding(Changed, "a"), Ignored, "r"},
		{"that nothing is known cannot be left out", []Ignore{{Name: "r", Classes: []Class{Unchecked}}}, finding(Unchecked, ""), New, ""},
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
	rules := []Ignore{{Name: "r", Attributes: []string{"a"}}, {Name: "old", Expires: t0}, {Name: "idle", Address: "none.a"}}
	all, _ := Follow(nil, looked(0), []Difference{differs(Changed, "a", "b"), differs(StateOnly, "a")}, t0)
	all, _ = Apply(rules, all, t0)
	got := LeftOutBy(rules, all, t0)
	ids := []string{ID("w", "x.a", Changed), ID("w", "x.a", StateOnly)}
	slices.Sort(ids)
	if len(got) != 3 || got[0].Attributes != 2 || !slices.Equal(got[0].Findings, ids) || !got[1].Expired || len(got[2].Findings) != 0 {
		t.Errorf("left out: %+v", got)
	}
	r := Ignore{Workspace: "net-*", Labels: map[string]string{"tier": "dev"}}
	if empty := (Ignore{Labels: map[string]string{"tier": ""}}); empty.Concerns("net-a", map[string]string{"x": "y"}) || !empty.Concerns("net-a", map[string]string{"tier": ""}) {
		t.Error("a label that a workspace does not have is not one that is empty")
	}
	if !r.Concerns("net-a", map[string]string{"tier": "dev", "x": "y"}) || r.Concerns("net-a", nil) || r.Concerns("db", map[string]string{"tier": "dev"}) {
		t.Error("a rule concerns the wrong workspaces")
	}
}

func TestNetIsOneEventEach(t *testing.T) {
	e := func(id string, from, to Life) Event {
		return Event{Finding: id, From: from, To: to, Text: string(to), At: time.Time{}}
	}
	got := net([]Event{e("1", "", New), e("2", New, Ongoing), e("1", New, Ignored), e("3", Ignored, New), e("3", New, Ignored), e("4", New, New)})
	if len(got) != 3 || got[0].From != "" || got[0].To != Ignored || got[1].Finding != "2" || got[2].Finding != "4" {
		t.Errorf("events: %+v", got)
	}
}
