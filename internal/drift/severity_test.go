package drift

import (
	"path"
	"testing"

	"github.com/tfops/tfops/internal/drift/glob"
	"github.com/tfops/tfops/internal/plan"
)

func TestGrade(t *testing.T) {
	for _, c := range []struct {
		typ   string
		class Class
		attr  Attribute
		want  Severity
	}{
		{"aws_iam_role", Changed, Attribute{Path: "max_session_duration"}, Critical},
		{"aws_iam_role", Changed, Attribute{Path: "tags.Name"}, Low},
		{"aws_s3_bucket", Changed, Attribute{Path: "tags_all[\"a b\"]"}, Low},
		{"aws_s3_bucket", Changed, Attribute{Path: "acl"}, Critical},
		{"aws_s3_bucket_public_access_block", Changed, Attribute{Path: "block_public_acls"}, Critical},
		{"aws_security_group", Changed, Attribute{Path: "ingress[1].cidr_blocks[0]", After: "0.0.0.0/0"}, Critical},
		{"aws_security_group", Changed, Attribute{Path: "ingress[1]",
			After: map[string]any{"cidr_blocks": []any{"10.0.0.0/8", "::/0"}}}, Critical},
		{"aws_security_group", Changed, Attribute{Path: "ingress[1].cidr_blocks[0]", After: "10.0.0.0/8"}, High},
		{"aws_security_group", Changed, Attribute{Path: "ingress[1].cidr_blocks[0]", Before: "0.0.0.0/0",
			After: "10.0.0.0/8"}, High},
		{"aws_ebs_volume", Changed, Attribute{Path: "encrypted"}, Critical},
		{"aws_ebs_volume", Changed, Attribute{Path: "kms_key_id"}, Critical},
		{"aws_ebs_volume", Changed, Attribute{Path: "size"}, Medium},
		{"aws_ebs_volume", StateOnly, Attribute{Path: "size"}, Low},
		{"aws_ebs_volume", StateOnly, Attribute{Path: "encrypted"}, High},
		{"aws_ebs_volume", Input, Attribute{Path: "size"}, Low},
		{"aws_ebs_volume", Conflict, Attribute{Path: "size"}, Medium},
		{"aws_ebs_volume", Deleted, Attribute{}, Critical},
		{"aws_instance", Changed, Attribute{Path: "associate_public_ip_address"}, Critical},
		{"aws_instance", Changed, Attribute{Path: "user_data"}, High},
		{"azurerm_role_assignment", Changed, Attribute{Path: "scope"}, Critical},
		{"azurerm_network_security_rule", Changed, Attribute{Path: "source_address_prefix", After: "*"}, Critical},
		{"azurerm_storage_account", Changed, Attribute{Path: "public_network_access_enabled"}, Critical},
		{"azurerm_storage_account", Changed, Attribute{Path: "account_tier"}, Medium},
		{"google_project_iam_member", Changed, Attribute{Path: "role"}, Critical},
		{"google_compute_firewall", Changed, Attribute{Path: "source_ranges[0]", After: "0.0.0.0/0"}, Critical},
		{"google_compute_instance", Changed, Attribute{Path: "labels.team"}, Low},
		{"kubernetes_cluster_role_binding", Changed, Attribute{Path: "subject[0].name"}, Critical},
		{"kubernetes_deployment", Changed, Attribute{Path: "metadata[0].labels.app"}, Low},
		{"kubernetes_deployment", Changed, Attribute{Path: "spec[0].replicas"}, Medium},
		{"vault_policy", Changed, Attribute{Path: "policy"}, Critical},
		{"github_branch_protection", Changed, Attribute{Path: "enforce_admins"}, Critical},
		{"github_repository", Changed, Attribute{Path: "visibility"}, Critical},
		{"github_repository", Changed, Attribute{Path: "description"}, Low},
		{"lab_thing", Changed, Attribute{Path: "value"}, Medium},
		{"", CheckFailed, Attribute{}, High},
		{"", Unchecked, Attribute{}, High},
	} {
		f := Finding{Difference: Difference{Type: c.typ, Class: c.class, Attributes: []Attribute{c.attr}}}
		if got := Grade(nil, f); got != c.want {
			t.Errorf("%s %s at %q: %s, want %s", c.class, c.typ, c.attr.Path, got, c.want)
		}
	}
}

func TestGradeByRules(t *testing.T) {
	f := Finding{Difference: Difference{Type: "aws_instance", Class: Changed, Action: plan.Update,
		Attributes: []Attribute{{Path: "tags.Name"}, {Path: "ami"}}}}
	for _, c := range []struct {
		name  string
		rules []SeverityRule
		want  Severity
	}{
		{"built in", nil, Medium},
		{"any", []SeverityRule{{Severity: Low}}, Low},
		{"a tag matters here", []SeverityRule{{Attribute: "tags.Name", Severity: Critical}}, Critical},
		{"the first counts", []SeverityRule{{Type: "aws_*", Severity: High}, {Severity: Critical}}, High},
		{"another type", []SeverityRule{{Type: "google_*", Severity: Critical}}, Medium},
		{"action", []SeverityRule{{Action: plan.Update, Severity: Critical}}, Critical},
		{"another action", []SeverityRule{{Action: plan.Replace, Severity: Critical}}, Medium},
		{"class", []SeverityRule{{Class: Changed, Severity: High}}, High},
	} {
		if got := Grade(c.rules, f); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	g := f
	g.Attributes = []Attribute{{Path: "tags.Name"}, {Path: "ami", IgnoredBy: "r"}}
	if got := Grade(nil, g); got != Low {
		t.Errorf("what is left out counts: %s", got)
	}
	replaced := f
	replaced.Action = plan.Replace
	if got := Grade(nil, replaced); got != Critical {
		t.Errorf("what a plan would replace is %s", got)
	}
	if got := Grade([]SeverityRule{{Action: plan.Replace, Severity: Low}}, replaced); got != Low {
		t.Errorf("a rule says low, and what a plan would replace is %s", got)
	}
	gone := Finding{Difference: Difference{Class: Deleted, Action: plan.Create, Attributes: []Attribute{{}}}}
	if got := Grade([]SeverityRule{{Action: plan.Delete, Severity: Low}}, gone); got != Low {
		t.Errorf("gone from the world is not deletion: %s", got)
	}
}

func TestBuiltinTableIsWellFormed(t *testing.T) {
	for i, b := range builtin {
		if len(b.types)+len(b.attributes) == 0 || b.severity == "" {
			t.Errorf("row %d: %+v", i, b)
		}
		for _, p := range b.types {
			if _, err := path.Match(p, ""); err != nil {
				t.Errorf("row %d: %q: %v", i, p, err)
			}
		}
		for _, p := range b.attributes {
			if err := glob.Check(p); err != nil {
				t.Errorf("row %d: %v", i, err)
			}
		}
	}
	if !Critical.Worse(High) || Low.Worse(Low) || len(Severities()) != 4 {
		t.Error("the order of severities")
	}
}
