package report_test

import (
	"fmt"
	"time"

	"github.com/tfops/tfops/internal/codelink"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/plan"
)

// paris is a zone with a summer time, so that days are not all as long.
var paris = func() *time.Location {
	l, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	return l
}()

var at = time.Date(2026, 11, 21, 6, 0, 0, 0, paris)

func ago(d time.Duration) time.Time { return at.Add(-d) }

const day = 24 * time.Hour

// nights are what the golden files show.
var nights = map[string]func() report.Input{"bad": badNight, "clean": cleanNight, "empty": emptyFleet}

func emptyFleet() report.Input {
	return report.Input{ID: "r-empty", Name: "nightly", At: at, Since: ago(day), Location: paris}
}

func workspaceNamed(name string) report.Workspace {
	return report.Workspace{Name: name, Repository: "infra", Branch: "main", Dir: "live/" + name,
		Applied: "4be1f0c9d2a7", Head: "4be1f0c9d2a7",
		Schedule: "0 2 * * *", Timezone: "Europe/Paris", Labels: map[string]string{"team": "platform", "tier": "prod"}}
}

// every makes a check for each of the last nights, newest first as outcomes are
// given; nights beyond those are clean.
func every(workspace string, resources, nights int, outcomes ...drift.Outcome) []drift.Check {
	var out []drift.Check
	for i := range nights {
		c := drift.Check{Workspace: workspace, Run: fmt.Sprintf("run-%s-%d", workspace, i),
			At:   at.AddDate(0, 0, -i).Add(-3*time.Hour - 48*time.Minute),
			Took: 9 * time.Second, Commit: "4be1f0c9d2a7", Outcome: drift.Clean, Resources: resources,
			Blind: classify.Blinds(nil)}
		if i < len(outcomes) {
			c.Outcome = outcomes[i]
		}
		out = append(out, c)
	}
	return out
}

func cleanNight() report.Input {
	in := emptyFleet()
	in.ID, in.Instance = "r-clean", report.Instance{Name: "ops", URL: "https://tfops.example.com/reports/r-clean",
		Version: "1.2.0"}
	for i, name := range []string{"network-prod", "dns", "cluster-prod", "cluster-test"} {
		in.Workspaces = append(in.Workspaces, workspaceNamed(name))
		in.Checks = append(in.Checks, every(name, 40+13*i, 60)...)
	}
	in.Findings = []drift.Finding{{ID: "0d3c9a51be77", Workspace: "dns", Life: drift.Resolved, Severity: drift.Medium,
		FirstSeen: ago(3 * day), LastSeen: ago(2 * day), Times: 2,
		ResolvedAt: ago(4 * time.Hour), ResolvedBy: "run-771",
		Difference: drift.Difference{Address: "aws_route53_record.mail", Type: "aws_route53_record",
			Class:  drift.Changed,
			Action: plan.Update, Attributes: []drift.Attribute{{Path: "ttl", Before: 300, After: 60}}}}}
	return counted(in)
}

// counted fills in how many findings were open after each check.
func counted(in report.Input) report.Input {
	for i := range in.Checks {
		c := &in.Checks[i]
		c.Open = map[drift.Severity]int{}
		for _, f := range in.Findings {
			if f.Workspace == c.Workspace && f.Life != drift.Ignored && f.Class != drift.Unchecked &&
				f.Class != drift.PendingCommit && !f.FirstSeen.After(c.At) &&
				(f.ResolvedAt.IsZero() || f.ResolvedAt.After(c.At)) {
				c.Open[f.Severity]++
			}
		}
	}
	return in
}

// found is a finding as it comes out of checks.
func found(workspace, address string, class drift.Class, severity drift.Severity, first time.Duration,
	attributes ...drift.Attribute) drift.Finding {
	f := drift.Finding{ID: drift.ID(workspace, address, class), Workspace: workspace, Severity: severity,
		Life: drift.Ongoing, FirstSeen: ago(first), LastSeen: ago(4 * time.Hour),
		Times: int(first/day) + 1, Difference: drift.Difference{Address: address, Class: class, Action: plan.Update,
			Attributes: attributes}}
	if first < day {
		f.Life = drift.New
	}
	for i := range f.Attributes {
		f.Attributes[i].FirstSeen = f.FirstSeen
	}
	if len(attributes) == 0 {
		f.Attributes = []drift.Attribute{{}}
	}
	return f
}

