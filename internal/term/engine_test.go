package term_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/term"
)

// terraform runs the real engine in dir and returns its stdout; want is its
// exit status.
func terraform(t *testing.T, dir string, want int, args ...string) []byte {
	t.Helper()
	rc := filepath.Join(t.TempDir(), "terraformrc")
	if err := os.WriteFile(rc, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("terraform", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+rc, "CHECKPOINT_DISABLE=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
		t.Fatalf("terraform %v: %v\n%s%s", args, err, out, stderr.Bytes())
	}
	return out
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// example is a file of the plan package's cases.
func example(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "plan", "testdata", "cases", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// printed is a plan as it is printed without colours.
func printed(t *testing.T, raw []byte, engine string) string {
	t.Helper()
	pl, _, err := plan.Read(raw, "sha256:d", plan.Known{})
	if err != nil {
		t.Fatal(err)
	}
	pl.EngineName = engine
	var out, errs bytes.Buffer
	term.New(&out, &errs, term.Options{Color: term.ColorNever}).Plan(nil, pl)
	if errs.Len() > 0 {
		t.Errorf("stderr: %s", errs.String())
	}
	return out.String()
}

// asTerraform takes out of our text what we say and Terraform 1.11 does not,
// and evens out the rest that differs on purpose:
//   - it does not count what is forgotten;
//   - it does not list checks with the plan.
func asTerraform(text string) string {
	text, _, _ = strings.Cut(text, "\nCheck: ")
	text = regexp.MustCompile(`(Plan: .*), \d+ to forget\.`).ReplaceAllString(text, "$1.")
	return tidy(text)
}

// tidy is a text without the spaces at the ends of its lines, and without empty lines around it.
func tidy(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

func TestPlanReadsAsTerraformPrintsIt(t *testing.T) {
	compare := func(t *testing.T, dir, name string, args ...string) {
		t.Helper()
		terraform(t, dir, 0, append([]string{"plan", "-no-color", "-out=p"}, args...)...)
		want := tidy(string(terraform(t, dir, 0, "show", "-no-color", "p")))
		got := asTerraform(printed(t, terraform(t, dir, 0, "show", "-json", "p"), "terraform"))
		if got != want {
			t.Errorf("%s: %s", name, firstDifference(got, want))
		}
		if len(want) < 50 {
			t.Errorf("%s: terraform printed only %q", name, want)
		}
	}
	t.Run("values", func(t *testing.T) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "main.tf"), example(t, "values/main.tf"))
		terraform(t, dir, 0, "init")
		compare(t, dir, "create")
		terraform(t, dir, 0, "apply", "-auto-approve")
		compare(t, dir, "none")
		compare(t, dir, "update", "-var=v=2")
		compare(t, dir, "destroy", "-destroy")
	})
	t.Run("kinds", func(t *testing.T) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "main.tf"), example(t, "kinds/before.tf"))
		write(t, filepath.Join(dir, "m", "main.tf"), example(t, "kinds/m/main.tf"))
		terraform(t, dir, 0, "init")
		terraform(t, dir, 0, "apply", "-auto-approve")
		terraform(t, dir, 0, "taint", "terraform_data.tainted")
		write(t, filepath.Join(dir, "main.tf"), example(t, "kinds/after.tf"))
		terraform(t, dir, 0, "init")
		compare(t, dir, "kinds", "-replace=terraform_data.requested")
	})
	t.Run("outputs only", func(t *testing.T) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "main.tf"), "output \"o\" {\n  value = { a = [1, \"x\"] }\n}\n")
		terraform(t, dir, 0, "init")
		compare(t, dir, "outputs")
	})
}

// firstDifference shows where two texts part.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := 0; i < len(g) || i < len(w); i++ {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			from := max(i-8, 0)
			return "printed\n" + strings.Join(g[from:min(i+6, len(g))], "\n") + "\n\nterraform prints\n" +
				strings.Join(w[from:min(i+6, len(w))], "\n")
		}
	}
	return "no difference"
}

const running = `
variable "name" {
  default = "y"
}

resource "terraform_data" "a" {
  input = var.name
  provisioner "local-exec" {
    command = "echo one; echo two"
  }
}

resource "terraform_data" "b" {
  input = terraform_data.a.output
}

output "text" {
  value = "x\ny"
}

output "object" {
  value = { a = 1, list = ["q", null], "b c" = {} }
}

output "hidden" {
  value     = "CANARY"
  sensitive = true
}

output "later" {
  value = terraform_data.b.output
}

output "partly" {
  value = { known = 1, later = terraform_data.b.id, list = [terraform_data.a.id, "x"] }
}

check "named" {
  assert {
    condition     = var.name == "x"
    error_message = "The name is not x, and this message is long enough that it must be wrapped somewhere."
  }
}
`

