package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/tfops/tfops/internal/fault"
)

// format is how results are printed.
type format string

const (
	formatTable format = "table"
	formatJSON  format = "json"
	formatYAML  format = "yaml"
)

var formats = []string{string(formatTable), string(formatJSON), string(formatYAML)}

// String, Set and Type make a flag of it.
func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "FORMAT" }
func (f *format) Set(s string) error {
	for _, known := range formats {
		if s == known {
			*f = format(s)
			return nil
		}
	}
	return fmt.Errorf("it is one of %s", strings.Join(formats, ", "))
}

// print prints a result to stdout: v as JSON or YAML where that is asked for,
// and otherwise whatever table prints.
func (a *app) print(v any, table func()) error {
	if a.output != formatJSON && a.output != formatYAML {
		table()
		return nil
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("the result cannot be written as JSON: %w", err)
	}
	if a.output == formatJSON {
		return a.write(harmless(buf.Bytes(), jsonEscape))
	}
	out, err := toYAML(buf.Bytes())
	if err != nil {
		return fmt.Errorf("the result cannot be written as YAML: %w", err)
	}
	return a.write(harmless(out, yamlEscape))
}

// write writes to stdout.
func (a *app) write(b []byte) error {
	if _, err := a.stdout.Write(b); err != nil {
		return fault.New(fault.Unavailable, "", "the output cannot be written: %w", err)
	}
	return nil
}

// harmless writes characters that a terminal acts on, or that reorder text, as
// escapes: the same document, safe to look at. encoding/json does so for the
// first 32 only.
func harmless(b []byte, escape func(rune) string) []byte {
	if bytes.IndexFunc(b, acts) < 0 {
		return b
	}
	var out bytes.Buffer
	for _, r := range string(b) {
		if acts(r) {
			out.WriteString(escape(r))
		} else {
			out.WriteRune(r)
		}
	}
	return out.Bytes()
}

// acts reports whether a character is a control or a format character; white
// space, which documents have between values, and joiners, which emoji and
// words have, apart.
func acts(r rune) bool {
	return !strings.ContainsRune("\n\t\u200c\u200d", r) && unicode.In(r, unicode.Cc, unicode.Cf)
}

func jsonEscape(r rune) string {
	if r1, r2 := utf16.EncodeRune(r); r1 != unicode.ReplacementChar {
		return fmt.Sprintf(`\u%04x\u%04x`, r1, r2)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

func yamlEscape(r rune) string { return fmt.Sprintf(`\U%08x`, r) }
