// Package document writes results for programs, as JSON or YAML with the same keys in the
// same order. What a terminal acts on is escaped: a document is safe to look at, too.
package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Format is how results are printed.
type Format string

const (
	Table Format = "table"
	JSON  Format = "json"
	YAML  Format = "yaml"
)

// Formats are the names of all.
var Formats = []string{string(Table), string(JSON), string(YAML)}

// String, Set and Type make a flag of it.
func (f *Format) String() string { return string(*f) }
func (f *Format) Type() string   { return "FORMAT" }
func (f *Format) Set(s string) error {
	if !slices.Contains(Formats, s) {
		return fmt.Errorf("it is one of %s", strings.Join(Formats, ", "))
	}
	*f = Format(s)
	return nil
}

// Encode writes a result as a document of this Format, which is not Table.
func Encode(f Format, v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("the result cannot be written as JSON: %w", err)
	}
	if f == JSON {
		return harmless(buf.Bytes(), jsonEscape), nil
	}
	out, err := toYAML(buf.Bytes())
	if err != nil {
		return nil, fmt.Errorf("the result cannot be written as YAML: %w", err)
	}
	return harmless(out, yamlEscape), nil
}

// Next writes one of many JSON documents that follow each other, in a Format that is
// not Table.
func Next(f Format, line []byte) ([]byte, error) {
	if f == JSON {
		return append(harmless(line, jsonEscape), '\n'), nil
	}
	doc, err := toYAML(line)
	return append([]byte("---\n"), harmless(doc, yamlEscape)...), err
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

// acts reports whether a character is a control or a Format character; white
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