func badNight() report.Input {
	in := emptyFleet()
	in.ID, in.Instance = "r-bad", report.Instance{Name: "ops", URL: "https://tfops.example.com/reports/r-bad",
		Version: "1.2.0", Sandbox: "nothing shuts the engine in"}
	in.Last = true
	read := ago(9 * time.Hour)
	in.Unreadable = []report.Unreadable{{Name: "edge", Why: "connection refused by git.example.com", Read: &read},
		{Name: "elsewhere", Why: "none of this report's"}}
	in.Unowned = []report.Unowned{{Repository: "infra",
		Lines: []string{"branch main: CODEOWNERS:3: \"@b#c\" is no owner: @user, @org/team or a mail address"}},
		{Repository: "elsewhere", Lines: []string{"none of this report's"}}}
	for _, name := range []string{"network-prod", "database-prod", "cluster-prod", "dns", "billing", "legacy",
		"cluster-test", "search", "mail", "sandbox"} {
		in.Workspaces = append(in.Workspaces, workspaceNamed(name))
	}
	named := func(name string) *report.Workspace {
		for i := range in.Workspaces {
			if in.Workspaces[i].Name == name {
				return &in.Workspaces[i]
			}
		}
		panic(name)
	}
	named("sandbox").NeverApplied, named("sandbox").Applied = true, ""
	named("legacy").Schedule, named("legacy").Timezone = "", ""
	named("dns").Repository, named("dns").Head = "edge", "99d07aa1c3e4"
	links := codelink.Of("https://github.com/acme/infra.git")
	links.Run = "https://tfops.example.com/runs/{run}"
	named("network-prod").Links, named("database-prod").Links = links, links
	named("search").Unknown = "the apply of run-802 ended halfway"

	in.Checks = append(in.Checks, every("network-prod", 212, 90, drift.Drifted, drift.Drifted, drift.Drifted,
		drift.Drifted)...)
	failing := every("database-prod", 34, 75, drift.NotChecked, drift.NotChecked, drift.NotChecked)
	for i := range 3 {
		failing[i].Why = "the engine could not refresh: error reading RDS instance (db-1): AccessDenied: not " +
			"authorized to perform rds:DescribeDBInstances"
	}
	in.Checks = append(in.Checks, failing...)
	in.Checks = append(in.Checks, every("cluster-prod", 95, 90, drift.Drifted, drift.Drifted)...)
	in.Checks = append(in.Checks, every("dns", 61, 40, drift.Drifted)...)
	in.Checks = append(in.Checks, every("billing", 18, 80)[2:]...) // the last two nights were missed
	in.Checks = append(in.Checks, every("cluster-test", 77, 66)...)
	in.Checks = append(in.Checks, every("search", 25, 20)...)
	in.Checks = append(in.Checks, every("mail", 12, 90, drift.Drifted)...)
	for i := range in.Checks {
		if c := &in.Checks[i]; c.Workspace == "cluster-test" && c.At.After(in.Since) {
			c.Blind = append(c.Blind, drift.Blind{Address: "aws_db_instance.scratch",
				What: "write-only argument password_wo"})
		}
	}
	in.Findings = badFindings()
	in.Ignore = []drift.Ignore{
		{Name: "autoscaling", Address: "**.aws_autoscaling_group.*", Attributes: []string{"desired_capacity"},
			Reason: "the autoscaler owns it", Owner: "@acme/cluster", Expires: at.AddDate(0, 2, 0)},
		{Name: "old-tags", Attributes: []string{"tags.LastScan"}, Reason: "the scanner writes it",
			Expires: ago(10 * day)},
	}
	return counted(in)
}

