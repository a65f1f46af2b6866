package groups_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/groups"
	"github.com/tfops/tfops/internal/plan"
)

var at = time.Date(2026, 11, 30, 6, 0, 0, 0, time.UTC)

func found(workspace, address string, class drift.Class, attributes ...drift.Attribute) drift.Finding {
	typ, _, _ := strings.Cut(address, ".")
	return drift.Finding{ID: drift.ID(workspace, address, class), Workspace: workspace, Life: drift.Ongoing,
		Severity: drift.Medium, FirstSeen: at, LastSeen: at, Times: 1,
		Difference: drift.Difference{Address: address, Type: typ, Class: class, Attributes: attributes}}
}

func to(path string, value any) drift.Attribute {
	return drift.Attribute{Path: path, Before: "was", After: value}
}

func wanted(path string, value any) drift.Attribute {
	return drift.Attribute{Path: path, Before: "was", After: "was", Wanted: value}
}

// said is what groups come to, in a line each.
func said(all []groups.Group) (lines []string) {
	for _, g := range all {
		lines = append(lines, fmt.Sprintf("%s %s %s %v %d in %s", g.Class, g.Type, g.Attribute, g.To, len(g.Findings),
			strings.Join(g.Workspaces, ",")))
	}
	return lines
}

func TestOneCause(t *testing.T) {
	known := found("c", "x.a", drift.Changed, to("tags.owner", "nobody"))
	known.Life = drift.Acknowledged
	gone := found("d", "x.a", drift.Changed, to("tags.owner", "nobody"))
	gone.Life = drift.Resolved
	hidden := drift.Attribute{Path: "token", Before: plan.Sensitive, After: plan.Sensitive, Sensitive: true}
	check := func(workspace, problem string) drift.Finding {
		f := found(workspace, "check.up", drift.CheckFailed, drift.Attribute{})
		f.Problems = []string{problem}
		return f
	}
	for name, c := range map[string]struct {
		findings []drift.Finding
		want     []string
	}{
		"the same value in several workspaces": {[]drift.Finding{
			found("a", "x.a", drift.Changed, to("tags.owner", "nobody")),
			found("b", "x.b[3]", drift.Changed, to("tags.owner", "nobody")),
			found("b", "x.b[4]", drift.Changed, to("tags.owner", "nobody"))},
			[]string{"changed x tags.owner nobody 3 in a,b"}},
		"other attributes that go along do not part it": {[]drift.Finding{
			found("a", "x.a", drift.Changed, to("etag", "1"), to("ttl", 60)),
			found("b", "x.a", drift.Changed, to("etag", "2"), to("ttl", 60))},
			[]string{"changed x ttl 60 2 in a,b"}},
		"any element of a list": {[]drift.Finding{
			found("a", "x.a", drift.Changed, to("rule[2].cidr", "0.0.0.0/0")),
			found("b", "x.a", drift.Changed, to("rule[11].cidr", "0.0.0.0/0"))},
			[]string{"changed x rule[*].cidr 0.0.0.0/0 2 in a,b"}},
		"a map's keys are told apart": {[]drift.Finding{
			found("a", "x.a", drift.Changed, to(`tags["1"]`, "y")),
			found("b", "x.a", drift.Changed, to(`tags["2"]`, "y"))},
			nil},
		"one workspace alone": {[]drift.Finding{
			found("a", "x.a", drift.Changed, to("ttl", 60)), found("a", "x.b", drift.Changed, to("ttl", 60))}, nil},
		"other values": {[]drift.Finding{
			found("a", "x.a", drift.Changed, to("ttl", 60)), found("b", "x.a", drift.Changed, to("ttl", 61)),
			found("c", "x.a", drift.Changed, to("ttl", "60"))}, nil},
		"other types": {[]drift.Finding{
			found("a", "x.a", drift.Changed, to("ttl", 60)), found("b", "y.a", drift.Changed, to("ttl", 60))}, nil},
		"other classes": {[]drift.Finding{
			found("a", "x.a", drift.Changed, to("ttl", 60)), found("b", "x.a", drift.StateOnly, to("ttl", 60))}, nil},
		"a data source that moved: what a plan wants tells": {[]drift.Finding{
			found("a", "x.a", drift.Input, wanted("image", "ami-2")),
			found("b", "x.a", drift.Input, wanted("image", "ami-2")),
			found("c", "x.a", drift.Input, wanted("image", "ami-3"))},
			[]string{"input x image ami-2 2 in a,b"}},
		"what is not known is not the same": {[]drift.Finding{
			found("a", "x.a", drift.Input, wanted("id", drift.Unknown)),
			found("b", "x.a", drift.Input, wanted("id", drift.Unknown))}, nil},
		"nor is what is hidden": {[]drift.Finding{
			found("a", "x.a", drift.Changed, hidden), found("b", "x.a", drift.Changed, hidden)}, nil},
		"a value that was taken away": {[]drift.Finding{
			found("a", "x.a", drift.Changed, to("tags.owner", nil)),
			found("b", "x.a", drift.Changed, to("tags.owner", nil))},
			[]string{"changed x tags.owner <nil> 2 in a,b"}},
		"deleted ones of a type": {[]drift.Finding{
			found("a", "x.a", drift.Deleted, drift.Attribute{Before: "1"}),
			found("b", "x.a", drift.Deleted, drift.Attribute{Before: "2"})},
			[]string{"deleted x  <nil> 2 in a,b"}},
		"the same check": {[]drift.Finding{check("a", "certificate expired"), check("b", "certificate expired"),
			check("c", "it is full")}, []string{"check_failed   <nil> 2 in a,b"}},
		"nobody has to act on these": {[]drift.Finding{known, gone,
			found("a", "x.a", drift.Changed, to("tags.owner", "nobody")),
			found("a", "x.c", drift.PendingCommit, wanted("n", 1)),
			found("b", "x.c", drift.PendingCommit, wanted("n", 1)),
			found("a", "x.d", drift.Follows, to("n", 1)), found("b", "x.d", drift.Follows, to("n", 1))}, nil},
		"each finding once, in the widest": {[]drift.Finding{
			found("a", "x.a", drift.Changed, to("m", 1), to("n", 1)),
			found("b", "x.a", drift.Changed, to("m", 1), to("n", 1)),
			found("c", "x.a", drift.Changed, to("n", 1)), found("d", "x.a", drift.Changed, to("m", 1)),
			found("e", "x.a", drift.Changed, to("m", 1))},
			[]string{"changed x m 1 4 in a,b,d,e"}},
	} {
		if got := said(groups.Of(c.findings)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Groups stay what they are, in whatever order findings come; their ids outlast those of findings.
func TestGroupsAreStable(t *testing.T) {
	var findings []drift.Finding
	random := rand.New(rand.NewPCG(11, 30))
	for i := range 300 {
		f := found(fmt.Sprintf("w%d", random.IntN(12)), fmt.Sprintf("x.a[%d]", i), drift.Changed,
			to("m", random.IntN(4)), to("n", random.IntN(20)), to("o", random.IntN(3)))
		f.FirstSeen = at.Add(-time.Duration(random.IntN(100)) * time.Hour)
		f.Severity = drift.Severities()[random.IntN(4)]
		findings = append(findings, f)
	}
	want := groups.Of(findings)
	in := map[string]bool{}
	for _, g := range want {
		if len(g.Workspaces) < 2 || g.Findings[0].Severity != g.Severity {
			t.Errorf("%+v", g)
		}
		for _, f := range g.Findings {
			if in[f.ID] {
				t.Errorf("%s is in two groups", f.ID)
			}
			in[f.ID] = true
			if f.FirstSeen.Before(g.Since) {
				t.Errorf("%s is older than its group", f.ID)
			}
		}
	}
	if len(want) == 0 {
		t.Fatal("no group")
	}
	for range 5 {
		other := slices.Clone(findings) // groups point into what they were made of
		random.Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
		if got := groups.Of(other); !reflect.DeepEqual(got, want) {
			t.Fatalf("in another order: %q, want %q", said(got), said(want))
		}
	}
}
