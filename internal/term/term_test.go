package term_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/values"
	"github.com/tfops/tfops/internal/term"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// screen is a printer onto buffers.
type screen struct {
	*term.Printer
	out, err bytes.Buffer
}

func newScreen(opts term.Options, env ...string) *screen {
	s := &screen{}
	opts.Now = func() time.Time { return noon }
	opts.Getenv = func(name string) string {
		for _, e := range env {
			if k, v, _ := strings.Cut(e, "="); k == name {
				return v
			}
		}
		return ""
	}
	s.Printer = term.New(&s.out, &s.err, opts)
	return s
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		write(t, file, got)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s (-update writes it): %s", file, firstDifference(got, string(want)))
	}
	for i, l := range strings.Split(got, "\n") {
		if strings.TrimRight(l, " \t") != l {
			t.Errorf("%s:%d ends in space: %q", file, i+1, l)
		}
	}
}

func TestPlanGolden(t *testing.T) {
	for _, name := range []string{"aws_update", "kinds", "secrets_create", "secrets_update", "secrets_destroy",
		"values_update", "errored"} {
		raw, err := os.ReadFile(filepath.Join("..", "plan", "testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt", printed(t, raw, "terraform"))
	}
}

// rare is a plan with what real plans seldom have.
func rare() *plan.Plan {
	return &plan.Plan{
		Drift: []plan.Change{
			{Address: "a.changed", Mode: "managed", Type: "a", Name: "changed", Action: plan.Update,
				Before: map[string]any{"id": "1", "x": "old", "same": true},
				After:  map[string]any{"id": "1", "x": "new", "same": true}, Told: relevant("x")},
			{Address: "a.gone", Mode: "managed", Type: "a", Name: "gone", Action: plan.Delete,
				Before: map[string]any{"id": "2"}, Told: relevant("")},
			{Address: "a.aside", Mode: "managed", Type: "a", Name: "aside", Action: plan.Delete,
				Before: map[string]any{"id": "7"}},
		},
		Changes: []plan.Change{
			{Address: "a.b", Mode: "managed", Type: "a", Name: "b", Deposed: "0123abcd", Action: plan.Delete,
				Before: map[string]any{"id": "3"}},
			{Address: "a.r", Mode: "managed", Type: "a", Name: "r", Action: plan.Replace, CreateFirst: true,
				ImportID: "i-1", ReplacePaths: []string{"size", "rule", "doc", "text"},
				Before: map[string]any{"size": json.Number("1"), "doc": `{"a":1}`, "text": "a\nb",
					"rule": []any{map[string]any{"x": "1"}}, "secret": []any{plan.Sensitive}},
				After: map[string]any{"size": json.Number("2"), "doc": `{"a":2}`, "text": "a\nc",
					"rule": []any{map[string]any{"x": "2"}}, "secret": []any{plan.Sensitive}},
				SensitiveChanged: []string{"secret[0]"}},
			{Address: "a.whole", Mode: "managed", Type: "a", Name: "whole", Action: plan.Update,
				Before:  map[string]any{"nested": plan.Sensitive, "dyn": []any{}},
				After:   map[string]any{"nested": plan.Sensitive},
				Unknown: map[string]any{"dyn": true}, SensitiveChanged: []string{"nested"},
				Blocks: []string{"nested", "dyn"}},
			{Address: `a.q["x"]`, Mode: "managed", Type: "a", Name: "q", Action: plan.Delete,
				Reason: "delete_because_no_module", Module: "module.m", Before: map[string]any{"id": "4"}},
			{Address: `a.s["x"]`, Mode: "managed", Type: "a", Name: "s", Action: plan.Delete,
				Reason: "delete_because_wrong_repetition", Before: map[string]any{"id": "5"}},
			{Address: `a.t`, Mode: "managed", Type: "a", Name: "t", Action: plan.Delete,
				Reason: "delete_because_wrong_repetition", Before: map[string]any{"id": "6"}},
			{Address: `data.a.d`, Mode: "data", Type: "a", Name: "d", Action: plan.ReadData,
				Reason: "read_because_dependency_pending", After: map[string]any{},
				Unknown: map[string]any{"id": true}},
		},
		Deferred:    []plan.Change{{Address: "a.later", Reason: "instance_count_unknown"}},
		Invocations: []plan.Invocation{{Address: "action.x.y", Trigger: "a.b"}},
		Outputs: []plan.Output{{Name: "o", Action: plan.Update, Before: plan.Sensitive, After: plan.Sensitive,
			Sensitive: true}, {Name: "longer", Action: plan.Delete, Before: json.Number("1")}},
		Checks: []plan.Check{{Address: "check.fine", Status: "pass"}, {Address: "check.bad", Status: "fail",
			Problems: []string{"one\ntwo"}}, {Address: "a.b", Kind: "resource", Status: "error"}},
		Counts: plan.Counts{Delete: 4, Replace: 1, Change: 1, Import: 1, Read: 1, Outputs: 2},
	}
}

func relevant(path string) plan.Told {
	return plan.Told{Layout: plan.Layout{Relevant: []string{path}}}
}

func TestRarePlans(t *testing.T) {
	for _, c := range []struct{ file, engine string }{{"rare.txt", ""}, {"rare_tofu.txt", "tofu"}} {
		s := newScreen(term.Options{})
		pl := rare()
		pl.EngineName = c.engine
		s.Plan(nil, pl)
		golden(t, c.file, s.out.String())
	}
	s := newScreen(term.Options{Color: term.ColorAlways})
	s.Plan(nil, rare())
	if got := stripColours(s.out.String()); got != newPrinted(rare()) {
		t.Errorf("colours change more than colours: %s", firstDifference(got, newPrinted(rare())))
	}
	golden(t, "rare_coloured.txt", s.out.String())
}

func newPrinted(pl *plan.Plan) string {
	s := newScreen(term.Options{})
	s.Plan(&s.err, pl)
	return s.err.String()
}

func TestPlanWithoutChanges(t *testing.T) {
	for _, c := range []struct {
		pl   plan.Plan
		want string
	}{
		{plan.Plan{Complete: true}, "No changes. Your infrastructure matches the configuration.\n"},
		{plan.Plan{Complete: true, Drift: rare().Drift},
			"Changed outside as well, which this plan leaves as it is: a.changed, a.gone,\na.aside\n"},
		{plan.Plan{Errored: true}, "Planning failed."},
		{plan.Plan{Errored: true, Changes: rare().Changes}, "but then encountered a problem:\n"},
	} {
		if got := newPrinted(&c.pl); !strings.Contains(got, c.want) || strings.Contains(got, "Plan:") {
			t.Errorf("%q is not in\n%s", c.want, got)
		}
	}
}

// evil moves the cursor, sets the title, hides and reorders text.
const evil = "x\x1b[2J\x1b]0;title\x07\u009b31m\rhidden\b\u202ereversed\u2066\x00\xff"

func TestNothingReachesTheTerminal(t *testing.T) {
	deep := map[string]any{"plain": evil, "lines": "a\n" + evil + "\nb",
		"json": string(must(json.Marshal(map[string]any{evil: []string{evil}}))),
		evil:   "key", "map": map[string]any{evil: evil}, "list": []any{evil, map[string]any{evil: evil}},
		"number": json.Number(evil), "block": []any{map[string]any{evil: evil}}}
	other := map[string]any{"plain": "y", "lines": "a\ny\nb", "json": `{"y":1}`, "list": []any{evil + "2"}, "number": evil}
	change := func(a plan.Action, before, after any) plan.Change {
		return plan.Change{Address: evil, PreviousAddress: evil, Module: evil, Mode: evil, Type: evil, Name: evil,
			Provider: evil, Deposed: evil, Action: a,
			ImportID: evil, Reason: evil, Before: before, After: after, Blocks: []string{"block"}}
	}
	all := []plan.Change{change(plan.Create, nil, deep), change(plan.Delete, deep, nil),
		change(plan.Update, deep, other), change(plan.NoOp, deep, deep), change(plan.Replace, other, deep),
		change(plan.Forget, deep, nil)}
	for _, why := range []string{"delete_because_no_resource_config", "delete_because_no_module",
		"delete_because_no_move_target", "delete_because_each_key", "delete_because_count_index"} {
		c := change(plan.Delete, deep, nil)
		c.Reason = why
		c.Address += `["` + evil + `"]`
		all = append(all, c)
	}
	pl := &plan.Plan{EngineName: evil, EngineVersion: evil, Changes: all, Drift: all, Deferred: all,
		Invocations: []plan.Invocation{{Address: evil, Type: evil, Trigger: evil}},
		Outputs:     []plan.Output{{Name: evil, Action: plan.Create, After: deep}},
		Checks:      []plan.Check{{Address: evil, Status: "fail", Problems: []string{evil}}}}
	s := newScreen(term.Options{Width: 60})
	s.Plan(nil, pl)
	s.Plan(&s.err, pl)
	s.Printf("%s %v", evil, errors.New(evil))
	s.Notef("%s", evil)
	s.Heading(evil)
	s.TableOf(columns(evil, "b"), [][]term.Cell{term.Cells(evil, evil)})
	s.KeyValues([]term.KeyValue{{Key: evil, Value: evil + "\n" + evil}})
	s.Error(fault.New(fault.Invalid, evil, "%s", evil))
	s.Error(errors.Join(errors.New(evil), errors.New(evil)))
	s.Warning(evil, evil)
	s.Printf("%s", term.Diagnostic{Severity: "error", Summary: evil, Detail: evil, Address: evil, File: evil, Line: 1,
		Context: evil, Code: evil, Values: []string{evil}}.String())
	s.Event([]byte(evil))
	for _, kind := range []string{"apply_start", "provision_progress", "change_summary", "outputs", "diagnostic", "log",
		"no such type", ""} {
		s.Event(must(json.Marshal(map[string]any{"@level": "info", "@message": evil, "type": kind,
			"outputs": map[string]any{evil: map[string]any{"value": deep["map"]}},
			"hook":    map[string]any{"resource": map[string]any{"addr": evil}, "provisioner": evil, "output": evil},
			"diagnostic": map[string]any{"severity": "error", "summary": evil, "detail": evil,
				"range":   map[string]any{"filename": evil},
				"snippet": map[string]any{"code": evil, "highlight_start_offset": 1, "highlight_end_offset": 4}}})))
	}
	for name, text := range map[string]string{"stdout": s.out.String(), "stderr": s.err.String()} {
		if len(text) < 1000 || !strings.Contains(text, `\x1b[2J`) {
			t.Errorf("%s holds too little: %s", name, text)
		}
		noControl(t, name, text)
	}
}

func noControl(t *testing.T, what, text string) {
	t.Helper()
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)) {
			t.Fatalf("%s: not UTF-8: %q", what, text[max(0, i-40):min(len(text), i+40)])
		}
		if r == '\n' || r == '\t' || !unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			continue
		}
		t.Fatalf("%s: %q reaches the terminal: %q", what, r, text[max(0, i-40):min(len(text), i+40)])
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"@level":"info","@message":"a: Creating...","type":"apply_start"}`), "x")
	f.Add([]byte(`{"@message":"x","type":"diagnostic","diagnostic":{"severity":"warning","summary":"s","detail":"d\n e","range":{"filename":"f","start":{"line":1}},"snippet":{"context":null,"code":"a\nb","start_line":3,"highlight_start_offset":1,"highlight_end_offset":9}}}`), evil)
	f.Add([]byte(`{"@message":"Outputs: 1","type":"outputs","outputs":{"o":{"sensitive":false,"type":"string","value":[{"a":"b\nc"}]}}}`), "")
	f.Fuzz(func(t *testing.T, line []byte, text string) {
		s := newScreen(term.Options{})
		s.Event(line)
		s.Event(must(json.Marshal(map[string]any{"@message": text, "type": "log"})))
		noControl(t, "stdout", s.out.String())
		noControl(t, "Clean", term.Clean(text))
		if strings.Contains(term.Clean(text), "\n") {
			t.Errorf("a line end in %q", term.Clean(text))
		}
	})
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "",
		"plain":                "plain",
		"é 日本 👩‍🚀 e\u0301":     "é 日本 👩‍🚀 e\u0301",
		"a\tb\nc":              `a b\nc`,
		"\x1b[31mred\x1b[0m":   `\x1b[31mred\x1b[0m`,
		"\u009b31m \u202e\xff": `\x9b31m \u202e\xff`,
		"back\\slash":          `back\slash`,
		"\U000e0041":           `\U000e0041`,
	} {
		if got := term.Clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := term.CleanText("a\r\nb\tc\rd\x07"); got != "a\nb\tc\\rd\\x07" {
		t.Errorf("%q", got)
	}
}

func TestColours(t *testing.T) {
	for _, c := range []struct {
		color term.Color
		env   []string
		want  bool
	}{
		{term.ColorAuto, nil, false}, // a buffer is no terminal
		{term.ColorAuto, []string{"CLICOLOR_FORCE=1"}, true},
		{term.ColorAuto, []string{"CLICOLOR_FORCE=0"}, false},
		{term.ColorAuto, []string{"CLICOLOR_FORCE=1", "NO_COLOR=1"}, false},
		{term.ColorAuto, []string{"CLICOLOR_FORCE=1", "NO_COLOR="}, true},
		{term.ColorAuto, []string{"CLICOLOR_FORCE=1", "TERM=dumb"}, true},
		{term.ColorAlways, []string{"NO_COLOR=1"}, true},
		{term.ColorNever, []string{"CLICOLOR_FORCE=1"}, false},
	} {
		s := newScreen(term.Options{Color: c.color}, c.env...)
		s.Heading("x")
		s.Error(errors.New("y"))
		s.Event([]byte(`{"@message":"a: Creating...","type":"apply_start"}`))
		for _, text := range []string{s.out.String(), s.err.String()} {
			if got := strings.Contains(text, "\x1b["); got != c.want {
				t.Errorf("%+v: colours %v in %q", c, got, text)
			}
		}
	}
}

func TestError(t *testing.T) {
	wrapped := fmt.Errorf("syncing: %w", fault.New(fault.Conflict, "Run tfops runs.", "The run has ended."))
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("it broke\n"), "Error: it broke\n"},
		{fault.New(fault.Invalid, "Do that.", "This is wrong."), "Error: This is wrong.\nNext: Do that.\n"},
		{wrapped, "Error: syncing: The run has ended.\nNext: Run tfops runs.\n"},
		{errors.Join(wrapped, errors.New("two")), "Error: syncing: The run has ended.\nNext: Run tfops " +
			"runs.\nError: two\n"},
		{fmt.Errorf("both: %w, %w", errors.New("a"), errors.New("b")), "Error: both: a, b\n"},
	} {
		s := newScreen(term.Options{})
		s.Error(c.err)
		if s.err.String() != c.want || s.out.Len() > 0 {
			t.Errorf("%v: %q, want %q; stdout %q", c.err, s.err.String(), c.want, s.out.String())
		}
	}
	s := newScreen(term.Options{})
	s.Warning("careful", "look")
	if got := s.err.String(); got != "Warning: careful\nNext: look\n" {
		t.Errorf("%q", got)
	}
}

// columns are all cut down to eight where the terminal is too narrow.
func columns(names ...string) []term.Column {
	var all []term.Column
	for _, name := range names {
		all = append(all, term.Column{Name: name, Cut: 8})
	}
	return all
}

func TestTable(t *testing.T) {
	rows := [][]term.Cell{
		{{Text: "日本"}, {Text: "synced", Tone: term.Good}, {Text: "a long text of several words that is cut"}},
		{{Text: "net-prod"}, {}, {Text: "short\nline"}},
		term.Cells("only one"),
	}
	header := columns("NAME", "SYNC", "MESSAGE")
	s := newScreen(term.Options{})
	s.TableOf(header, rows)
	golden(t, "table.txt", s.out.String())
	s = newScreen(term.Options{Width: 40})
	s.TableOf(header, rows)
	golden(t, "table_narrow.txt", s.out.String())
	s = newScreen(term.Options{Width: 5})
	s.TableOf(header, nil)
	if got := s.out.String(); got != "NAME  SYNC  MESSAGE\n" {
		t.Errorf("%q", got)
	}
	s = newScreen(term.Options{Color: term.ColorAlways, Width: 40})
	s.TableOf(header, rows)
	if !strings.Contains(s.out.String(), "\x1b[32msynced") {
		t.Errorf("%q", s.out.String())
	}
	golden(t, "table_narrow.txt", stripColours(s.out.String()))
}

func TestKeyValues(t *testing.T) {
	s := newScreen(term.Options{})
	s.KeyValues([]term.KeyValue{{Key: "Run", Value: "01J"}, {Key: "Nothing"},
		{Key: "Waiting for", Value: "an approval\nof ana\n", Tone: term.Busy}})
	if got, want := s.out.String(), "Run:         01J\nWaiting for: an approval\n             of ana\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0ms", 850 * time.Millisecond: "850ms", 12 * time.Second: "12s", 185 * time.Second: "3m05s",
		130 * time.Minute: "2h10m", 99 * time.Hour: "4d03h", -time.Minute: "-1m00s",
	} {
		if got := term.Duration(d); got != want {
			t.Errorf("%d: %q, want %q", d, got, want)
		}
	}
	for at, want := range map[time.Time]string{
		{}: "never", noon: "just now", noon.Add(-185 * time.Second): "3m05s ago", noon.Add(2 * time.Hour): "in 2h00m",
	} {
		if got := term.Ago(at, noon); got != want {
			t.Errorf("%v: %q, want %q", at, got, want)
		}
	}
	s := newScreen(term.Options{})
	if got := s.Time(noon.Add(-time.Hour).In(time.FixedZone("X", 3600))); got != "1h00m ago (2026-11-20 11:00:00 UTC)" {
		t.Error(got)
	}
	if s.Time(time.Time{}) != "never" || s.Ago(noon) != "just now" {
		t.Error(s.Time(time.Time{}), s.Ago(noon))
	}
}

func TestEvents(t *testing.T) {
	stream := strings.Join([]string{
		`{"@level":"info","@message":"Terraform 1.11.4","type":"version"}`,
		`{"@level":"info","@message":"Initializing the backend...","type":"init_output","message_code":"x"}`,
		`{"@level":"info","@message":"OpenTofu has been successfully initialized!\n\nYou may now begin."}`,
		`{"@level":"info","@message":"a.b: Refreshing state... [id=1]","type":"refresh_start"}`,
		`{"@level":"info","@message":"a.b: Refresh complete [id=1]","type":"refresh_complete"}`,
		`{"@level":"info","@message":"a.b: Drift detected (update)","type":"resource_drift"}`,
		`{"@level":"info","@message":"Plan: 1 to add, 0 to change, 0 to destroy.","type":"change_summary","changes":{"operation":"plan"}}`,
		`{"@level":"info","@message":"Outputs: 1","type":"outputs","outputs":{"o":{"sensitive":false,"action":"create"}}}`,
		`{"@level":"info","@message":"a.b: Still creating... [10s elapsed]","type":"apply_progress"}`,
		`{"@level":"info","@message":"a.b: (local-exec): one\r\ntwo","type":"provision_progress","hook":{"resource":{"addr":"a.b"},"provisioner":"local-exec","output":"one\r\ntwo\r\n"}}`,
		`{"@level":"warn","@message":"Warning: w","type":"diagnostic","diagnostic":{"severity":"warning","summary":"w","detail":""}}`,
		`{"@level":"error","@message":"Error: e","type":"diagnostic","diagnostic":{"severity":"error","summary":"e","detail":"d","address":"a.b","range":{"filename":"main.tf","start":{"line":7}}}}`,
		`{"@level":"error","@message":"Error: without more","type":"diagnostic"}`,
		`{"@level":"info","@message":"tfops waits for the provider cache","type":"log"}`,
		`{"@level":"info","@message":"something new","type":"not_known_yet","x":{"y":[1]}}`,
		`{"type":"no message"}`, `{broken`, `not JSON at all`, ``,
		`{"@level":"info","@message":"Apply complete! Resources: 1 added, 0 changed, 0 destroyed.","type":"change_summary","changes":{"operation":"apply"}}`,
	}, "\n")
	golden(t, "events.txt", printedEvents(stream))
	s := newScreen(term.Options{Color: term.ColorAlways})
	for line := range strings.SplitSeq(stream, "\n") {
		s.Event([]byte(line))
	}
	golden(t, "events.txt", stripColours(s.out.String()))
}

func TestDiagnostic(t *testing.T) {
	d := term.Diagnostic{Severity: "error", Summary: "Bad", File: "main.tf", Line: 9, Context: `resource "x" "y"`, Code: "a = 1"}
	want := "╷\n│ Error: Bad\n│\n│   on main.tf line 9, in resource \"x\" \"y\":\n│    9: a = 1\n╵"
	if got := d.String(); got != want {
		t.Errorf("%s", got)
	}
}

func TestAskNeedsSomebody(t *testing.T) {
	s := newScreen(term.Options{Stdin: strings.NewReader("yes\n")})
	answer, err := s.Ask(t.Context(), "Approve?", "Use --yes.")
	if answer != "" || fault.CodeOf(err) != fault.Invalid || fault.Next(err) != "Use --yes." || s.Interactive() {
		t.Errorf("%q, %v", answer, err)
	}
}

// Code that speaks in a provider's stead may say of arguments that they are blocks, which hold no values: what is
// shown stays all that changes.
func TestNoSchemaHidesAnArgument(t *testing.T) {
	type object = map[string]any
	block := &values.Schema{Block: true}
	lies := &values.Schema{Within: map[string]*values.Schema{"text": block, "list": block, "mixed": block,
		"gone": block, "true": block}}
	c := plan.Change{Address: "x.a", Action: plan.Update, Mode: "managed",
		Before: object{"text": "CANARY1", "list": []any{"CANARY2"}, "mixed": []any{object{"a": "1"}, "CANARY3"},
			"gone": json.Number("4711"), "true": []any{object{"a": "CANARY4"}}},
		After: object{"text": "CANARY5", "list": []any{"CANARY6"}, "mixed": []any{"CANARY7"},
			"true": []any{object{"a": "CANARY8"}}}}
	c.Layout.Schema = lies
	for _, engine := range []string{"terraform", "tofu"} {
		var out bytes.Buffer
		term.New(&out, &out, term.Options{Color: term.ColorNever}).Plan(nil, &plan.Plan{EngineName: engine,
			Complete: true, Changes: []plan.Change{c}})
		for _, want := range []string{"CANARY1", "CANARY2", "CANARY3", "4711", "CANARY4", "CANARY5", "CANARY6",
			"CANARY7", "CANARY8"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: %s is not shown:\n%s", engine, want, out.String())
			}
		}
	}
}