var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// TestEventsReadAsTerraformPrintsThem applies the same thing twice, once for
// the JSON stream and once for the text, and compares what is said.
func TestEventsReadAsTerraformPrintsThem(t *testing.T) {
	apply := func(args ...string) string {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "main.tf"), running)
		terraform(t, dir, 0, "init")
		terraform(t, dir, 0, "plan", "-out=p")
		return string(terraform(t, dir, 0, append(append([]string{"apply"}, args...), "p")...))
	}
	got := printedEvents(apply("-json"))
	want := stripColours(apply())
	got = strings.TrimPrefix(got, firstLine(got)+"\n") // the engine's version
	got, want = ids.ReplaceAllString(got, "ID"), ids.ReplaceAllString(want, "ID")
	took := regexp.MustCompile(`complete after \d+s`) // which is another time in each
	got, want = took.ReplaceAllString(got, "complete after 0s"), took.ReplaceAllString(want, "complete after 0s")
	// The JSON of an apply repeats what is planned; a diagnostic of ours stands apart.
	got = regexp.MustCompile(`(?m)^.*: Plan to create\n`).ReplaceAllString(got, "")
	got = strings.ReplaceAll(got, "\n\n╷", "\n╷")
	if tidy(got) != tidy(want) {
		t.Errorf("%s\n\nall of it:\n%s\n\nterraform:\n%s", firstDifference(tidy(got), tidy(want)), got, want)
	}
	if !strings.Contains(got, "terraform_data.a (local-exec): two") || strings.Contains(got, "CANARY") {
		t.Errorf("%s", got)
	}
}

func TestErrorsReadAsTerraformPrintsThem(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.tf"), `
variable "n" {
  default = 3
}

resource "terraform_data" "a" {
  input = var.n
  lifecycle {
    postcondition {
      condition     = self.input == 4
      error_message = "It should be four.\n\n  - this line stays as it is, however long it is, because it begins with a space"
    }
  }
}
`)
	terraform(t, dir, 0, "init")
	got := printedEvents(string(terraform(t, dir, 1, "plan", "-json")))
	cmd := exec.Command("terraform", "plan")
	cmd.Dir = dir
	rc := filepath.Join(t.TempDir(), "rc")
	write(t, rc, "")
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+rc, "CHECKPOINT_DISABLE=1")
	both, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("terraform plan succeeded")
	}
	box := regexp.MustCompile(`(?s)╷.*╵`)
	want := box.FindString(stripColours(string(both)))
	if got = box.FindString(got); want == "" || tidy(got) != tidy(want) {
		t.Errorf("printed\n%s\n\nterraform prints\n%s", got, want)
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func stripColours(s string) string {
	return regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(s, "")
}

func printedEvents(stream string) string {
	var out, errs bytes.Buffer
	p := term.New(&out, &errs, term.Options{Color: term.ColorNever})
	for line := range strings.Lines(stream) {
		p.Event([]byte(line))
	}
	return out.String()
}

// What may be another one at the next plan is named with what it was, and cannot write to the terminal.
func TestModulesThatCanMove(t *testing.T) {
	var out bytes.Buffer
	pl := &plan.Plan{Complete: true, Modules: []plan.Module{
		{Call: "m", Source: "git::https://x/m.git?ref=main", Commit: "3fa9c1a2", Digest: "sha256:1"},
		{Call: "n", Source: "acme/n/aws", Version: "5.0.1", Digest: "sha256:2"},
		{Call: "o", Source: "https://x/o.zip\x1b[2J", Digest: "sha256:3"},
	}}
	term.New(&out, &out, term.Options{Color: term.ColorNever}).Plan(nil, pl)
	for _, want := range []string{"m = git::https://x/m.git?ref=main at commit 3fa9c1a2\n",
		"n = acme/n/aws in version 5.0.1\n", "with the digest sha256:3\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("it writes to the terminal: %q", out.String())
	}
}

// What making a plan changed of the commit stands above the plan, and cannot write to the terminal.
func TestRewrittenFiles(t *testing.T) {
	var out bytes.Buffer
	pl := &plan.Plan{Complete: true, MoreRewritten: 3, Rewritten: []plan.Rewritten{{Path: "deploy.sh"},
		{Path: "a\x1b[2J\n  b", Removed: true}}}
	term.New(&out, &out, term.Options{Color: term.ColorNever}).Plan(nil, pl)
	text := out.String()
	for _, want := range []string{"  deploy.sh changed\n", " removed\n", "  and 3 more\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("not %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") || strings.Count(text, "\n  b") > 0 ||
		strings.Index(text, "deploy.sh") > strings.Index(text, "No changes") {
		t.Errorf("it writes to the terminal, or stands below the plan: %q", text)
	}
}
