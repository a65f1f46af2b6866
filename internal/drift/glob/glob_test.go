package glob

import (
	"testing"

	"github.com/tfops/tfops/internal/fault"
)

func TestGlobs(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		addresses  bool
		want       bool
	}{
		{`tags["kubernetes.io/*"]`, `tags["kubernetes.io/cluster/a.b"]`, false, true},
		{`tags["kubernetes.io/*"]`, `tags["kubernetes.io/"]`, false, true},
		{`tags["kubernetes.io/*"]`, `tags["k8s.io/cluster"]`, false, false},
		{`tags["kubernetes.io/*"]`, `tags["x/kubernetes.io/a"]`, false, false},
		{`tags["*.io/*/b?"]`, `tags["a.io/c/d/b1"]`, false, true},
		{`tags["*.io/*/b?"]`, `tags["a.io/c/d/b"]`, false, false},
		{`tags["a]b*"]`, `tags["a]bc"]`, false, true},
		{`tags["[ab]"]`, `tags["a"]`, false, false},
		{`tags["**"]`, `tags["a"]`, false, true},
		{`a.b["x*"]`, `a.b["xy"]`, true, false}, // instances are named by whole keys
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
		if got := New(c.pattern, c.addresses).Matches(c.s); got != c.want {
			t.Errorf("%q of %q: %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
	for _, p := range []string{"a[", `a["x`, `a["x"b]`} {
		if err := Check(p); !fault.Is(err, fault.Invalid) || fault.Next(err) == "" {
			t.Errorf("%q: %v", p, err)
		}
	}
	for _, p := range []string{"", "*", "module.*.a_b.c[*]", `tags["a b"].**`} {
		if err := Check(p); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("module.*.a[*]", `module.m["k"].a[0]`)
	f.Add("**.**.**", "a.b.c")
	f.Add(`["`, `[`)
	f.Fuzz(func(t *testing.T, pattern, s string) {
		New(pattern, true).Matches(s)
		New(pattern, false).Matches(s)
		if !New("**", true).Matches(s) && len(Steps(s)) <= maxSteps {
			t.Errorf("** is not of %q", s)
		}
	})
}
