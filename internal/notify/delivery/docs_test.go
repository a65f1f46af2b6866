package delivery

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/notify/notifytest"
	"github.com/tfops/tfops/internal/run"
)

func readDoc(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// chapter is the text under a heading, down to the next of any level.
func chapter(t *testing.T, doc, heading string) string {
	t.Helper()
	_, after, ok := strings.Cut(doc, "# "+heading+"\n")
	if !ok {
		t.Fatalf("the document has no part %q", heading)
	}
	text, _, _ := strings.Cut(after, "\n#")
	return text
}

// column is what stands in the first column of the table under a header.
func column(t *testing.T, text, header string) (cells []string) {
	t.Helper()
	_, table, ok := strings.Cut(text, "| "+header+" |")
	if !ok {
		t.Fatalf("no table %q", header)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	for _, m := range regexp.MustCompile("\n\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1) {
		cells = append(cells, m[1])
	}
	return cells
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("%s:\n the document has %q\n there are        %q", what, got, slices.Sorted(slices.Values(want)))
	}
}

// Each kind, field, header and function is in the document, and no other.
func TestDocumentIsComplete(t *testing.T) {
	doc := readDoc(t)
	var kinds []string
	for _, k := range run.NoticeKinds() {
		kinds = append(kinds, string(k))
	}
	same(t, "kinds", column(t, chapter(t, doc, "What is sent when"), "kind"), kinds)

	fields := []string{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[notify.Message]()) {
		if !f.Anonymous && f.Name != "Targets" { // which deliveries do not have
			fields = append(fields, "."+f.Name)
		}
	}
	templates := chapter(t, doc, "Templates")
	same(t, "fields of templates", column(t, templates, "field"), fields)
	for _, f := range reflect.VisibleFields(reflect.TypeFor[run.ReportRef]()) {
		if !strings.Contains(templates, "`.Report."+f.Name+"`") {
			t.Errorf("the document does not have .Report.%s", f.Name)
		}
	}
	var names []string
	for name := range notify.TemplateFunctions {
		names = append(names, name)
	}
	same(t, "functions", column(t, templates, "function"), names)

	var keys []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[body]()) {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		keys = append(keys, key)
	}
	same(t, "fields of a body", column(t, chapter(t, doc, "Webhook"), "field"), keys)
}

// The example of a body is one that could be sent, with every field in its place.
func TestDocumentedBody(t *testing.T) {
	_, text, _ := strings.Cut(chapter(t, readDoc(t), "Webhook"), "```json\n")
	text, _, _ = strings.Cut(text, "```")
	var b body
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		t.Fatal(err)
	}
	if b.Version != BodyVersion || b.Delivery != run.DeliveryID(b.Notice, b.Target) || !b.Kind.Known() {
		t.Errorf("%+v", b)
	}
	made, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	plain := func(s string) string { return strings.Join(strings.Fields(s), "") }
	if plain(string(made)) != plain(text) {
		t.Errorf("the document has\n%s\nand this is sent\n%s", text, made)
	}
}

// Every URL in the document is one that can be written in a notify block, and
// every service that has more users than this document has lines is in it.
func TestDocumentedURLs(t *testing.T) {
	doc := readDoc(t)
	urls := regexp.MustCompile("\\| `([a-z]+://[^`]+)` \\|").FindAllStringSubmatch(chapter(t, doc, "Where to")+
		chapter(t, doc, "Mail"), -1)
	seen := map[string]bool{}
	for _, u := range urls {
		if _, err := notify.Parse(notify.Settings{Name: "ops", URL: u[1]}); err != nil {
			t.Errorf("%s: %v", u[1], err)
		}
		scheme, _, _ := strings.Cut(u[1], ":")
		seen[scheme] = true
	}
	for _, scheme := range []string{"slack", "teams", "discord", "telegram", "ntfy", "mattermost", "matrix",
		"googlechat", "opsgenie", "pagerduty", "smtp", "smtps"} {
		if !seen[scheme] {
			t.Errorf("the document does not show a URL of %s", scheme)
		}
	}
	if len(urls) < 18 {
		t.Errorf("only %d URLs", len(urls))
	}
}

// The examples of templates in the table of functions work.
func TestDocumentedFunctions(t *testing.T) {
	examples := regexp.MustCompile("\n\\| `[a-z]+` \\| `(\\{\\{[^`]+)` \\|").FindAllStringSubmatch(chapter(t,
		readDoc(t), "Templates"), -1)
	if len(examples) != len(notify.TemplateFunctions) {
		t.Fatalf("%d examples of %d functions", len(examples), len(notify.TemplateFunctions))
	}
	for _, e := range examples {
		if _, err := notify.ParseTemplates(map[run.NoticeKind]notify.Template{notify.Any: {Text: e[1]}}); err != nil {
			t.Errorf("%s: %v", e[1], err)
		}
	}
}

