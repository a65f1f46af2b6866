package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	unsafe "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"

	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/formats"
)

// attacks are what somebody may write into a name, a value or a reason to get
// out of where it is shown.
var attacks = []string{
	"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</title></style><h1>x", "{{.}}", "<!--", "]]>",
	"&lt;b&gt;", "`", "``x", "|", `\|`, `a\`, "# x",
	"- x", "* * *", "[x](http://evil.example)", "![x](http://evil.example/p.png)", "http://evil.example",
	"<http://evil.example>", "@everyone", "#1", "~~x~~", "a\nb", "a\r\n\r\n# b",
	"\x1b[2J\x1b]8;;http://evil.example\x07x", "\x00", "\u202egnp.exe", "\u200b", "\u2028", "\ufeff", "=1+1", "+1",
	"-1", "@SUM(A1)", " =1", "\t=1", "＝1", "a;=1", `"=1`, "'=1", "\xff", "${x}", "%{x}",
}

// benign are as many words as there are attacks.
func benign() []string {
	var out []string
	for i := range attacks {
		out = append(out, fmt.Sprintf("word%d", i))
	}
	return out
}

// pair is the same fleet twice, once with attacks where the other has words.
func pair(seed uint64) (attacked, plain *report.Report) {
	turned := func(list []string) []string {
		n := int(seed) * 5 % len(list)
		return slices.Concat(list[n:], list[:n])
	}
	return report.Build(newFleet(seed, 6, words(turned(attacks)...)).in),
		report.Build(newFleet(seed, 6, words(turned(benign())...)).in)
}

// shape counts the elements of HTML, with the attributes that they have, and
// says what its text holds that does something else than to show.
func shape(t *testing.T, doc []byte) (map[string]int, []string) {
	t.Helper()
	out, hidden := map[string]int{}, []string{}
	for z := html.NewTokenizer(bytes.NewReader(doc)); ; {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Fatal(z.Err())
			}
			return out, hidden
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			name := tok.Data
			for _, a := range tok.Attr {
				name += " " + a.Key
				if strings.HasPrefix(a.Key, "on") || a.Key == "href" && !strings.HasPrefix(a.Val, "#") &&
					a.Val != "data:," {
					t.Errorf("<%s %s=%q>", tok.Data, a.Key, a.Val)
				}
				hidden = append(hidden, acts(a.Val)...)
			}
			out[name]++
		case html.TextToken:
			hidden = append(hidden, acts(z.Token().Data)...)
		case html.CommentToken:
			out["comment"]++
		}
	}
}

// acts lists what a terminal obeys or what reorders or hides text.
func acts(s string) []string {
	var out []string
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd") || r != '\n' && unicode.Is(unicode.Cc, r) ||
			r != 0x200d && r != 0x200c && unicode.Is(unicode.Cf, r) || unicode.In(r, unicode.Zl, unicode.Zp) {
			out = append(out, fmt.Sprintf("%q in %q", r, s[max(0, i-20):min(len(s), i+20)]))
		}
	}
	return out
}

// Whatever comes from outside, a page has the elements of its template and no
// other; so has Markdown once GitHub made HTML of it, and JUnit.
func TestNothingGetsOut(t *testing.T) {
	markdown := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(unsafe.WithUnsafe()))
	made := func(doc []byte) []byte {
		var b bytes.Buffer
		if err := markdown.Convert(doc, &b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for seed := range uint64(12) {
		attacked, plain := pair(seed)
		got, hidden := shape(t, rendered(t, attacked, "html"))
		want, _ := shape(t, rendered(t, plain, "html"))
		delete(got, "pre class") // a rule is not offered for what cannot be named
		delete(want, "pre class")
		compareShapes(t, "html", got, want, hidden)

		got, hidden = shape(t, made(rendered(t, attacked, "md")))
		want, _ = shape(t, made(rendered(t, plain, "md")))
		compareShapes(t, "md", got, want, hidden)

		got, hidden = elements(t, rendered(t, attacked, "junit"))
		want, _ = elements(t, rendered(t, plain, "junit"))
		compareShapes(t, "junit", got, want, hidden)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func compareShapes(t *testing.T, format string, got, want map[string]int, hidden []string) {
	t.Helper()
	if len(hidden) > 0 {
		t.Errorf("%s: %s", format, hidden[0])
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if got[name] != want[name] {
			t.Errorf("%s has %d <%s>, not %d", format, got[name], name, want[name])
		}
	}
	if len(want) < 4 {
		t.Errorf("%s: only %v to compare with", format, want)
	}
}

// elements counts those of XML.
func elements(t *testing.T, doc []byte) (map[string]int, []string) {
	t.Helper()
	out, hidden := map[string]int{}, []string{}
	for d := xml.NewDecoder(bytes.NewReader(doc)); ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out, hidden
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			name := tok.Name.Local
			for _, a := range tok.Attr {
				name += " " + a.Name.Local
				hidden = append(hidden, acts(a.Value)...)
			}
			out[name]++
		case xml.CharData:
			hidden = append(hidden, acts(string(tok))...)
		case xml.Comment:
			out["comment"]++
		}
	}
}

// What is written is text that shows: no format makes a terminal do anything.
func TestNoFormatActs(t *testing.T) {
	for seed := range uint64(12) {
		attacked, _ := pair(seed)
		for _, f := range formats.All() {
			if found := acts(string(rendered(t, attacked, f.Name))); len(found) > 0 {
				t.Errorf("%s: %s", f.Name, found[0])
			}
		}
	}
}

// SARIF reads links in messages: none comes from outside.
func TestSARIFMessagesHaveNoLinks(t *testing.T) {
	attacked, _ := pair(1)
	var log struct {
		Runs []struct {
			Results []struct{ Message struct{ Text string } }
		}
	}
	if err := json.Unmarshal(rendered(t, attacked, "sarif"), &log); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range log.Runs {
		for _, m := range r.Results {
			if n += strings.Count(m.Message.Text, "evil.example)"); strings.Contains(m.Message.Text, "](") {
				t.Errorf("a link: %s", m.Message.Text)
			}
		}
	}
	if n == 0 {
		t.Error("nothing tried to be a link")
	}
}

// runs reports whether a spreadsheet might run a cell, or a part of it where a
// semicolon ends cells.
func runs(cell string) bool {
	for part := range strings.SplitSeq(cell, ";") {
		if first := strings.TrimSpace(part); first != "" && strings.ContainsRune("=+-@＝＋－＠\t\r", []rune(first)[0]) {
			return true
		}
	}
	return false
}

func TestCSVRunsNothing(t *testing.T) {
	for seed := range uint64(12) {
		attacked, _ := pair(seed)
		lines, err := csv.NewReader(bytes.NewReader(rendered(t, attacked, "csv"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		findings := 0
		for _, s := range attacked.Workspaces {
			findings += max(1, len(s.Findings)+len(s.Resolved)+len(s.Ignored))
		}
		if len(lines) != 1+findings {
			t.Errorf("%d lines for %d findings", len(lines)-1, findings)
		}
		for _, line := range lines {
			for i, cell := range line {
				if runs(cell) {
					t.Errorf("%s runs %q", lines[0][i], cell)
				}
			}
		}
	}
}