func badFindings() []drift.Finding {
	world := found("network-prod", `aws_security_group_rule.ssh["office"]`, drift.Changed, drift.Critical, 4*time.Hour,
		drift.Attribute{Path: "cidr_blocks[0]", Before: "10.20.0.0/16", After: "0.0.0.0/0"},
		drift.Attribute{Path: "description", Before: "office only", After: "tmp!! remove tonight"})
	world.File, world.Line, world.Owners, world.LastRun, world.LastApprovers = "live/network-prod/rules.tf", 41,
		[]string{"@acme/network"}, "run-640", []string{"ana", "li"}

	gone := found("network-prod", "aws_nat_gateway.b", drift.Deleted, drift.Critical, 3*day)
	gone.Action, gone.File, gone.Line, gone.Owners, gone.LastRun, gone.LastApprovers = plan.Create,
		"modules/nat/main.tf", 7, []string{"@acme/network"}, "run-512", []string{"li"}

	tags := found("network-prod", "module.vpc.aws_vpc.this", drift.StateOnly, drift.Low, 3*day,
		drift.Attribute{Path: "tags_all.CostCenter", Before: nil, After: "7410"})
	known := found("network-prod", "aws_flow_log.all", drift.Changed, drift.High, 3*day,
		drift.Attribute{Path: "log_format", Before: "${version} ${srcaddr} ${dstaddr}", After: "${version} ${srcaddr}"})
	known.Life, known.Ack = drift.Acknowledged,
		&drift.Ack{By: "ana", Reason: "the vendor needs the short form until their fix is out (TICKET-88)",
			At: ago(2 * day), Until: at.AddDate(0, 0, 9), Attributes: []string{"log_format"}}

	policy := `{"Version":"2012-10-17","Statement":[` +
		repeat(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::assets-%d/*"},`, 12)
	conflict := found("cluster-prod", "aws_iam_role_policy.nodes", drift.Conflict, drift.Critical, 28*time.Hour,
		drift.Attribute{Path: "policy", Before: policy + `{"Effect":"Deny","Action":"*"}]}`, After: policy +
			`{"Effect":"Allow","Action":"*","Resource":"*"}]}`, Wanted: policy + `{"Effect":"Deny","Action":"s3:*"}]}`})
	conflict.File, conflict.Line, conflict.Owners = "live/cluster-prod/nodes.tf", 118,
		[]string{"@acme/cluster", "@acme/security"}
	secret := found("cluster-prod", "aws_ssm_parameter.token", drift.Changed, drift.High, 28*time.Hour,
		drift.Attribute{Path: "value", Before: plan.Sensitive, After: plan.Sensitive, Sensitive: true})
	scaled := found("cluster-prod", "module.nodes.aws_autoscaling_group.workers", drift.Changed, drift.Medium, 60*day,
		drift.Attribute{Path: "desired_capacity", Before: 6, After: 9, IgnoredBy: "autoscaling"})
	scaled.Life = drift.Ignored

	record := found("dns", "aws_route53_record.www", drift.PreApplied, drift.Low, 4*time.Hour,
		drift.Attribute{Path: "records[0]", Before: "192.0.2.10", After: "192.0.2.77", Wanted: "192.0.2.77"})
	commit := found("dns", "aws_route53_record.api", drift.PendingCommit, drift.Low, 4*time.Hour,
		drift.Attribute{Path: "ttl", Before: 300, After: 300, Wanted: 60})
	input := found("dns", "aws_acm_certificate.edge", drift.Input, drift.Medium, 9*day,
		drift.Attribute{Path: "subject_alternative_names", Before: []any{"a.example.com"},
			After: []any{"a.example.com"}, Wanted: drift.Unknown})
	back := found("mail", "aws_ses_receipt_rule.spam", drift.Changed, drift.Medium, 50*day,
		drift.Attribute{Path: "scan_enabled", Before: true, After: false})
	back.Life, back.Returned, back.Times = drift.Recurring, ago(4*time.Hour), 6
	check := found("mail", "check.certificate", drift.CheckFailed, drift.High, 2*day)
	check.Problems, check.Action = []string{"certificate of smtp.example.com expires in 6 days"}, ""
	perpetual := found("mail", "aws_ses_template.welcome", drift.Perpetual, drift.Low, 20*day,
		drift.Attribute{Path: "html", Before: "<p>Hi</p>\n", After: "<p>Hi</p>", Wanted: "<p>Hi</p>\n"})

	dark := found("database-prod", "", drift.Unchecked, drift.High, 3*day-20*time.Hour)
	dark.Problems = []string{"error reading RDS instance (db-1): AccessDenied: not authorized to perform " +
		"rds:DescribeDBInstances"}
	before := found("database-prod", "aws_db_parameter_group.main", drift.Changed, drift.Medium, 6*day,
		drift.Attribute{Path: "parameter[2].value", Before: "on", After: "off"})
	image := func(workspace, ami string) drift.Finding {
		f := found(workspace, "module.nodes.aws_launch_template.this", drift.Input, drift.Medium, 5*day,
			drift.Attribute{Path: "image_id", Before: "ami-0a", After: "ami-0a", Wanted: ami})
		f.Type, f.File, f.Line = "aws_launch_template", "modules/nodes/main.tf", 12
		return f
	}
	return append([]drift.Finding{image("cluster-prod", "ami-0b"), image("mail", "ami-0b"),
		image("dns", "ami-0c"), world,
		gone, tags, known, conflict, secret, scaled, record, commit, input, back, check, perpetual, dark,
		before}, goneFindings()...)
}

// goneFindings are those that were resolved.
func goneFindings() []drift.Finding {
	solved := found("network-prod", "aws_route.peer", drift.Changed, drift.High, 30*time.Hour,
		drift.Attribute{Path: "gateway_id", Before: "igw-1", After: "igw-2"})
	solved.Life, solved.ResolvedAt = drift.Resolved, ago(4*time.Hour)
	long := found("network-prod", "aws_eip.old", drift.Changed, drift.Medium, 40*day,
		drift.Attribute{Path: "tags.Name", Before: "a", After: "b"})
	long.Life, long.ResolvedAt, long.ResolvedBy = drift.Resolved, ago(25*day), "run-333"
	out := []drift.Finding{solved, long}
	for i := range 14 { // what came and went, for the trend
		f := found("cluster-test", fmt.Sprintf("aws_instance.n[%d]", i), drift.Changed, drift.Severities()[i%4],
			time.Duration(80-5*i)*day, drift.Attribute{Path: "ami", Before: "x", After: "y"})
		f.Life, f.ResolvedAt = drift.Resolved, f.FirstSeen.Add(time.Duration(2+i%5)*2*day)
		out = append(out, f)
	}
	return out
}

func repeat(format string, n int) string {
	s := ""
	for i := range n {
		s += fmt.Sprintf(format, i)
	}
	return s
}
