package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
)

func TestWrongUsage(t *testing.T) {
	s := newShell(t)
	s.env["TFOPS_SERVER"] = "/nowhere/tfops.sock" // nothing below gets as far as that
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"stauts"}, []string{"there is no command stauts", "did you mean status?"}},
		{[]string{"stat"}, []string{"did you mean state?"}},
		{[]string{"findings"}, []string{"there is no command findings", "did you mean tfops drift findings?"}},
		{[]string{"codify", "3f2a9c41d07b"}, []string{"did you mean tfops drift codify?"}},
		{[]string{"ack"}, []string{"did you mean tfops drift ack? Otherwise: tfops --help"}},
		{[]string{"notify", "tset"}, []string{"there is no command tset of tfops notify", "did you mean test?"}},
		{[]string{"notify", "everybody"}, []string{"there is no command everybody of tfops notify",
			"tfops notify --help"}},
		{[]string{"xyzzy"}, []string{"there is no command xyzzy", "tfops --help"}},
		{[]string{"--sever", "x", "status"}, []string{"no flag --sever", "did you mean --server?"}},
		{[]string{"plan", "w", "--wiat"}, []string{"no flag --wiat of tfops plan", "did you mean --wait?"}},
		{[]string{"plan", "w", "-z"}, []string{"unknown shorthand flag", "tfops plan --help"}},
		{[]string{"status", "-o", "xml"}, []string{"table, json, yaml"}},
		{[]string{"status", "a", "b"}, []string{`does not take the argument "b"`}},
		{[]string{"status", "a", "--sync", "synced"}, []string{"filters are for the whole fleet"}},
		{[]string{"status", "--sync", "snyced"}, []string{"did you mean synced?"}},
		{[]string{"status", "--drift", "no"}, []string{"none, drifted, unknown"}},
		{[]string{"status", "--label", "team"}, []string{"--label KEY=VALUE"}},
		{[]string{"plan"}, []string{"tfops plan needs WORKSPACE", "Next: tfops plan WORKSPACE"}},
		{[]string{"sync"}, []string{"needs WORKSPACE"}},
		{[]string{"sync", "w", "x"}, []string{"does not take"}},
		{[]string{"destroy"}, []string{"needs WORKSPACE"}},
		{[]string{"runs", "x"}, []string{"does not take"}},
		{[]string{"runs", "--status", "aplied"}, []string{"did you mean applied?"}},
		{[]string{"runs", "--kind", "snyc"}, []string{"did you mean sync?"}},
		{[]string{"runs", "--limit", "0"}, []string{"--limit 0 lists nothing"}},
		{[]string{"runs", "--limit", "many"}, []string{"many"}},
		{[]string{"show"}, []string{"needs RUN"}},
		{[]string{"logs"}, []string{"needs RUN"}},
		{[]string{"approvals", "x"}, []string{"does not take"}},
		{[]string{"approve"}, []string{"needs RUN"}},
		{[]string{"approve", "r", "--digest", "3f2a"}, []string{"at least 12 hex digits"}},
		{[]string{"approve", "r", "--digest", "not a digest at all"}, []string{"not a digest"}},
		{[]string{"reject", "r"}, []string{"needs a reason", `tfops reject r -m "WHY"`}},
		{[]string{"reject", "r", "-m", "  "}, []string{"needs a reason"}},
		{[]string{"reject", "-m", "no"}, []string{"needs RUN"}},
		{[]string{"reject", "r", "-m", "no", "--digest", "x"}, []string{"not a digest"}},
		{[]string{"withdraw"}, []string{"needs RUN"}},
		{[]string{"cancel"}, []string{"needs RUN"}},
		{[]string{"resolve", "r"}, []string{"needs a reason"}},
		{[]string{"wait"}, []string{"needs RUN"}},
		{[]string{"wait", "r", "--timeout", "soon"}, []string{"soon"}},
		{[]string{"wait", "r", "--timeout", "-5s"}, []string{"below zero"}},
		{[]string{"locks", "x"}, []string{"does not take"}},
		{[]string{"lock", "w"}, []string{"needs a reason"}},
		{[]string{"unlock"}, []string{"needs WORKSPACE"}},
		{[]string{"suspend", "w"}, []string{"needs a reason"}},
		{[]string{"suspend", "w", "-m", "x", "--until", "yesterday"}, []string{"is not a time", "2026-11-27"}},
		{[]string{"suspend", "w", "-m", "x", "--until", "2020-01-01"}, []string{"is over already"}},
		{[]string{"resume"}, []string{"needs WORKSPACE"}},
		{[]string{"history"}, []string{"needs WORKSPACE"}},
		{[]string{"history", "w", "--limit", "-1"}, []string{"lists nothing"}},
		{[]string{"audit", "--limit", "0"}, []string{"lists nothing"}},
		{[]string{"poll"}, []string{"needs REPOSITORY"}},
		{[]string{"backup"}, []string{"needs FILE"}},
		{[]string{"inspect"}, []string{"needs FILE"}},
		{[]string{"inspect", "f", "--limit", "-1"}, []string{"below zero"}},
		{[]string{"decrypt"}, []string{"needs FILE"}},
		{[]string{"version", "x"}, []string{"does not take"}},
		{[]string{"validate", "x.hcl"}, []string{"tfops validate --config x.hcl"}},
		{[]string{"validate", "x", "y"}, []string{"does not take"}},
		{[]string{"init", "a", "b"}, []string{"does not take"}},
		{[]string{"man"}, []string{"needs DIR"}},
		{[]string{"help", "aprove"}, []string{"there is no command aprove", "did you mean approve?"}},
		{[]string{"completion"}, []string{"needs SHELL"}},
		{[]string{"completion", "bsh"}, []string{"did you mean bash?"}},
		{[]string{"locks", "--server", "tfops"}, []string{"not the address", "https://host"}},
		{[]string{"locks", "--server", "http://example.com"}, []string{"https://example.com"}},
	} {
		r := s.ends(exit.Usage, c.args...)
		for _, want := range append(c.says, "Error: ") {
			if !strings.Contains(r.err, want) {
				t.Errorf("tfops %q says\n%s\nwithout %q", c.args, r.err, want)
			}
		}
		if r.out != "" {
			t.Errorf("tfops %q prints to stdout: %q", c.args, r.out)
		}
	}
}