// The numbers in the document are those of the code.
func TestDocumentedNumbers(t *testing.T) {
	doc := strings.Join(strings.Fields(readDoc(t)), " ")
	whole := 0.0
	for i := range maxAttempts - 1 {
		whole += doubled(i+1, maxBackoff).Hours()
	}
	for _, want := range []string{
		"made again after a minute, two, four and so on, at most " + hours(maxBackoff) + ", each a fifth more or less",
		fmt.Sprintf("given up after %d attempts, which takes about %.0f hours, or once it is %s old and %d attempts "+
			"have failed", maxAttempts, whole-0.5, hours(maxAge), minAttempts),
		fmt.Sprintf("for a minute at first and for %.0f minutes at most", maxRest.Minutes()),
		fmt.Sprintf("has taken nothing for %d attempts, what is older than %s is given up", maxAttempts, hours(maxAge)),
		fmt.Sprintf("older than %s is given up after %d attempts", hours(maxAge), minAttempts),
		"at most 1,900 characters (Pushover: 1,000)", "more than 64 KiB", "more than 10,000 times",
		"At most 10 MiB go along", "At most 1 MiB; a larger", "at most 30 seconds", hours(maxBackoff) + " at most",
		"kept for 30 days, and at most 1,000 of them",
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("the document does not say %q", want)
		}
	}
	if firstBackoff != time.Minute || maxChat != 1900 || lessChat["pushover"] != 1000 || len(lessChat) != 1 ||
		notify.MaxText != 64<<10 || notify.MaxSteps != 10_000 || maxAttached != 10<<20 || maxDocument != 1<<20 ||
		New(nil, Options{}).o.Timeout != 30*time.Second {
		t.Error("the document has other numbers than the code")
	}
}

func hours(d time.Duration) string { return fmt.Sprintf("%.0f hours", d.Hours()) }

// checker is a receiver's way to check a signature.
type checker func(secret string, at, sum string, body []byte) error

// The examples in the document, and the receiver of these tests, take what
// tfops has signed and nothing else. An interpreter that is not on this machine
// is said; the rest of them check the same.
func TestDocumentedSignature(t *testing.T) {
	checkers := map[string]checker{"go": func(secret, at, sum string, body []byte) error {
		h := map[string][]string{"Tfops-Timestamp": {at}, "Tfops-Signature": {sum}}
		return verify(secret, post{h, body}, time.Now())
	}}
	doc := chapter(t, readDoc(t), "Signature")
	if has(t, "sh", "openssl", "date", "cut") {
		script := example(t, doc, "sh") + "\ngenuine \"$@\"\n"
		checkers["sh"] = func(secret, at, sum string, body []byte) error {
			return runExample(t, exec.Command("sh", "-c", script, "sh", secret, at, sum), body)
		}
	}
	if has(t, "python3") {
		script := example(t, doc, "python") + `
import sys
sent = {"Tfops-Timestamp": sys.argv[2], "Tfops-Signature": sys.argv[3]}
sys.exit(0 if genuine(sys.argv[1], sent, sys.stdin.buffer.read()) else 7)
`
		checkers["python"] = func(secret, at, sum string, body []byte) error {
			return runExample(t, exec.Command("python3", "-c", script, secret, at, sum), body)
		}
	}
	for name, genuine := range checkers {
		t.Run(name, func(t *testing.T) {
			for _, secret := range []string{"ünïcödé 'quoted\" $x `y`", "-k" + strings.Repeat("long", 100)} {
				r := newReceiver(t)
				g := newRig(t, notify.Target{Name: "ops", URL: r.URL, Secret: secret})
				g.clock.pass(time.Since(g.clock.now())) // the examples look at the real one
				n := notifytest.Notice("drifted: \\ % ünïcödé \u2028", "ops")
				n.Text = "two\nlines\x00 and a NUL"
				g.tell(n)
				g.start(g.store)
				p := receive(t, r.posts, "a message")
				at, sum := p.header.Get("Tfops-Timestamp"), p.header.Get("Tfops-Signature")
				if err := genuine(secret, at, sum, p.body); err != nil {
					t.Errorf("secret %q: what tfops signed is refused: %v", secret, err)
				}
				for what, err := range map[string]error{
					"another secret":  genuine(secret+"x", at, sum, p.body),
					"a changed body":  genuine(secret, at, sum, append(bytes.Clone(p.body), '\n')),
					"another time":    genuine(secret, at+"0", sum, p.body),
					"no signature":    genuine(secret, at, "", p.body),
					"another version": genuine(secret, at, strings.Replace(sum, "v1=", "v2=", 1), p.body),
					"a cut signature": genuine(secret, at, sum[:len(sum)-1], p.body),
					"no time":         genuine(secret, "", signature(secret, "", p.body), p.body),
					"a time that is one": genuine(secret, "a[$(exit 0)]", signature(secret, "a[$(exit 0)]", p.body),
						p.body),
					"an old message":   old(genuine, secret, -6*time.Minute, p.body),
					"a future message": old(genuine, secret, 6*time.Minute, p.body),
				} {
					if err == nil {
						t.Errorf("secret %q: %s is taken", secret, what)
					}
				}
				if err := old(genuine, secret, -4*time.Minute, p.body); err != nil {
					t.Errorf("four minutes are too many: %v", err)
				}
				g.stop()
			}
		})
	}
}

// old is a message that was rightly signed at another time.
func old(genuine checker, secret string, ago time.Duration, body []byte) error {
	at := strconv.FormatInt(time.Now().Add(ago).Unix(), 10)
	return genuine(secret, at, signature(secret, at, body), body)
}

// example is the code of a language in the document.
func example(t *testing.T, doc, language string) string {
	t.Helper()
	_, code, ok := strings.Cut(doc, "```"+language+"\n")
	if !ok {
		t.Fatalf("there is no example in %s", language)
	}
	code, _, _ = strings.Cut(code, "```")
	return code
}

func has(t *testing.T, programs ...string) bool {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Logf("%s is not here, so its example is not run", p)
			return false
		}
	}
	return true
}

// runExample runs an example: that it refuses is an error, and that it fails ends
// the test.
func runExample(t *testing.T, cmd *exec.Cmd, stdin []byte) error {
	t.Helper()
	cmd.Stdin, cmd.Dir = bytes.NewReader(stdin), t.TempDir()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	var refused *exec.ExitError
	if said.Len() > 0 || err != nil && !errors.As(err, &refused) {
		t.Fatalf("%s: %v\n%s", filepath.Base(cmd.Path), err, said.String())
	}
	return err
}