// TestEveryCommandRefusesArgumentsThatItDoesNotTake finds a command that was
// forgotten in the table above.
func TestEveryCommandRefusesArgumentsThatItDoesNotTake(t *testing.T) {
	walk(rootForTest(), func(c *cobra.Command) {
		if c.Name() == "drift" || c.HasSubCommands() {
			return
		}
		if err := c.ValidateArgs([]string{"one", "two", "three"}); err == nil {
			t.Errorf("%s takes any number of arguments", c.CommandPath())
		}
	})
}

func TestExitStatusOfFaults(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	for code, want := range map[fault.Code]int{fault.Invalid: exit.Usage, fault.NotFound: exit.Failed,
		fault.Conflict:  exit.Failed,
		fault.Forbidden: exit.Failed, fault.Unavailable: exit.Failed, fault.Internal: exit.Failed} {
		d.on("GET /locks", fault.New(code, "tfops something", "it went wrong"))
		r := s.ends(want, "locks")
		if r.err != "Error: it went wrong\nNext: tfops something\n" {
			t.Errorf("%s: %q", code, r.err)
		}
	}
}

func TestNoDaemonAndNoConfiguration(t *testing.T) {
	s := newShell(t)
	r := s.ends(exit.Usage, "status")
	for _, want := range []string{"--config FILE", "TFOPS_CONFIG", "--server ADDRESS", "TFOPS_SERVER"} {
		if !strings.Contains(r.err, want) {
			t.Errorf("says\n%s\nwithout %s", r.err, want)
		}
	}
	s.env["TFOPS_CONFIG"] = "missing.hcl"
	if r := s.ends(exit.Usage, "status"); !strings.Contains(r.err, "missing.hcl") {
		t.Errorf("does not name the file: %s", r.err)
	}
}

func TestTheServerIsFoundThroughTheConfiguration(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	d.on("GET /locks", []any{})
	socket := s.env["TFOPS_SERVER"]
	delete(s.env, "TFOPS_SERVER")
	dir := strings.TrimSuffix(socket, "/s")

	// Neither a variable that is not set here nor a mistake elsewhere in the
	// file keeps a command from finding the daemon that runs with it.
	write(t, "tfops.hcl", "data_dir = join(\"/\", [\""+dir+"\", \"data\"])\nrepository \"a\" {\n  auth { password = "+
		"env(\"NOT_SET_HERE\") }\n  oops\n}\n")
	if r := s.ends(exit.Failed, "locks"); !strings.Contains(r.err, dir+"/data/tfops.sock") ||
		!strings.Contains(r.err, "tfops serve") {
		t.Errorf("another socket: %s", r.err)
	}
	link(t, socket, dir+"/tfops.sock")
	write(t, "tfops.hcl", "data_dir = \""+dir+"\"\n")
	s.ok("locks")
	write(t, "tfops.hcl", "data_dir = \"relative\"\n")
	if r := s.ends(exit.Failed, "locks"); !strings.Contains(r.err, "/relative/tfops.sock") {
		t.Errorf("a relative data_dir: %s", r.err)
	}
	write(t, "tfops.hcl", "data_dir = [1]\n")
	if r := s.ends(exit.Usage, "locks"); !strings.Contains(r.err, "tfops.hcl:1:") {
		t.Errorf("a wrong data_dir is not shown: %s", r.err)
	}
	for _, server := range []string{socket, "unix://" + socket} {
		s.ok("locks", "--server", server)
	}
	if r := s.ends(exit.Failed, "locks", "--server", "./s"); !strings.Contains(r.err, "tfops serve is not running") {
		t.Errorf("no daemon: %s", r.err)
	}
}

func TestHelp(t *testing.T) {
	s := newShell(t)
	for _, args := range [][]string{{}, {"--help"}, {"help"}} {
		if out := s.ok(args...); !strings.Contains(out, "tfops demo") || !strings.Contains(out, "Decide:") {
			t.Errorf("tfops %q: %s", args, out)
		}
	}
	for _, args := range [][]string{{"approve", "--help"}, {"help", "approve"}} {
		if out := s.ok(args...); !strings.Contains(out, "--digest") || !strings.Contains(out, "--help") {
			t.Errorf("tfops %q: no flags in %s", args, out)
		}
	}
	if out := s.ok("--version"); !strings.HasPrefix(out, "tfops version ") {
		t.Errorf("version is %q", out)
	}
}
